"""How long the widgets of notebook 01 take to redraw: the callback, its figure as PNG, and the message to the page.

The notebook's own cells are executed; behind each widget, a cell moves every control through all its values.

Run: ``python -m bench.widgets``.
"""

import nbformat
from nbclient import NotebookClient

from serlib.paths import PROJECT

NOTEBOOK = PROJECT / "notebooks" / "01_decision_domains.ipynb"
MOVE = """
import statistics, time
widget, taken = _, []
for control in widget.children[:-1]:
    values = control.options if hasattr(control, "options") else range(control.min, control.max + 1)
    for value in values:
        if value != control.value:
            start = time.perf_counter()
            control.value = value
            taken.append(1000 * (time.perf_counter() - start))
print(f"REDRAW {widget.f.__name__}: median {statistics.median(taken):.0f} ms of {len(taken)} (at most 150), "
      f"slowest {max(taken):.0f} ms")
"""


def main() -> None:
    """Print a line for each widget."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = []
    for cell in notebook.cells:
        cells.append(cell)
        if cell.cell_type == "code" and "ipywidgets.interactive(" in cell.source:
            cells.append(nbformat.v4.new_code_cell(MOVE))
    notebook.cells = cells
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            for line in output.get("text", "").splitlines():
                if line.startswith("REDRAW "):
                    print(line.removeprefix("REDRAW "))


if __name__ == "__main__":
    main()
