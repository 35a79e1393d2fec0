"""What tests of methods share: a fold, features that are extracted once, and quick runs that are made once."""

import pytest

from serlib import methods
from serlib.protocol import Fold, folds
from serlib.training import Hardware

CPU = Hardware.choose("cpu", "float32")


@pytest.fixture(scope="session")
def fold(tiny_corpus) -> Fold:
    """The first of five folds of the hums."""
    return folds(tiny_corpus, "speaker-folds-5")[0]


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("features")


@pytest.fixture(scope="module")
def room(shared_folder):
    """Caches and runs away from the project's own; features, which are named by their content, serve every file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERLIB_CACHE", str(shared_folder / "cache"))
        patch.setenv("SERLIB_RUNS", str(shared_folder / "runs"))
        yield shared_folder


@pytest.fixture(scope="session")
def made():
    return {}


@pytest.fixture
def quick(tiny_corpus, fold, room, made):
    """Run a method, a name or one of one's own, in the quick profile; the same named run of the hums is made once."""

    def run(method, *, corpus=None, part=None, seed=0):
        plain, key = isinstance(method, str) and corpus is None and part is None, (method, seed)
        if plain and key in made:
            return made[key]
        chosen = methods.get(method) if isinstance(method, str) else method
        corpus, part = corpus or tiny_corpus, part or fold
        outcome = chosen.run(corpus, part, profile="quick", seed=seed, hardware=CPU)
        if plain:
            made[key] = outcome
        return outcome

    return run
