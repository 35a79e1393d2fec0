"""A file is there whole or as it was."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from serlib.files import write_whole

KILLED = """
import os, signal, sys
from serlib.files import write_whole
os.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
write_whole(sys.argv[1], b"new")
"""


def test_folders_are_made_and_files_replaced(tmp_path):
    path = tmp_path / "deep" / "page.html"
    write_whole(path, b"old"), write_whole(str(path), b"new")
    assert path.read_bytes() == b"new" and [p.name for p in path.parent.iterdir()] == ["page.html"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_what_goes_wrong_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, error):
    path = tmp_path / "page.html"
    write_whole(path, b"old")

    def interrupted(source, target):
        assert Path(source).read_bytes() == b"new" and path.read_bytes() == b"old"
        raise error

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(error):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["page.html"]


def test_kill_minus_nine_leaves_the_old_file(tmp_path):
    path = tmp_path / "page.html"
    write_whole(path, b"old")
    assert subprocess.run([sys.executable, "-c", KILLED, str(path)]).returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert [p.name[0] for p in tmp_path.iterdir() if p != path] == ["."]  # hidden: no reader takes it for a file
