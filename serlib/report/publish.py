"""What notebooks tell the report: scores for its index, and whether the runs that they ask for are there."""

import json
from collections.abc import Sequence
from html import escape
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from serlib.protocol import Scores
    from serlib.runs import RunStore, Task

MIME = "application/vnd.serlib.scores+json"
LONG = 24  # rows; a table with more of them is folded


def publish(scores: "Scores | Sequence[Scores] | pd.DataFrame", title: str) -> None:
    """Show a table of scores and hand it to the index of the report, which lists all that were published.

    Of ``cross_validate``'s scores it shows pooled ones in percent, UA with its 95 % interval, UA on the training part,
    and what was not trained to the end; a table of your own as it is. What all rows share of corpus, profile and scheme
    stands in the caption, and columns without a value are left out. A table of more than 24 rows is folded.

    Raises:
        ValueError: for a table without a column or index ``method``.
    """
    import pandas as pd
    from IPython.display import display

    if isinstance(scores, pd.DataFrame):
        table = scores.reset_index() if scores.index.name else scores
    else:
        table = pd.DataFrame([_row(s) for s in (scores if isinstance(scores, Sequence) else [scores])])
    if "method" not in table:
        raise ValueError(f"table {title!r} has the columns {list(table.columns)}; needed is one called 'method'")
    data, (shown, caption) = json.loads(table.to_json(orient="split", index=False)), compact(table, title)
    html = shown.to_html(index=False, border=0, float_format="{:.1f}".format)
    html = html.replace("<thead>", f"<caption>{escape(caption)}</caption><thead>", 1)
    if len(shown) > LONG:
        html = f"<details><summary>{escape(caption)}: {len(shown)} rows</summary>{html}</details>"
    display({"text/html": html, "text/plain": shown.to_string(), MIME: {"title": title, **data}}, raw=True)


def compact(table: "pd.DataFrame", title: str) -> tuple["pd.DataFrame", str]:
    """Return a table to read, UA and its interval in one cell, and its caption with what all rows share."""
    shown = table.filter(regex="^(?!fingerprint)").dropna(axis="columns", how="all").replace("", "–").astype(object)
    alike = [c for c in ("corpus", "profile", "scheme") if c in shown and shown[c].nunique() == 1]
    caption = ", ".join([title, *(str(shown[c].iloc[0]) for c in alike)])
    if {"UA %", "UA low", "UA high"} <= {*table}:
        ends = table[["UA %", "UA low", "UA high"]].to_numpy(float)
        shown["UA %"] = [
            f"{ua:.1f}\N{NO-BREAK SPACE}[{low:.1f},\N{NO-BREAK SPACE}{high:.1f}]" if low == low else f"{ua:.1f}"
            for ua, low, high in ends
        ]
    empty = [c for c in shown if (shown[c] == "–").all()]
    shown = shown.drop(columns=[*alike, *empty, "UA low", "UA high"], errors="ignore")
    return shown.where(shown.notna(), "–"), caption


def published(notebook: Any) -> list[dict[str, Any]]:
    """Return the rows that an executed notebook published, each with its table's title under ``table``."""
    outputs = [o.data[MIME] for cell in notebook.cells for o in cell.get("outputs", []) if MIME in o.get("data", {})]
    return [{"table": o["title"], **dict(zip(o["columns"], row, strict=True))} for o in outputs for row in o["data"]]


def _row(scores: "Scores") -> dict[str, Any]:
    """Return one row of the index; ``Scores.label`` holds the warnings that a reader needs."""
    summary, (method, corpus, profile, scheme, *warnings) = scores.summary(), scores.label.split(" · ")
    spoken = corpus + " · synthetic" * ("synthetic" in warnings and corpus != "synthetic")
    note = [summary.attrs["note"]] * bool(summary.attrs["note"])
    scaled = any(each.get("recipe", {}).get("scaling") == "speaker" for each in scores.manifests)
    note += ["each speaker's own statistics"] * scaled
    return {
        "method": method, "corpus": spoken, "profile": profile, "scheme": scheme,
        **{f"{metric} %": summary.at[metric, "pooled"] for metric in summary.index},
        **{f"UA {end}": summary.at["UA", end] for end in ("low", "high")},
        "train UA %": scores.train_ua,
        "note": "; ".join(note),
        "fingerprint": next((m["corpus"]["fingerprint"] for m in scores.manifests), None),
    }  # fmt: skip


def affordable(
    tasks: "Sequence[Task]", store: "RunStore", *, retrain: bool = False, command: str | None = None
) -> bool:
    """Tell whether a notebook may ask for runs: none is missing, or ``retrain`` says that the missing ones be trained.

    ``tasks`` are those of ``serlib.runs.plan`` for schemes by name, at least one, all of one profile. Where some are
    missing, a sentence says how many and which ``command`` makes them (None: ``serlib run`` with the methods that lack
    some), and results that are whole are shown, with all their seeds. False: show the quick profile instead, which
    itself may always; its runs take seconds.
    """
    from IPython.display import Markdown, display

    from serlib.report.stored import gathered
    from serlib.runs.engine import OWN, assemble, finish
    from serlib.runs.schedule import Survey

    if tasks[0].profile == "quick" or not (survey := Survey(tasks, store)).open:
        return True
    which = ", ".join(dict.fromkeys(task.corpus.name for task in tasks)) + f", {tasks[0].profile} profile"
    told = f"**{len(survey.open)} of {len(tasks)} runs are missing** ({which})"
    if retrain:
        display(Markdown(f"{told}; they are trained now."))
        return True
    makes = command or commands(survey.open)
    display(Markdown(f"{told}: `{makes}` makes them. What follows is the quick profile, which claims nothing."))
    results, lacking = (grouped(some, "corpus.name", "method.name", "scheme") for some in (tasks, survey.open))
    whole = []
    for some in (some for key, some in results.items() if key not in lacking):
        if some[0].scheme == OWN:  # no name brings these folds back; nothing is trained, for all are there
            whole.append(assemble(finish(some, store, progress=False)))
        else:
            ground = {"profile": some[0].profile, "folds": some[0].scheme, "seeds": [*grouped(some, "seed")]}
            whole += gathered(some[0].corpus, [some[0].method.name], **ground, store=store).values()
    if whole:
        publish(whole, "what is there")
    return False


def grouped(tasks: "Sequence[Task]", *by: str) -> dict[Any, list]:
    """Return tasks by the values of these attributes, in the order in which the values appear."""
    groups: dict[Any, list] = {}
    for task in tasks:
        groups.setdefault(attrgetter(*by)(task), []).append(task)
    return groups


def commands(tasks: "Sequence[Task]") -> str:
    """Return the command lines that make runs of one corpus and profile, one for each scheme."""
    from serlib.runs.commands import command_of

    groups = grouped(tasks, "scheme").items()
    given = [(scheme, some[0], grouped(some, "seed"), grouped(some, "method.name")) for scheme, some in groups]
    return "; ".join(command_of(one.corpus, one.profile, scheme, *rest) for scheme, one, *rest in given)
