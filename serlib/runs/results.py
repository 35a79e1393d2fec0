"""Committed results: made from the run store, read, listed, kept in step with the code.

A pack holds runs of one recipe on one corpus, and the *golden values* of the code that made them: what a few fixed
steps of the method give (``serlib.runs.golden``). They are how a test tells that results are stale.
"""

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import joblib
import pandas as pd

from serlib import paths
from serlib.corpora.corpus import Corpus
from serlib.protocol import SCHEMES, Scores
from serlib.runs import pack
from serlib.runs.engine import assemble
from serlib.runs.golden import differences, golden_values
from serlib.runs.run import Run
from serlib.runs.store import RunStore

FEW = 20  # packs


def whole_seeds(runs: Sequence[Run]) -> list[Run]:
    """Return the runs, by seed and fold, of those seeds that have every fold that any seed has; may be none.

    The folds of a named scheme test every utterance of the corpus once; a seed that tests fewer lacks some.
    """
    ordered = sorted(runs, key=lambda run: pack.position(run.manifest))
    facts = [(*pack.position(run.manifest), len(run.predictions)) for run in ordered]
    table = pd.DataFrame(facts, columns=["seed", "fold", "rows"])
    seeds = table.groupby("seed").agg({"fold": "nunique", "rows": "sum"})
    named = bool(ordered) and ordered[0].manifest["fold"]["scheme"] in SCHEMES
    least = ordered[0].manifest["corpus"].get("utterances", 0) if named else 0
    whole = seeds.index[(seeds["fold"] == table["fold"].nunique()) & (seeds["rows"] >= least)]
    return [run for run in ordered if run.manifest["seed"] in whole]


def stored_scores(
    corpus: Corpus | str, method: str, *, profile: str, scheme: str, seeds: Sequence[int] | None = None
) -> Scores | None:
    """Return a method's committed results, which need no training.

    Of a Corpus come those alone that were measured on just these utterances and classes (its fingerprint); by a name,
    as ``Scores`` show it (``"emodb 1:8"``), whatever is committed under it. Without ``seeds`` come all that are whole;
    those that lack a fold are left out, and told where some are whole (settings are tried on a few folds alone). Only
    the first seed has embeddings and arrays.

    Returns:
        Scores by seed and fold; None where no seed is whole, or the pack is damaged (told), or not all of ``seeds``.
    """
    name, print_ = (corpus, None) if isinstance(corpus, str) else (corpus.name, corpus.fingerprint)
    path = pack.place(paths.results_dir(), name, method, profile, scheme)
    held = [*pack.read(path).values()]
    held = [run for run in held if print_ is None or run.manifest["corpus"]["fingerprint"] == print_]
    runs = whole_seeds(held)
    if 0 < len(runs) < len(held):
        warnings.warn(f"pack {path.stem}: {len(held) - len(runs)} runs of unfinished seeds are left out", stacklevel=2)
    there = {run.manifest["seed"] for run in runs}
    if not runs or not there.issuperset(there if seeds is None else seeds):
        return None
    return assemble([run for run in runs if seeds is None or run.manifest["seed"] in seeds])


def pack_results(
    source: Path, results: Path, methods: Sequence[str] = (), *, measured: bool = False, lean: bool = False
) -> int:  # fmt: skip
    """Put finished runs of a run store into packs, beside those that the packs already hold; no run is deleted.

    Of two runs with one key, or for one fold and seed, the one that finished later is kept. Runs of another recipe or
    corpus than the latest run's are left out, and told. A pack that would hold what it holds stays as it is. Prints a
    line for each pack that is written or refused, and one about all.

    Args:
        source: folder of a run store, such as ``runs``; an OSError tells that there is none.
        results: folder of folders of packs, such as ``data/results``.
        methods: names; none: all.
        measured: pass over runs of the quick profile and on synthetic speech, which measure nothing.
        lean: packs that are written hold no array but the logits: a third of the size, where runs are many.

    Returns:
        0, or 1 when a pack was refused: because it is damaged and held runs that ``source`` lacks, or because its
        golden values are no longer what the code gives, so that old and new runs must not stand side by side.
    """
    if not Path(source).is_dir():
        raise FileNotFoundError(f"{source}: no folder of runs")
    store, results, groups, counts = RunStore(source, shelves=[]), Path(results), defaultdict(dict), Counter()
    for key, folder, manifest in store.finished():
        nothing = measured and (manifest["corpus"]["synthetic"] or manifest["profile"] == "quick")
        if nothing or (methods and manifest["method"] not in methods):
            continue
        names = manifest["corpus"]["name"], manifest["method"], manifest["profile"], manifest["fold"]["scheme"]
        if key not in groups[names] or groups[names][key][1]["finished"] < manifest["finished"]:
            groups[names][key] = folder, manifest
    for names, found in sorted(groups.items()):
        path = pack.place(results, *names)
        outcome, line = _update(path, found, store, lean)
        counts[outcome] += 1
        if line:
            print(f"{path.parent.name}/{path.stem}: {outcome}, {line}", flush=True)
    sizes = [file.stat().st_size for file in results.rglob("*") if file.is_file()]
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("written", "unchanged", "REFUSED"))
    print(f"packs: {told}; {results} holds {len(sizes)} files, {sum(sizes) / 1e6:.1f} MB")
    return int(counts["REFUSED"] > 0)


