"""Scores on their way from a notebook to the report's index."""

import json
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from serlib.protocol import Scores

MIME = "application/vnd.serlib.scores+json"


def publish(scores: "Scores | Sequence[Scores] | pd.DataFrame", title: str) -> None:
    """Show a table of scores and hand it to the index of the report, which lists all that were published.

    Args:
        scores: of ``cross_validate``: pooled scores in percent, UA with its 95 % interval, UA on the training part,
            and what was not trained to the end. Or a table of your own.
        title: of the table.

    Raises:
        ValueError: for a table without a column or index ``method``.
    """
    import pandas as pd
    from IPython.display import display

    if isinstance(scores, pd.DataFrame):
        table = scores.reset_index() if scores.index.name else scores
    else:
        table = pd.DataFrame([_row(s) for s in (scores if isinstance(scores, Sequence) else [scores])])
    if "method" not in table:
        raise ValueError(f"table {title!r} has the columns {list(table.columns)}; needed is one called 'method'")
    data, shown = json.loads(table.to_json(orient="split", index=False)), table.filter(regex="^(?!fingerprint)")
    shown = shown.astype(object).where(shown.notna(), "–")
    html = shown.to_html(index=False, border=0, float_format="{:.1f}".format)
    html = html.replace("<thead>", f"<caption>{escape(title)}</caption><thead>", 1)
    display({"text/html": html, "text/plain": shown.to_string(), MIME: {"title": title, **data}}, raw=True)


def published(notebook: Any) -> list[dict[str, Any]]:
    """Return the rows that an executed notebook published, each with its table's title under ``table``."""
    outputs = [o.data[MIME] for cell in notebook.cells for o in cell.get("outputs", []) if MIME in o.get("data", {})]
    return [{"table": o["title"], **dict(zip(o["columns"], row, strict=True))} for o in outputs for row in o["data"]]


def _row(scores: "Scores") -> dict[str, Any]:
    """Return one row of the index; ``Scores.label`` holds the warnings that a reader needs."""
    summary, (method, corpus, profile, scheme, *warnings) = scores.summary(), scores.label.split(" · ")
    spoken = " · ".join(dict.fromkeys([corpus, *(["synthetic"] if "synthetic" in warnings else [])]))
    return {
        "method": method, "corpus": spoken, "profile": profile, "scheme": scheme,
        **{f"{metric} %": summary.at[metric, "pooled"] for metric in summary.index},
        **{f"UA {end}": summary.at["UA", end] for end in ("low", "high")},
        "train UA %": scores.train_ua,
        "note": summary.attrs["note"],
        "fingerprint": next((m["corpus"]["fingerprint"] for m in scores.manifests), None),
    }  # fmt: skip
