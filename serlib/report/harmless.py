"""What a notebook's code has shown as Markdown, made safe: it may name files and speakers of a foreign corpus."""

import re

from bs4 import BeautifulSoup

TEXT = "a b blockquote br code del details div em h1 h2 h3 h4 h5 h6 hr i li ol p pre span strong sub summary sup u ul"
TABLE = "caption table tbody td th thead tr"
MATHML = (
    "math menclose mfrac mi mmultiscripts mn mo mover mpadded mphantom mroot mrow mspace msqrt mstyle msub msubsup "
    "msup mtable mtd mtext mtr munder munderover semantics"
)
TAGS = set(f"{TEXT} {TABLE} {MATHML}".split())
PLACE = re.compile(r"(https?://|mailto:|[#./]|[\w-]+[./#]|[\w-]+$)")  # no javascript:, however it is spelt


def harmless(html: str) -> str:
    """Return HTML in which all but text, tables, formulas and links is shown as the text that it is."""
    soup = BeautifulSoup(html, "html.parser")
    for tag in soup.find_all(True):
        if tag.name not in TAGS:
            tag.replace_with(str(tag))
        tag.attrs = {name: value for name, value in tag.attrs.items() if _allowed(name, value)}
    return str(soup)


def _allowed(name: str, value: str | list[str]) -> bool:
    if name.endswith("href"):
        return PLACE.match(value) is not None
    return value.startswith("text-align:") if name == "style" else not name.startswith("on")
