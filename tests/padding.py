"""A clip alone, and among others in a padded batch: what every network here must not tell apart."""

from collections.abc import Callable, Sequence

import torch
from hypothesis import strategies as st
from torch import Tensor

GARBAGE = st.sampled_from([0.0, 7.0, -1e4, float("nan"), float("inf")])  # what padding may hold


def alone_and_together(
    network: Callable[[Tensor, Tensor], Tensor], clip: Tensor, others: Sequence[Tensor], *,
    padding: int, place: int, garbage: float,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Embed a clip (1, ..., time) by itself and as a row of a batch: (1, E) each.

    Args:
        network: from a batch and its valid lengths to embeddings.
        clip: the clip asked about.
        others: its companions, shaped alike but for time.
        padding: frames that at least follow the clip in the batch.
        place: the clip's row; the last one where there are fewer.
        garbage: what lies behind every clip's end.
    """
    place, rows = min(place, len(others)), list(others)
    rows.insert(place, clip)
    lengths = torch.tensor([x.shape[-1] for x in rows])
    width = max(clip.shape[-1] + padding, int(lengths.max()))
    batch = torch.full((len(rows), *clip.shape[1:-1], width), garbage)
    for row, x in zip(batch, rows, strict=True):
        row[..., : x.shape[-1]] = x[0]
    with torch.no_grad():
        return network(clip, lengths[place : place + 1]), network(batch, lengths)[place : place + 1]
