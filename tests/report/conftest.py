"""One report of the fixture notebooks, executed once for all tests of this room."""

import contextlib
import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from serlib.report import run_report

NOTEBOOKS = Path(__file__).parent / "notebooks"


@pytest.fixture(scope="session")
def report(tmp_path_factory) -> SimpleNamespace:
    out, printed = tmp_path_factory.mktemp("report"), io.StringIO()
    with contextlib.redirect_stdout(printed):
        asked = {"options": {"emotions": ["a", "b"], "partial": True}, "seeds": (1, 2), "retrain": True}
        code = run_report("tiny", "corpora/tiny", out=out, notebooks=NOTEBOOKS, **asked)
    return SimpleNamespace(out=out, code=code, printed=printed.getvalue(), notebooks=NOTEBOOKS)
