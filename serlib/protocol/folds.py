"""Train, dev and test parts of a corpus by named schemes; dev is kept apart from test in all of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

import numpy as np
from sklearn.model_selection import StratifiedKFold, train_test_split

from serlib.checks import check_number
from serlib.corpora.corpus import Corpus, CorpusError, check_corpus

SPEAKER_FOLDS = {f"speaker-folds-{size}": size for size in (5, 6)}
SPEAKER_DEPENDENT = ("stratified-5",)
SCHEMES = ("leave-one-speaker-out", *SPEAKER_FOLDS, "leave-one-session-out", "session-speaker-10", *SPEAKER_DEPENDENT)
# Name of a fold: speakers (or sessions) tested, and those in dev.
_Plan = dict[str, tuple[Sequence[str], Sequence[str]]]


@dataclass(frozen=True, eq=False)
class Fold:
    """One division of a corpus: positions into ``corpus.table``, (n,) int64, and a name that is unique in its scheme.

    A ValueError unless the parts are disjoint; only dev may be empty.
    """

    name: str
    train: np.ndarray
    dev: np.ndarray
    test: np.ndarray

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise ValueError(f"name of a fold is {self.name!r}; allowed is text")
        for part in ("train", "dev", "test"):
            rows = np.asarray(getattr(self, part))
            if rows.ndim != 1 or (rows.size and (rows.dtype.kind not in "iu" or rows.min() < 0)):
                came = f"{part} is {rows.dtype} of shape {rows.shape}, such as {rows.ravel()[:1].tolist()}"
                raise ValueError(f"fold {self.name!r}: {came}; allowed are positions, whole numbers from 0 on")
            object.__setattr__(self, part, rows.astype(np.int64))
        both = len(self.train) and len(self.test)
        if not both or np.bincount(np.concatenate([self.train, self.dev, self.test])).max() > 1:
            sizes = f"{len(self.train)} + {len(self.dev)} + {len(self.test)} utterances"
            raise ValueError(f"fold {self.name!r}: {sizes}; parts must be disjoint, train and test not empty")

    def digest(self, corpus: Corpus) -> str:
        """Return 64 hex digits over which utterance stands in which part; row order and fold name do not enter."""
        names = corpus.table.index.to_numpy()
        if (last := max(part.max(initial=0) for part in (self.train, self.dev, self.test))) >= len(names):
            told = f"there is no position {last}; {corpus.name} has {len(names)} utterances"
            raise ValueError(f"fold {self.name!r}: {told}")
        parts = [sorted(map(str, names[part])) for part in (self.train, self.dev, self.test)]
        return sha256(json.dumps(parts).encode()).hexdigest()


def _column(corpus: Corpus, column: str, at_least: int = 2) -> np.ndarray:
    """Return a column as strings; refuse gaps and fewer different values than there shall be groups."""
    values = corpus.table[column]
    if values.isna().any() or values.nunique() < at_least:
        what = f"found {values.nunique()} {column}s, {values.isna().sum()} utterances without"
        raise CorpusError(f"needs at least {at_least} {column}s and one for every utterance; {what}")
    return values.to_numpy(dtype=str)


def _leave_one_speaker_out(sexes: dict[str, str]) -> _Plan:
    plan, everyone = {}, list(sexes)
    for k, (speaker, sex) in enumerate(sexes.items(), 1):
        others = [s for s in everyone if sex and sexes[s] not in ("", sex)]
        # The k-th woman is paired with the k-th man, so that every speaker is dev about equally often.
        rank = [s for s in everyone if sexes[s] == sex].index(speaker)
        plan[f"speaker-{speaker}"] = [speaker], [others[rank % len(others)] if others else everyone[k % len(everyone)]]
    return plan


def _speaker_folds(sexes: dict[str, str], heard: dict[str, int], size: int) -> _Plan:
    groups: list[list[str]] = [[] for _ in range(size)]
    # Dealt out one by one to the group with the fewest of that sex, then the fewest speakers, then utterances.
    for speaker in sorted(sexes, key=lambda s: (sexes[s] or "unknown", -heard[s], s)):
        loads = [([sexes[s] for s in g].count(sexes[speaker]), len(g), sum(heard[s] for s in g)) for g in groups]
        groups[loads.index(min(loads))].append(speaker)
    plan = {}
    for k, tested in enumerate(groups):
        candidates = groups[(k + 1) % size]
        pair = [next((s for s in candidates if sexes[s] == sex), "") for sex in ("female", "male")]
        plan[f"fold-{k + 1}"] = tested, pair if all(pair) else candidates[:2]
    return plan


def _session_speakers(sessions: np.ndarray, speakers: np.ndarray) -> _Plan:
    plan = {}
    for session in np.unique(sessions):
        inside = np.unique(speakers[sessions == session]).tolist()
        if len(inside) < 2 or np.isin(inside, speakers[sessions != session]).any():
            raise CorpusError(f"needs two speakers in each session, and in no other; session {session} has {inside}")
        plan |= {f"speaker-{speaker}": ([speaker], [s for s in inside if s != speaker]) for speaker in inside}
    return plan


def _grouped(corpus: Corpus, scheme: str) -> list[Fold]:
    """Make folds that hold out whole speakers (or sessions); what is neither tested nor dev trains."""
    units = _column(corpus, "speaker", at_least=SPEAKER_FOLDS.get(scheme, 2))
    sexes = corpus.table["sex"].groupby(units).first().fillna("").to_dict()
    if scheme == "leave-one-speaker-out":
        plan = _leave_one_speaker_out(sexes)
    elif scheme in SPEAKER_FOLDS:
        plan = _speaker_folds(sexes, {s: int((units == s).sum()) for s in sexes}, SPEAKER_FOLDS[scheme])
    elif scheme == "session-speaker-10":
        plan = _session_speakers(_column(corpus, "session"), units)
    else:
        units = _column(corpus, "session")
        names = np.unique(units)
        plan = {f"session-{s}": ([s], [following]) for s, following in zip(names, np.roll(names, -1), strict=True)}
    made = []
    for name, (tested, watched) in sorted(plan.items()):
        in_test, in_dev = np.isin(units, tested), np.isin(units, watched)
        in_dev &= not (in_test | in_dev).all()  # with two speakers in all, the other one must train
        made.append(Fold(name, *map(np.flatnonzero, (~in_test & ~in_dev, in_dev, in_test))))
    return made


def _stratified(corpus: Corpus, seed: int, size: int = 5) -> list[Fold]:
    counts = np.bincount(corpus.labels, minlength=len(corpus.classes))
    if counts.min() < size:
        rarest = corpus.classes[counts.argmin()]
        raise CorpusError(f"needs at least {size} utterances of each class; {rarest} has {counts.min()}")
    # Shuffled from the order of the names, so that the order of the rows does not matter.
    order, made = np.argsort(corpus.table.index.to_numpy(dtype=str)), []
    labels = corpus.labels[order]
    for k, (rest, test) in enumerate(StratifiedKFold(size, shuffle=True, random_state=seed).split(order, labels), 1):
        eighth = max(round(len(rest) / 8), len(counts))
        train, dev = train_test_split(rest, test_size=eighth, stratify=labels[rest], random_state=seed)
        made.append(Fold(f"fold-{k}", *(np.sort(order[part]) for part in (train, dev, test))))
    return made


def default_scheme(corpus: Corpus) -> str:
    """Return ``leave-one-session-out`` where every utterance has a session, else ``speaker_scheme``."""
    check_corpus(corpus)
    return "leave-one-session-out" if corpus.table["session"].notna().all() else speaker_scheme(corpus)


def speaker_scheme(corpus: Corpus) -> str:
    """Return ``speaker-folds-5`` where there are five speakers, else ``leave-one-speaker-out``."""
    return "speaker-folds-5" if corpus.table["speaker"].nunique() >= 5 else "leave-one-speaker-out"


def folds(corpus: Corpus, scheme: str, *, seed: int = 0) -> list[Fold]:
    """Divide a corpus so that every utterance is tested exactly once.

    - ``leave-one-speaker-out``: one test speaker, one dev speaker of the other sex where there is one, the rest train.
    - ``speaker-folds-5``, ``speaker-folds-6``: so many groups of speakers, balanced by sex; dev is one woman and one
      man of the next group (two of its speakers, or its only one, where it lacks either).
    - ``leave-one-session-out``: the next session is dev.
    - ``session-speaker-10``: one speaker of a session is tested, the other is dev; all other sessions train.
    - ``stratified-5``: shuffled by ``seed`` in each class, dev an eighth of the training part; **speaker-dependent**.

    With only two speakers (or sessions) to leave out in turn, dev is empty. An unknown scheme is a ValueError, a corpus
    that lacks what the scheme needs, or a class in a training part, a CorpusError.
    """
    check_corpus(corpus)
    check_number("seed", seed, 0, integer=True)
    if scheme not in SCHEMES:
        raise ValueError(f"unknown scheme {scheme!r}; allowed are {', '.join(SCHEMES)}")
    try:
        made = _stratified(corpus, seed) if scheme in SPEAKER_DEPENDENT else _grouped(corpus, scheme)
        for fold in made:
            if absent := [c for k, c in enumerate(corpus.classes) if k not in corpus.labels[fold.train]]:
                raise CorpusError(f"needs every class in training; fold {fold.name!r} has no {absent[0]} there")
    except CorpusError as error:
        raise CorpusError(f"{scheme} on {corpus.name}: {error}") from None
    return made
