"""Formulas without a script from elsewhere: LaTeX becomes MathML, which browsers draw by themselves."""

import re
from html import escape

_FUNCTION = r"\\(?:ln|log|exp|(?:arc)?(?:cos|sin|tan)h?)(?![A-Za-z])"
# What latex2mathml does not know or draws wrongly, put in words that it knows. Order matters.
REWRITES = (
    (r"\\(begin|end)\{(equation|displaymath|math)\*?\}", ""),
    (r"\\(begin|end)\{(aligned|align|split|gathered|gather|eqnarray)\*?\}", r"\\\1{align*}"),
    (r"\\tag\*?\{([^{}]*)\}", r"\\qquad\\text{(\1)}"),
    (r"\\operatorname\*\{", r"\\operatorname{"),
    (r"\\operatorname\{(\w+)(?:\\[,;: ]|\s)(\w+)\}", r"\\text{\1 \2}"),
    (r"\\[bB]igg?[lrm]?\s*(?=\\)", ""),  # \big\| : the size is lost, the sign is kept
    (r"\\left\\\||\\right\\\||\\[lr]Vert(?![A-Za-z])", r"\\|"),
    (r"\\\|(.+?)\\\|", r"\\left\\|\1\\right\\|"),  # two fences around one row, which an exponent then belongs to
    (r"\\(mathcal|mathbb|mathbf|mathrm)\s+(\w)", r"\\\1{\2}"),
    (r"\\mathbb\{1\}", "\N{MATHEMATICAL DOUBLE-STRUCK DIGIT ONE}"),
    (r"\\mathrm\{(\w+)\}", r"\\text{\1}"),
    (r"([_^])\{((?![i-n]{2}\})[A-Za-z]{2,})\}", r"\1{\\text{\2}}"),  # a word is upright, a pair of indices is not
    (rf"(?<=[\w)}}|])(?<!\\lvert)\s*({_FUNCTION})", r"\\,\1"),  # s cos m, not scosm
    (rf"({_FUNCTION}(?:\s*[_^](?:\{{[^{{}}]*\}}|\w))?)\s*(?=\w|\\(?!left|[,;:!. ]))", r"\1\\,"),
    (r"\\not\s*=", r"\\neq"),
)


def to_mathml(latex: str, *, display: bool = False) -> str:
    """Return a ``<math>`` element for a formula without its dollar signs; ``display``: on a line of its own.

    Raises:
        ValueError: for unbalanced braces or a command that has no MathML; the message names it.
    """
    from latex2mathml.converter import convert

    if latex.replace(r"\{", "").count("{") != latex.replace(r"\}", "").count("}"):
        raise ValueError(f"formula {latex!r} has unbalanced braces")
    source = latex.strip()
    for pattern, replacement in REWRITES:
        source = re.sub(pattern, replacement, source)
    try:
        markup = convert(source, display="block" if display else "inline")
    except Exception as error:  # latex2mathml has a dozen exception classes without a common base
        raise ValueError(f"formula {latex!r} has no MathML: {type(error).__name__}") from error
    if unknown := re.search(r"\\[A-Za-z]+|&(?![#\w])", markup):
        raise ValueError(f"formula {latex!r} has no MathML: {unknown[0]!r} is unknown")
    markup = re.sub('stretchy="true"(?=[^>]*>&#x02016;)', 'stretchy="false"', markup)  # both bars of one height
    return re.sub(r'<math xmlns="[^"]*"', lambda _: f'<math alttext="{escape(latex.strip())}"', markup, count=1)


def formula(latex: str, *, display: bool = False) -> str:
    """Return MathML, or where there is none the LaTeX itself, marked ``formula-raw``."""
    try:
        markup = to_mathml(latex, display=display)
    except ValueError as error:
        markup = f'<code class="formula-raw" title="{escape(str(error))}">{escape(latex.strip())}</code>'
    return f'<span class="formula">{markup}</span>' if display else markup
