"""One pass over the audio of a corpus, which collects every fault before anything is raised."""

import logging
import re
from hashlib import file_digest
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from serlib.audio import ROUNDING_SECONDS, STEP, AudioError, check_sounding, decode, opened
from serlib.corpora.check import CheckReport
from serlib.corpora.corpus import COLUMNS, Corpus, CorpusError
from serlib.corpora.scan import Survey, lines, listed, shown

# What every method of every profile takes: its shortest clip, and the least that it reads of a clip's beginning.
SHORTEST_SECONDS = 0.51
HEARD_SECONDS = 1.0
# libsndfile's log of a file that was cut off; a stream whose length nobody knew is given the largest number there is.
CUT_OFF = re.compile(r": (\d{1,9}) \(should be (\d+)\)")


def measure(survey: Survey, *, samples: bool) -> CheckReport:
    """Read the header and the bytes of every recording; where asked its ``samples`` too, as features do."""
    from tqdm.auto import tqdm

    good, faults, doubled, doubtful, known, first = [], [], [], {}, {}, {}
    rows = survey.rows.reset_index().to_dict("records")
    for row in tqdm(rows, f"reading {survey.name}", leave=False, disable=None if len(rows) > 1000 else True):
        file, name = row["file"], shown(row["file"], survey.root)
        try:
            if file not in known:
                known[file] = header(file)
            seconds, row["audio_sha256"] = known[file]
            row["start"], row["end"] = _segment(row["start"], row["end"], seconds)
            row["duration"] = seconds if np.isnan(row["end"]) else row["end"] - row["start"]
            what = f"{row['audio_sha256']} {row['start']} {row['end']}"
            if (before := first.get(what)) and survey.duplicates != "keep":
                told = f"the recording has come before, as {shown(before['file'], survey.root)}"
                if (before["emotion"], before["speaker"]) != (row["emotion"], row["speaker"]):
                    raise AudioError(f"{told}, there {before['emotion']} by {before['speaker']}")
                if survey.duplicates == "error":
                    raise AudioError(f"{told}; duplicates='drop' keeps the first")
                doubled.append(f"{name}: {told}")
                continue
            if doubt := _doubt(row, samples):
                doubtful[row["utterance"]] = f"{name}: {doubt}"
            first[what] = row
            good.append(row)
        except AudioError as error:
            faults.append(f"{name}: {str(error).removeprefix(f'{file}: ')}")
    table = pd.DataFrame(good, columns=["utterance", *COLUMNS]).set_index("utterance")
    return CheckReport(**vars(survey), table=table, faults=tuple(dict.fromkeys(faults)), doubled=tuple(doubled),
                       doubtful=doubtful)  # fmt: skip


def build(survey: Survey, *, partial: bool = False, on_bad: str = "error") -> Corpus:
    """Read all audio and make the corpus, or raise one CorpusError about all recordings missing or faulty."""
    drop = on_bad == "drop"
    found = measure(survey, samples=drop)
    table, left, doubtful, wrong = found.table, found.doubled, tuple(found.doubtful.values()), []
    if found.absent and not partial:
        missing = listed(found.missing, found.absent)
        wrong.append(f"{found.absent} recordings are missing: {missing}; partial=True goes on without them")
    if drop:
        table, left, doubtful = table.drop(index=list(found.doubtful)), left + found.faults + doubtful, ()
    elif found.faults:
        wrong.append(lines("recordings cannot be used; on_bad='drop' goes on without them", found.faults))
    left = lines(f"of {len(survey.rows)} recordings are left out", left)
    if wrong or not len(table):
        told = "\n".join(wrong or filter(None, ["there are no recordings", left]))
        raise CorpusError(f"{survey.name} at {survey.root}: {told}")
    doubts = lines("recordings are refused by some methods; on_bad='drop' goes on without them", doubtful)
    for told in filter(None, [*survey.notes, left, doubts]):
        logging.getLogger(__name__).warning("%s: %s", survey.name, told)
    return Corpus(survey.name, table, survey.classes)


def _doubt(row: dict[str, Any], samples: bool) -> str:
    """Say what some methods refuse; refuse with an AudioError what all do."""
    if samples:
        signal, rate_hz = decode(row["file"], None, row["start"], row["end"])
        _check_whole(len(signal) / rate_hz, row["duration"])
        check_sounding(signal, row["file"])
        if np.ptp(signal[: round(HEARD_SECONDS * rate_hz)]) < STEP:
            return f"silent in its first {HEARD_SECONDS:g} s, and some methods read no more"
    short = row["duration"] < SHORTEST_SECONDS
    return f"{row['duration']:.3g} s are too short for some networks, {SHORTEST_SECONDS} s suit all" if short else ""


def _segment(start: float | None, end: float | None, seconds: float) -> tuple[float, float]:
    """Return both ends of a segment in seconds, NaN and NaN for a whole file, so that nobody need look for one."""
    start = 0.0 if pd.isna(start) else start
    if pd.isna(end) and not start:
        return np.nan, np.nan
    end = seconds if pd.isna(end) else end
    if not 0 <= start < end <= seconds + ROUNDING_SECONDS:
        raise AudioError(f"{start:g} to {end:g} s is no part of its {seconds:g} s")
    return start, min(end, seconds)


def header(path: str) -> tuple[float, str]:
    """Return a file's seconds and the SHA-256 of its bytes; empty or cut off, it is an AudioError without its name."""
    with opened(path) as file:
        seconds, log = file.frames / file.samplerate, file.extra_info
    if not seconds:
        raise AudioError("holds no samples")
    ratio = max((int(promised) / max(int(there), 1) for promised, there in CUT_OFF.findall(log)), default=1.0)
    _check_whole(seconds, seconds * ratio)
    with Path(path).open("rb") as stream:
        return seconds, file_digest(stream, "sha256").hexdigest()


def _check_whole(seconds: float, promised: float) -> None:
    if seconds < promised - ROUNDING_SECONDS:
        raise AudioError(f"cut off, or its header is wrong: {seconds:.2f} of {promised:.2f} s are there")
