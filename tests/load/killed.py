"""``kill -9`` at random moments of a report and of a download: what is there afterwards is whole.

``python tests/load/killed.py report`` kills two reports of the fixture notebooks, ``download`` two fetches of a corpus
with EMO-DB's names from a repository on this disk (needs the extra ``corpora``): half a minute each on a quiet core.
"""

import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
REPORT = """
import sys
from serlib.report import run_report
sys.exit(run_report("tiny", seeds=(1, 2), out=sys.argv[1], notebooks=sys.argv[2]) != 1)  # one fails, as it should
"""
PUBLISH = """
import sys, audb, audformat
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from noise import fill
from serlib.corpora import emodb
root, host = Path(sys.argv[1]) / "db", Path(sys.argv[1]) / "host"
fill(root / "wav"), (host / "repo").mkdir(parents=True)
database = audformat.Database("emodb")
database["files"] = audformat.Table(audformat.filewise_index([f"wav/{name}.wav" for name in emodb.NAMES]))
database.save(root)
audb.publish(root, emodb.VERSION, audb.Repository("repo", str(host), "file-system"), verbose=False)
"""
FETCH = """
import sys, audb
from serlib.corpora import emodb
audb.config.REPOSITORIES = [audb.Repository("repo", sys.argv[1] + "/host", "file-system")]
print(emodb.fetch())
"""


def killed(command: list[str], kills: int = 2) -> str:
    """Run once in calm, for its duration, kill ``kills`` more after a random time, and let a last one end."""
    start = time.monotonic()
    subprocess.run([part.replace("HERE", "calm") for part in command], check=True, stdout=subprocess.PIPE)
    seconds = time.monotonic() - start
    for _ in range(kills):
        process = subprocess.Popen([part.replace("HERE", "hurt") for part in command], stdout=subprocess.DEVNULL)
        wait = random.uniform(0.3, 0.95) * seconds
        try:
            process.wait(wait)
            print(f"over before {wait:.1f} of {seconds:.1f} s")
        except subprocess.TimeoutExpired:
            process.kill(), process.wait()
            print(f"killed after {wait:.1f} of {seconds:.1f} s")
    done = subprocess.run(
        [part.replace("HERE", "hurt") for part in command], check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout


def report(folder: Path) -> None:
    import nbformat
    import psutil

    killed([sys.executable, "-c", REPORT, str(folder / "HERE"), str(TESTS / "report" / "notebooks")])
    calm, hurt = ({p.name: p.read_text() for p in (folder / way).rglob("[!.]*.*")} for way in ("calm", "hurt"))
    assert calm.keys() == hurt.keys() and all(text.rstrip().endswith(("</html>", "}")) for text in hurt.values())
    for name in (name for name in calm if name.endswith(".ipynb")):
        mine, other = ([c.get("outputs") for c in nbformat.reads(way[name], 4).cells] for way in (calm, hurt))
        assert len(mine) == len(other) and [bool(x) for x in mine] == [bool(x) for x in other]
    time.sleep(5)  # a kernel looks once a second whether who started it is alive
    left = [p.pid for p in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(p.info["cmdline"] or [])]
    assert not left, left
    print("pages and notebooks are whole, no kernel is left; hidden:", [p.name for p in (folder / "hurt").rglob(".*")])


def download(folder: Path) -> None:
    subprocess.run([sys.executable, "-c", PUBLISH, str(folder), str(TESTS)], check=True)
    shell = 'SERLIB_CACHE="$1/HERE" exec "$2" -c "$3" "$1"'
    fetched = Path(killed(["sh", "-c", shell, "sh", str(folder), sys.executable, FETCH]).strip().splitlines()[-1])
    source = {p.name: p.read_bytes() for p in (folder / "db" / "wav").iterdir()}
    assert {p.name: p.read_bytes() for p in (fetched / "wav").iterdir()} == source and len(source) == 535
    print(f"{len(source)} recordings, all as published")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        os.environ["SERLIB_RUNS"] = f"{place}/runs"
        {"report": report, "download": download}[sys.argv[1]](Path(place))
