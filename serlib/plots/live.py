"""Pictures that move without a kernel: Bokeh's models as JSON, redrawn in the browser by ``live_draw.js``.

``load`` puts BokehJS into the page once, from the installed package; ``show`` adds a picture. Nothing is fetched, no
extension of JupyterLab is needed, and a page that loads nothing carries nothing.
"""

import json
from collections.abc import Sequence
from hashlib import sha1
from html import escape
from pathlib import Path

from bokeh.embed import json_item
from bokeh.model import Model
from bokeh.models import Column, ColumnDataSource, CustomJS, Div, Row, Select, Slider, UIElement
from bokeh.plotting import figure
from bokeh.resources import Resources
from IPython.display import display

SCRIPTS = [Path(__file__).with_name(name) for name in ("live.js", "live_draw.js")]
_CARD = "background: #fff; color: #1d2530; color-scheme: light; padding: 0.5rem; margin: 0; border-radius: 4px"
_WIDE = "stretch_width"
_LOOK = {"toolbar_location": None, "tools": "", "sizing_mode": _WIDE, "min_width": 280, "frame_align": False}


def load() -> None:
    """Put BokehJS (1.6 MB) and the pictures' own script into the page; once, before the first picture."""
    scripts = Resources(mode="inline", components=["bokeh", "bokeh-widgets"]).js_raw[:2]
    scripts += ['Bokeh.logger.set_level("error");', *(path.read_text(encoding="utf-8") for path in SCRIPTS)]
    html = "".join(f"<script>{script}</script>" for script in scripts)
    display({"text/html": html, "text/plain": "Live pictures are ready."}, raw=True)


def show(picture: UIElement, redraw: CustomJS, *, alt: str) -> None:
    """Show a picture whose data are first filled by ``redraw``; ``alt`` says what it shows and what may be moved."""
    item = json.dumps(json_item(Column(picture, tags=[redraw], sizing_mode=_WIDE))).replace("<", "\\u003c")
    place = f"live-{sha1(item.encode()).hexdigest()[:12]}"
    frame = f'<figure class="live" id="{place}" role="group" aria-label="{escape(alt)}" style="{_CARD}">'
    # A notebook may draw this output before the one that loads the script.
    wait = "window.serlib?.embed ? serlib.embed(place, item) : setTimeout(wait, 100)"
    script = (
        f'<script>(() => {{ const place = "{place}", item = {item}; (function wait() {{ {wait}; }})(); }})();</script>'
    )
    html = f"{frame}<p>{escape(alt)} (It moves where scripts run.)</p></figure>{script}"
    display({"text/html": html, "text/plain": alt}, raw=True)


def script(function: str, *models: Model, **data: str) -> CustomJS:
    """Return the script that calls ``serlib.<function>`` with models by their names, and with ``data``."""
    given = {model.name: model for model in models} | data
    return CustomJS(args=given, code=f"serlib.{function}({{{', '.join(given)}}}, cb_obj)")


def bound(function: str, *models: Model, **data: str) -> CustomJS:
    """Return that script, which from then on each change of a control's value runs too."""
    redraw = script(function, *models, **data)
    for model in models:
        if "value" in model.properties():
            model.js_on_change("value", redraw)
    return redraw


def canvas(height: int | None, *, width: int = 480, **options: object) -> figure:
    """Return an empty figure, of this height and at most this width in pixels, that fits a phone."""
    return figure(height=height, max_width=width, **_LOOK | options)


def plane(name: str, reach: float, *, size: int = 440) -> figure:
    """Return a square without axes, from -``reach`` to ``reach`` both ways."""
    sides = {"x_range": (-reach, reach), "y_range": (-reach, reach), "aspect_ratio": 1, "outline_line_color": None}
    return canvas(None, width=size, name=name, x_axis_type=None, y_axis_type=None, **sides)


def source(name: str, /, **columns: object) -> ColumnDataSource:
    """Return data for glyphs; columns that the script will fill may be empty lists."""
    return ColumnDataSource(columns, name=name)


def slider(name: str, title: str, start: float, end: float, value: float, step: float = 1) -> Slider:
    """Return a slider of the width of its column; arrow keys move it by ``step``."""
    return Slider(name=name, title=title, start=start, end=end, value=value, step=step, sizing_mode=_WIDE)


def choice(name: str, title: str, options: Sequence[str]) -> Select:
    """Return a list to choose from, its first entry chosen."""
    return Select(name=name, title=title, options=[*options], value=options[0], sizing_mode=_WIDE)


def told() -> Div:
    """Return a line of text that is read out when it changes."""
    size = {"font-size": "0.9rem"}
    return Div(name="told", sizing_mode=_WIDE, html_attributes={"aria-live": "polite"}, styles=size, min_width=240)


def side_by_side(*children: UIElement) -> Row:
    """Return a row that breaks where it does not fit."""
    return Row(*children, sizing_mode=_WIDE, styles={"flex-wrap": "wrap"}, spacing=12)


def below(*children: UIElement, width: int | None = None) -> Column:
    """Return a column, at most this wide, as narrow as a phone where it must be."""
    return Column(*children, sizing_mode=_WIDE, min_width=240, max_width=width)
