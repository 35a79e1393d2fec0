"""Before a notebook asks for many runs: are they there, or would they have to be trained for hours?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from serlib.report.publish import publish

if TYPE_CHECKING:
    from serlib.runs import RunStore, Task
    from serlib.runs.schedule import Survey


def affordable(
    tasks: "Sequence[Task]", store: "RunStore", *, retrain: bool = False, command: str | None = None
) -> bool:
    """Tell whether a notebook may ask for runs: because none is missing, or because the missing ones shall be trained.

    Where some are missing, a sentence says how many, and which command makes them; results that are whole are shown.

    Args:
        tasks: of ``serlib.runs.plan``, at least one, all of one profile.
        store: where finished runs are looked for.
        retrain: whether missing runs are to be trained.
        command: what makes them; None: ``serlib run`` with the methods that lack some.

    Returns:
        False where the notebook should show the quick profile instead; never in that profile, whose runs take seconds.
    """
    from IPython.display import Markdown, display

    from serlib.runs.schedule import Survey

    if tasks[0].profile == "quick" or not (survey := Survey(tasks, store)).open:
        return True
    which = ", ".join(dict.fromkeys(task.corpus.name for task in tasks)) + f", {tasks[0].profile} profile"
    told = f"**{len(survey.open)} of {len(tasks)} runs are missing** ({which})"
    if retrain:
        display(Markdown(f"{told}; they are trained now."))
        return True
    makes = command or "; ".join(_commands(survey.open))
    display(Markdown(f"{told}: `{makes}` makes them. What follows is the quick profile, which claims nothing."))
    _show_whole(survey, tasks, which)
    return False


def _commands(missing: "Sequence[Task]") -> list[str]:
    """Return a command line for each scheme that has missing runs."""
    commands = []
    for scheme in dict.fromkeys(task.scheme for task in missing):
        tasks = [task for task in missing if task.scheme == scheme]
        seeds, names = (
            list(dict.fromkeys(each)) for each in zip(*((t.seed, t.method.name) for t in tasks), strict=True)
        )
        where = f"--corpus {tasks[0].corpus.name} --root DIR --profile {tasks[0].profile} --folds {scheme}"
        commands.append(f"serlib run {where} --seeds {' '.join(map(str, seeds))} --method {' '.join(names)}")
    return commands


def _show_whole(survey: "Survey", tasks: "Sequence[Task]", which: str) -> None:
    """Publish the results of which no run is missing."""
    from serlib.runs import assemble

    groups, lacking = {}, {(t.corpus.name, t.method.name, t.scheme) for t in survey.open}
    for task in tasks:
        key = task.corpus.name, task.method.name, task.scheme
        if key not in lacking:
            groups.setdefault(key, []).append(survey.store.load(survey.find(task)))
    if groups:
        publish([assemble(runs) for runs in groups.values()], f"what is there, {which}")
