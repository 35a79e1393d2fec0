"""Committed results: made from the run store, listed, kept in step with the code.

A pack holds runs of one recipe on one corpus, and the *golden values* of the code that made them: what a few fixed
steps of the method give (``serlib.runs.golden``). They are how a test tells that results are stale.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from serlib.runs import pack
from serlib.runs.scores import assemble, whole_seeds
from serlib.runs.store import RunStore


def golden_values(method: str, profile: str) -> dict[str, float] | None:
    """Return what today's code gives on a method's golden steps; None for a method that is not the project's."""
    from serlib import methods
    from serlib.runs.golden import golden

    try:
        known = methods.get(method)
    except ValueError:
        return None
    return golden(known, profile)


def pack_results(source: Path, results: Path, methods: Sequence[str] = (), *, measured: bool = False) -> int:
    """Put finished runs of a run store into packs, beside those that the packs already hold; no run is deleted.

    Of two runs with one key, or for one fold and seed, the one that finished later is kept. Runs of another recipe or
    corpus than the latest run's are left out, and told. A pack that would hold what it holds stays as it is. Prints a
    line for each pack that is written or refused, and one about all.

    Args:
        source: folder of a run store, such as ``runs``.
        results: folder of folders of packs, such as ``data/results``.
        methods: names; none: all.
        measured: pass over runs of the quick profile and on synthetic speech, which measure nothing.

    Returns:
        0, or 1 when a pack was refused: because it is damaged and held runs that ``source`` lacks, or because its
        golden values are no longer what the code gives, so that old and new runs must not stand side by side.

    Raises:
        OSError: when there is no ``source``, or a pack cannot be written.
    """
    if not Path(source).is_dir():
        raise FileNotFoundError(f"{source}: no folder of runs")
    store, results, groups, counts = RunStore(source, shelves=[]), Path(results), {}, Counter()
    for key, folder, manifest in store.finished():
        names = manifest["corpus"]["name"], manifest["method"], manifest["profile"], manifest["fold"]["scheme"]
        if measured and (manifest["corpus"]["synthetic"] or manifest["profile"] == "quick"):
            continue  # they show that the path works and measure nothing
        if not methods or manifest["method"] in methods:
            found = groups.setdefault(names, {})
            if key not in found or found[key][1]["finished"] < manifest["finished"]:
                found[key] = folder, manifest
    for names, found in sorted(groups.items()):
        path = pack.place(results, *names)
        outcome, line = _update(path, found, store)
        counts[outcome] += 1
        if line:
            print(f"{path.parent.name}/{path.stem}: {outcome}, {line}", flush=True)
    sizes = [file.stat().st_size for file in results.rglob("*") if file.is_file()]
    told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in ("written", "unchanged", "REFUSED"))
    print(f"packs: {told}; {results} holds {len(sizes)} files, {sum(sizes) / 1e6:.1f} MB")
    return int(counts["REFUSED"] > 0)


def _update(path: Path, found: dict[str, tuple[Path, dict]], store: RunStore) -> tuple[str, str]:
    """Bring one pack up to date; return what became of it and a line about that."""
    from serlib.runs.golden import differences

    held = pack.read(path)
    if path.exists() and not held and (lost := _listed(path) - found.keys()):
        return "REFUSED", f"damaged, and {len(lost)} of its runs are not in {store.root}; restore it or delete it"
    before = pack.head(path)["golden"] if held else None
    manifests = {key: run.manifest for key, run in held.items()}
    later = {k: m for k, (_, m) in found.items() if k not in held or manifests[k]["finished"] < m["finished"]}
    kept = _of_one_kind(manifests | later)
    old, new = kept - later.keys(), kept & later.keys()
    same = old == held.keys() and not new
    if same and before:
        return "unchanged", ""
    method, profile = next((manifest["method"], manifest["profile"]) for _, manifest in found.values())
    now = golden_values(method, profile) or before
    if same and not now:
        return "unchanged", ""
    if old and before and (moved := differences(before, now)):
        return "REFUSED", f"the code makes other runs now; delete the pack to start anew: {moved[0]}"
    pack.write(path, {key: store.load(found[key][0]) if key in new else held[key] for key in kept}, now)
    left_out = len((manifests | later).keys() - kept)
    return "written", f"{len(kept)} runs, {len(new)} of them new" + f", {left_out} stale left out" * (left_out > 0)


def _listed(path: Path) -> set[str]:
    """Return the keys that a damaged pack says it holds; ``"?"`` where not even that can be read."""
    try:
        return {run["key"] for run in pack.head(path)["runs"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {"?"}


def _of_one_kind(manifests: dict[str, dict]) -> set[str]:
    """Return the keys of the latest run's recipe and corpus, the latest for each fold and seed."""
    latest, chosen = max(manifests.values(), key=lambda m: m["finished"]), {}
    for key, manifest in sorted(manifests.items(), key=lambda item: item[1]["finished"]):
        if all(manifest[what] == latest[what] for what in ("recipe", "corpus")):
            chosen[pack.position(manifest)] = key
    return set(chosen.values())


def describe_results(results: Path) -> Iterator[str]:
    """Yield a line a pack: method, corpus, profile, scheme, folds x seeds, pooled UA in percent, converged or not."""
    from serlib.training import converged

    for path in sorted(Path(results).glob("*/[!.]*.json")):
        runs = list(pack.read(path).values())
        whole, epochs = whole_seeds(runs), [run.history for run in runs if len(run.history)]
        if not whole:
            yield f"{path.parent.name}/{path.stem}: " + (f"{len(runs)} runs, no whole seed" if runs else "damaged")
            continue
        scores, seeds = assemble(whole), len({run.manifest["seed"] for run in whole})
        climbing = sum(not converged(history.to_dict("records")) for history in epochs)
        rest = f" + {len(runs) - len(whole)} runs" * (len(whole) < len(runs))
        state = "no epochs" if not epochs else f"{climbing} of {len(epochs)} unconverged" if climbing else "converged"
        ua = scores.summary().at["UA", "pooled"]
        yield f"{scores.label}: {len(whole) // seeds} folds x {seeds} seeds{rest}, UA {ua:.1f} %, {state}"
