"""Every picture is drawn in the study's look, fits the page's column, has letters that can be read, and is closed."""

import matplotlib
import matplotlib.pyplot as plt
import pytest
from matplotlib.text import Text

from serlib.plots.style import WIDTH, apply_style

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def looked_at():
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        apply_style()
        plt.close("all")
        yield
        for figure in map(plt.figure, plt.get_fignums()):
            small = [text.get_text() for text in figure.findobj(Text) if text.get_text() and text.get_fontsize() < 8]
            assert figure.get_figwidth() <= WIDTH and not small
        plt.close("all")
