"""What ``serlib predict`` prints, writes and draws."""

import sys
from pathlib import Path
from typing import Any

from serlib.files import write_whole
from serlib.runs.kept import described
from serlib.runs.predict import predict_files


def answer(*, csv: str | None, plot: str | None, **options: Any) -> int:
    """Ask a model of recordings as ``predict_files`` does; 1 where some were refused, else 0.

    ``csv`` and ``plot`` are files for the table and for the course of recordings over 6 s, or None.
    """
    found = predict_files(**options)
    together = "; all files scaled together, as one speaker's" * options["by_speaker"]
    print(f"{described(found.model.facts)}; named from {found.threshold:g} on{together}", file=sys.stderr)
    for file, reason in found.refused.items():
        print(f"serlib: {file}: {reason}", file=sys.stderr)
    if len(found.table):
        print(found.table.round(3).to_string())
    if csv:
        write_whole(csv, found.table.to_csv().encode())
    if csv and len(found.course):
        write_whole(Path(csv).with_stem(f"{Path(csv).stem}-course"), found.course.to_csv().encode())
    if plot and not len(found.course):
        print("serlib: nothing to plot: no recording is over 6 s", file=sys.stderr)
    elif plot:
        from serlib.plots.course import plot_course

        plot_course(found.course, found.threshold).savefig(plot)
    return 1 if found.refused else 0
