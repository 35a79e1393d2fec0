"""IEMOCAP, the interactive emotional dyadic motion capture database: 10 actors in 5 sessions of two.

Busso et al.: "IEMOCAP: interactive emotional dyadic motion capture database", Language Resources and Evaluation 42,
2008. A release holds ``Session1..5/sentences/wav/<dialog>/<turn>.wav`` and
``Session1..5/dialog/EmoEvaluation/<dialog>.txt``.
"""

import re
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import pandas as pd

from serlib.corpora.corpus import CorpusError
from serlib.corpora.scan import Survey, counts, folder, frame, shown

HOLDS = "Session1 to Session5 with sentences/wav and dialog/EmoEvaluation"
LABELS = {"ang": "anger", "hap": "happiness", "exc": "happiness", "neu": "neutral", "sad": "sadness"}
SCENARIOS = {"improvised": "_impro", "scripted": "_script", "all": "_"}  # what the names of the turns contain
HAPPINESS = {"hap": ("exc",), "hap+exc": ()}  # labels left out
# Turns by session and label in the order above, as counted in the folds that EmoBox and s3prl publish: 5531 in all.
PUBLISHED = ((229, 135, 143, 384, 194), (137, 117, 210, 362, 197), (240, 135, 151, 320, 305), (327, 65, 238, 258, 143),
             (170, 143, 299, 384, 245))  # fmt: skip
EXPECTED = pd.DataFrame(PUBLISHED, index=[f"Session{k}" for k in range(1, 6)], columns=list(LABELS))
# Ses01F_impro04_M003: F wore the markers in this recording, M speaks in this turn.
TURN = re.compile(r"(Ses0[1-5])[FM]_(?:impro|(?P<script>script\d+_\d+))\w*_(?P<speaker>[FM])\w+")
LINE = "[6.2901 - 8.2357]<tab>Ses01F_impro01_F000<tab>neu<tab>[2.5000, 2.5000, 2.5000]"


def survey(root: str | PathLike | None, *, scenario: str = "improvised", happiness: str = "hap") -> Survey:
    """Compare all labelled turns with the published counts, and choose from the four classes that most papers use.

    Args:
        root: the release, or the folder that holds it under the name ``IEMOCAP_full_release`` or ``IEMOCAP``.
        scenario: ``"improvised"``, ``"scripted"`` or ``"all"``.
        happiness: ``"hap"``, or ``"hap+exc"``, which counts excited turns as happy.

    Returns:
        The speaker is ``Ses01F`` or ``Ses01M`` by the letter of the turn; ``raw_label`` tells hap from exc;
        ``sentence`` is the script, which every session repeats, and None for improvised turns.

    Raises:
        CorpusError: for an unknown option, a missing folder, a line that cannot be read.
    """
    if scenario not in [*SCENARIOS]:  # a list is compared where a key would be hashed
        raise CorpusError(f"iemocap: scenario is {scenario!r}; allowed are {', '.join(SCENARIOS)}")
    if happiness not in [*HAPPINESS]:
        raise CorpusError(f"iemocap: happiness is {happiness!r}; allowed are {', '.join(HAPPINESS)}")
    root = folder("iemocap", root, HOLDS)
    root = next((root / n for n in ("IEMOCAP_full_release", "IEMOCAP") if (root / n).is_dir()), root)
    if not any((root / session).is_dir() for session in EXPECTED.index):
        raise CorpusError(f"iemocap: {root} holds no session; needed is the folder that holds {HOLDS}")
    turns = frame([turn for session in EXPECTED.index for turn in _turns(root / session)])
    there = turns["file"].map(lambda file: Path(file).is_file()).astype(bool)
    spoken = turns[there]
    chosen = spoken.index.str.contains(SCENARIOS[scenario]) & ~spoken["raw_label"].isin(HAPPINESS[happiness])
    return Survey(
        "iemocap", root, spoken[chosen], ("anger", "happiness", "neutral", "sadness"),
        counts(spoken, "session", "raw_label", like=EXPECTED), EXPECTED, duplicates="keep",
        missing=tuple(shown(file, root) for file in turns["file"][~there]),
    )  # fmt: skip


def _turns(session: Path) -> Iterator[dict]:
    """Read the labels of one session, without macOS's ``._Ses*`` copies and turns of other emotions."""
    for path in sorted((session / "dialog" / "EmoEvaluation").glob("Ses*.txt")):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            if not line.startswith("["):
                continue
            _, name, label, *_ = [*line.split("\t"), "", ""]
            if label and label not in LABELS:
                continue
            turn = TURN.fullmatch(name)
            if not label or not turn or turn[1][-1] != session.name[-1]:
                raise CorpusError(f"iemocap: cannot read {line!r} in {path}; allowed are lines such as {LINE!r}")
            file = session / "sentences" / "wav" / name.rpartition("_")[0] / f"{name}.wav"
            yield {
                "utterance": name, "file": str(file), "emotion": LABELS[label], "raw_label": label,
                "speaker": turn[1] + turn["speaker"], "sex": {"F": "female", "M": "male"}[turn["speaker"]],
                "session": session.name, "sentence": turn["script"],
            }  # fmt: skip
