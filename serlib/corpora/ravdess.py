"""RAVDESS, the Ryerson Audio-Visual Database of Emotional Speech and Song: 24 actors, 2 sentences, 8 emotions.

Livingstone, Russo: "The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS)", PLoS ONE 13(5), 2018.
``03-01-05-02-01-02-12.wav``: audio only (03), speech (01), emotion, intensity (01 normal, 02 strong; neutral has no
strong), sentence, repetition, actor (odd: a man, even: a woman). The 1,440 recordings of the audio-only speech part.
"""

import re
from collections import Counter
from itertools import product
from os import PathLike

from serlib.corpora.emotions import ordered
from serlib.corpora.scan import SUFFIXES, Survey, counts, files, folder, frame

CODES = {
    "01": "neutral", "02": "calm", "03": "happiness", "04": "sadness", "05": "anger", "06": "fear", "07": "disgust",
    "08": "surprise",
}  # fmt: skip
NAMES = tuple(
    f"03-01-{emotion}-{intensity}-{sentence}-{repetition}-{actor:02d}"
    for actor, emotion, intensity, sentence, repetition in product(
        range(1, 25), CODES, ("01", "02"), ("01", "02"), ("01", "02")
    )
    if (emotion, intensity) != ("01", "02")
)


def survey(root: str | PathLike | None) -> Survey:
    """Compare all speech below ``root``, ``.wav`` as released or ``.flac``, with the 1,440 names.

    Video, songs, other files and second copies under the same name are left out and counted. One recording of the
    release comes twice under two names (actor 07); unless the options say otherwise, the second is left out.

    Args:
        root: a folder with ``Actor_01`` to ``Actor_24`` at any depth, such as that of the unpacked release.

    Raises:
        CorpusError: for a missing folder.
    """
    root = folder("ravdess", root, "Actor_01 to Actor_24")
    rows, there, passed = frame([_row(name) for name in NAMES]), {}, Counter()
    for path in files(root):
        if re.fullmatch(r"\d\d(-\d\d){6}", path.stem) and not path.stem.startswith("03-01"):
            passed["of songs" if path.stem.startswith("03") else "with video"] += 1
        elif path.suffix.lower() in SUFFIXES and path.stem not in rows.index:
            passed["of other names"] += 1
        elif path.suffix.lower() in SUFFIXES and there.setdefault(path.stem, path) != path:
            passed["second copies"] += 1
    found, expected = rows[rows.index.isin(there)], counts(rows, "speaker", "emotion")
    passed = [f"{count} {what}" for what, count in passed.items()]
    return Survey(
        "ravdess", root, found.assign(file=[str(there[name]) for name in found.index]), ordered(CODES.values()),
        counts(found, "speaker", "emotion", like=expected), expected,
        missing=tuple(f"Actor_{name[-2:]}/{name}" for name in NAMES if name not in there),
        duplicates="drop", notes=(f"files left out: {', '.join(passed)}",) if passed else (),
    )  # fmt: skip


def _row(name: str) -> dict:
    _, _, emotion, intensity, sentence, repetition, actor = name.split("-")
    return {
        "utterance": name, "emotion": CODES[emotion], "raw_label": emotion, "speaker": actor,
        "sex": "male" if int(actor) % 2 else "female", "sentence": sentence, "take": f"{intensity}-{repetition}",
    }  # fmt: skip