def _update(path: Path, found: dict[str, tuple[Path, dict]], store: RunStore, lean: bool) -> tuple[str, str]:
    """Bring one pack up to date; return what became of it and a line about that."""
    held = pack.read(path)
    if path.exists() and not held and (lost := (pack.listed(path) or {"?"}) - found.keys()):
        return "REFUSED", f"damaged, and {len(lost)} of its runs are not in {store.root}; restore it or delete it"
    before = pack.head(path)["golden"] if held else None
    manifests = {key: run.manifest for key, run in held.items()}
    later = {k: m for k, (_, m) in found.items() if k not in held or manifests[k]["finished"] < m["finished"]}
    kept = _of_one_kind(manifests | later)
    old, new = kept - later.keys(), kept & later.keys()
    same = old == held.keys() and not new
    facts = next(manifest for _, manifest in found.values())
    now = before if same and before else golden_values(facts["method"], facts["profile"]) or before
    if same and now == before:
        return "unchanged", ""
    if old and before and (moved := differences(before, now)):
        return "REFUSED", f"the code makes other runs now; delete the pack to start anew: {moved[0]}"
    pack.write(path, {key: store.load(found[key][0]) if key in new else held[key] for key in kept}, now, lean=lean)
    left_out = len((manifests | later).keys() - kept)
    return "written", f"{len(kept)} runs, {len(new)} of them new" + f", {left_out} stale left out" * (left_out > 0)


def _of_one_kind(manifests: dict[str, dict]) -> set[str]:
    """Return the keys of the latest run's recipe and corpus, the latest for each fold and seed."""
    ordered = sorted(manifests.items(), key=lambda item: item[1]["finished"])
    recipe, corpus = (ordered[-1][1][what] for what in ("recipe", "corpus"))
    return {*{pack.position(m): k for k, m in ordered if m["recipe"] == recipe and m["corpus"] == corpus}.values()}


def describe_results(results: Path) -> Iterator[str]:
    """Yield a line a pack: method, corpus, profile, scheme, folds x seeds, pooled UA in percent, converged or not."""
    if not Path(results).is_dir():
        raise FileNotFoundError(f"{results}: no folder of results")
    found = sorted(Path(results).glob("*/[!.]*.json"))
    # a few are read before other processes have imported what they need
    pool = joblib.Parallel(-1 if len(found) > FEW else 1, return_as="generator")
    yield from pool(joblib.delayed(_described)(path) for path in found)


def _described(path: Path) -> str:
    runs = list(pack.read(path).values())
    whole = whole_seeds(runs)
    if not whole:
        return f"{path.parent.name}/{path.stem}: " + (f"{len(runs)} runs, no whole seed" if runs else "damaged")
    scores, seeds = assemble(whole), len({run.manifest["seed"] for run in whole})
    rest = f" + {len(runs) - len(whole)} runs" * (len(whole) < len(runs))
    state = {True: "converged", False: "unconverged", None: "no epochs"}[scores.converged]
    ua = scores.spread_over_seeds().mean()
    return f"{scores.label}: {len(whole) // seeds} folds x {seeds} seeds{rest}, UA {ua:.1f} %, {state}"
