"""Every test of pictures starts from matplotlib's own settings, whatever the one before it applied."""

import matplotlib
import pytest


@pytest.fixture(autouse=True)
def own_settings():
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield
