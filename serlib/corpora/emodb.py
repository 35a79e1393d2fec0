"""EMO-DB, the Berlin Database of Emotional Speech: 10 speakers, 10 sentences, 7 emotions, 535 recordings.

Burkhardt, Paeschke, Rolfes, Sendlmeier, Weiss: "A database of German emotional speech", Interspeech 2005.
``03a01Fa.wav`` is speaker 03, sentence a01, emotion F (Freude: happiness), take a.
"""

import hashlib
import re
import shutil
from itertools import product
from os import PathLike
from pathlib import Path

from serlib.corpora.corpus import CorpusError
from serlib.corpora.scan import Survey, counts, folder, frame, listed
from serlib.paths import cache_dir

VERSION = "1.4.1"  # the newest release, 2.0.0, mixes in 281 recordings on which listeners did not agree
LETTERS = {"W": "anger", "L": "boredom", "E": "disgust", "A": "fear", "F": "happiness", "N": "neutral", "T": "sadness"}
MEN, WOMEN = ("03", "10", "11", "12", "15"), ("08", "09", "13", "14", "16")
SENTENCES = ("a01", "a02", "a04", "a05", "a07", "b01", "b02", "b03", "b09", "b10")
# Letters and takes of all recordings: a word for each speaker and sentence, in the order above.
TAKES = """
FaNcWa FcNcTaWbWc AdFdLcNcTaWc AaFcNdTcWaWb FaFbLaNcWc FaLbNbTdWaWc AaLaNaTbWb NbTcWc LaNcTcWa AbEcNaNcWbWc
AbFdLcNaWaWc AbAcFeLaNaTbWc FfLaNcTbWc FeLcNbTaWa FdLaNaTaTbWc AaFdFeLbNaWa FfLaNbTcWd FeLcNbTcWd AbFdLcNbTbWaWc
AaFdLaNcTcWa EaFaNbWb EaEbLaWb FdLaNbWa EdLcNbTbWbWc EbNaTaWbWd EaNaWb NaTbWcWd EdFaFdLbNbTaWb EaNdWa AaNdWa AcNbWa
AbFaLbNaWa FdNbWaWb AaLdTbWb AaAdLaTaWb AaEaFaLb AaLaNaWb LaTbWb AdLbWb FcLcWa AaAbLdNdWc EcFbLdNcTcWc AcFdNdWc
AdFbFcLcNaTdWd AcLdTaWc AbEbFcLbNcWd AbFdNaTdWb FcLcNbTdWaWb AdFdLdNaTdWa AdAeLdNcTdWa FbLbNbWc AcEcNbWaWc Wc
AbLbNdTaWb AcLaWa TaWa AdEaFbNaWaWbWd LaTa AcTdWc AcLdWa AcEaEcFdLbNbWb AdEcFaLcNcTaWa AcFcLbTaWc AaEaLcNbTcWaWc
FdLbNaTcWb AbEcFcLdNcWa FbLcNbWa AcEdFdLbNaTdWc AbEcFbFcLaNaWa EcFaLaNcWaWc AaAcEaNaWaWc AbEaFdLaNcTbWaWc
AaEdLbTbTcWbWc AaAcFaFbLbNaTaTcWaWb AaEbFdLcLdNaTcWc AcEbFaFcNaWc AaFbNaTcWbWd AdEdLbTaWb AcEaFcLbTdWaWc AdEbLbNbTcWc
EaFbLaNbWa AcEaLaNaTaWbWd AbAcFdNcWaWb EbFbLbNaWa AcEbFaFbLdNc EcLbNaWc AaLbNdTcWaWc AaLcNbTcWaWb AcFaLaNbTaWb
AcLcNbNcWa EcFcLbNcTbWb EaEcLbNbTcWb AbEaFaLaLcNcTcWbWc AbEaFcLaTbWbWc EaFaFbLaLbNbTdWa AaEbFaLaLcTbWaWb AaEbFdLbWb
AdEaFaFdLaNbTaWb AbEbFbLaLbWb AaEbFbLbTbTdWaWb
""".split()  # noqa: SIM905
NAMES = tuple(
    speaker + sentence + take
    for (speaker, sentence), word in zip(product(sorted(MEN + WOMEN), SENTENCES), TAKES, strict=True)
    for take in re.findall("..", word)
)


def survey(root: str | PathLike | None = None) -> Survey:
    """Compare ``root/wav/03a01Fa.wav`` and so on with the 535 names; hidden files and other folders are left alone.

    Args:
        root: the folder that holds ``wav``; None: version 1.4.1 is fetched with audb into the cache, once.

    Raises:
        CorpusError: for a missing folder, wav files of another name, a fetch that fails.
    """
    root = folder("emodb", fetch() if root is None else root, "wav/03a01Fa.wav")
    wav = folder("emodb", root / "wav", "03a01Fa.wav")
    there = {p.stem for p in wav.iterdir() if p.suffix.lower() == ".wav" and not p.name.startswith(".")}
    foreign = sorted(there.difference(NAMES))
    if foreign:
        what = f"{wav} holds wav files that are not in version {VERSION}: {listed(foreign, len(foreign))}"
        raise CorpusError(f"emodb: {what}; allowed are its {len(NAMES)} names such as 03a01Fa")
    rows = frame([_row(wav, name) for name in NAMES])
    found, expected = rows[rows.index.isin(there)], counts(rows, "speaker", "emotion")
    return Survey(
        "emodb", root, found, tuple(LETTERS.values()), counts(found, "speaker", "emotion", like=expected), expected,
        missing=tuple(f"wav/{name}.wav" for name in NAMES if name not in there),
    )  # fmt: skip


def fetch() -> Path:
    """Return the folder of version 1.4.1 in the cache; audb fetches what is not there yet, with a progress bar."""
    cache = cache_dir() / "audb"
    for wav in cache.glob(f"emodb/{VERSION}/*/wav"):
        if all((wav / f"{name}.wav").is_file() for name in NAMES):
            return wav.parent
    ways = "give root, the folder that holds wav/03a01Fa.wav, or pip install -e '.[corpora]' and be online"
    try:
        import audb

        cache.mkdir(parents=True, exist_ok=True)
        database = audb.load("emodb", version=VERSION, cache_root=str(cache), pickle_tables=False, verbose=True)
        if database is None:
            raise TimeoutError("another process holds its cache")
        root, published = Path(database.root), audb.dependencies("emodb", version=VERSION, cache_root=str(cache))
        there = [file for file in (f"wav/{name}.wav" for name in NAMES) if (root / file).is_file()]
        sums = {file: hashlib.md5((root / file).read_bytes()).hexdigest() for file in there}  # audb looks at none
        if wrong := [file for file, md5 in sums.items() if md5 != published.checksum(file)]:
            shutil.rmtree(root)
            raise ValueError(f"not as published: {listed(wrong, len(wrong))}; all is removed, try again")
        return root
    except ImportError as error:
        raise CorpusError(f"emodb: no root is given and audb is not installed; {ways}") from error
    except Exception as error:  # every server of audb fails in its own way
        what = f"audb cannot fetch version {VERSION} ({error})"
        raise CorpusError(f"emodb: no root is given and {what}; {ways}") from error


def _row(wav: Path, name: str) -> dict:
    return {
        "utterance": name, "file": str(wav / f"{name}.wav"), "emotion": LETTERS[name[5]], "raw_label": name[5],
        "speaker": name[:2], "sex": "female" if name[:2] in WOMEN else "male", "sentence": name[2:5], "take": name[6],
    }  # fmt: skip
