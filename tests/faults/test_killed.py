"""``kill -9`` at random moments: what was finished stays, the rest is made, and the bits are those of calm."""

import json
import random
import time

import pytest
from processes import cross_validated, extracted, started


def contents(folder) -> dict[str, bytes]:
    """Files by their place, without hidden ones; of manifests, what does not depend on the clock."""
    found = {}
    for path in sorted(folder.rglob("[!.]*")):
        place = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in place.parts):
            found[str(place)] = path.read_bytes()
            if path.name == "manifest.json":
                timed = {"seconds", "finished"}
                found[str(place)] = {k: v for k, v in json.loads(path.read_text()).items() if k not in timed}
    return found


def stamps(folder, name) -> dict[str, int]:
    """When each finished piece of work was written: a run by its manifest, which comes last, or an array."""
    return {str(p): p.stat().st_mtime_ns for p in folder.rglob(name) if ".part-" not in str(p)}


@pytest.mark.parametrize(("work", "finished", "pieces", "kills"), [
    (cross_validated, "manifest.json", 5, 4), (extracted, "*.npy", 40, 4),
])  # fmt: skip
def test_what_was_finished_stays_and_the_bits_are_the_same(
    tiny_corpus, cache, monkeypatch, work, finished, pieces, kills
):
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # no workers to start for so few functionals
    corpus, chance = tiny_corpus.subset(range(0, 120, 3)), random.Random(pieces)
    calm, disturbed, told = cache / "calm", cache / "disturbed", cache / "told"
    for _ in range(2):  # the second time for its duration alone: features are there and modules are imported
        start = time.monotonic()
        process = started(work, corpus, calm if not calm.exists() else cache / "again", told=told)
        process.join()
        assert process.exitcode == 0, told.read_text()
    seconds, seen = time.monotonic() - start, {}
    for _ in range(kills):
        process = started(work, corpus, disturbed, told=told)
        process.join(chance.uniform(0, 1.5 * seconds / kills))
        process.kill()
        process.join()
        there = stamps(disturbed, finished)
        assert seen.items() <= there.items()  # nothing finished was made again, or lost
        seen = there
    last = started(work, corpus, disturbed, told=told)
    last.join()
    assert last.exitcode == 0 and "damaged" not in told.read_text(), told.read_text()
    assert seen.items() <= stamps(disturbed, finished).items() and len(stamps(disturbed, finished)) == pieces
    assert contents(disturbed) == contents(calm) == contents(cache / "again")
