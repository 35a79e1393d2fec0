"""Pictures of which one is shown, chosen by buttons: neither a kernel nor a script nor a network is needed."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from io import BytesIO

import matplotlib.pyplot as plt
from matplotlib.figure import Figure


def chooser(pictures: Mapping[str, tuple[Figure, str]], *, label: str, shown: int = 0) -> str:
    """Return HTML with a button for each picture, the ``shown``-th pressed: button -> (figure, its alt text).

    ``label`` names what is chosen. The figures are closed. Buttons are radio buttons, so arrow keys work.
    """
    sources = []
    for figure, _ in pictures.values():
        with BytesIO() as file:
            figure.savefig(file, format="png", dpi=130, metadata={"Software": None})
            sources.append(b64encode(file.getvalue()).decode())
        plt.close(figure)
    own = "choose-" + sha256("".join(sources).encode()).hexdigest()[:10]
    buttons, images, rules = [], [], [f"#{own} img {{ display: none; }} #{own} label {{ white-space: nowrap; }}"]
    for k, (name, source, (_, alt)) in enumerate(zip(pictures, sources, pictures.values(), strict=True), 1):
        pressed = " checked" * (k == shown + 1)
        buttons.append(f'<label><input type="radio" name="{own}" value="{k}"{pressed}> {escape(name)}</label>')
        images.append(f'<img src="data:image/png;base64,{source}" alt="{escape(alt)}">')
        rules.append(f"#{own}:has(input[value='{k}']:checked) img:nth-of-type({k}) {{ display: block; }}")
    legend = f"<fieldset><legend>{escape(label)}</legend>{' &ensp; '.join(buttons)}</fieldset>"
    return f'<style>{" ".join(rules)}</style><div id="{own}">{legend}{"".join(images)}</div>'
