"""LaTeX to MathML: structure, the gaps of the converter that we fill, and what is refused."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serlib.report.mathml import formula, to_mathml


def parse(latex: str, **options: bool) -> ElementTree.Element:
    return ElementTree.fromstring(to_mathml(latex, **options))


def words(latex: str) -> str:
    return "".join(parse(latex).itertext()).replace("\N{NO-BREAK SPACE}", " ")


def test_a_fraction_has_its_parts_in_order_and_says_its_source():
    element = parse(r"\frac{a}{b} < 1", display=True)
    fraction = element.find(".//mfrac")
    assert ["".join(part.itertext()) for part in fraction] == ["a", "b"]
    assert element.get("display") == "block" and element.get("alttext") == r"\frac{a}{b} < 1"
    assert parse("a").get("display") == "inline"


@pytest.mark.parametrize("name", ["aligned", "align", "align*", "split", "gathered", "eqnarray"])
def test_aligned_lines_become_rows(name):
    rows = parse(rf"\begin{{{name}}} a &= b \\ c &= d \end{{{name}}}").findall(".//mtr")
    assert ["".join(row.itertext()) for row in rows] == ["a=b", "c=d"]  # and no line numbers


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\begin{equation} x \end{equation}", "x"),
        (r"x \tag{3}", "x(3)"),
        (r"\operatorname*{arg\,max}_j", "arg maxj"),
        (r"\operatorname{softmax}(z)", "softmax(z)"),
        (r"\big\| x \big\|", "‖x‖"),
        (r"\Bigl\{ x \Bigr\}", "{x}"),
        (r"\mathcal N", "𝒩"),
        (r"\mathbb{1}", "𝟙"),
        (r"\mathrm{d}", "d"),
        (r"a \not= b", "a≠b"),
        (r"\{1, 2\}", "{1,2}"),
    ],
)
def test_what_the_converter_lacks_is_put_in_words_that_it_knows(latex, expected):
    assert words(latex) == expected


@pytest.mark.parametrize(
    "latex", [r"\|z - c\|^2", r"\lVert z - c\rVert^2", r"\left\|z - c\right\|^2", r"\big\|z - c\big\|^2"]
)
def test_the_fences_of_a_norm_are_alike_and_an_exponent_belongs_to_both(latex):
    row, exponent = parse(latex).find(".//msup")
    first, *inner, last = row
    assert (first.text, last.text, exponent.text) == ("‖", "‖", "2") and [part.text for part in inner] == [
        "z",
        "−",
        "c",
    ]
    for fence, form in ((first, "prefix"), (last, "postfix")):
        assert fence.attrib == {"stretchy": "false", "fence": "true", "form": form}


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"\ln p", "ln|p"),
        (r"\gamma p\ln p", "γp|ln|p"),
        (r"s\cos m", "s|cos|m"),
        (r"-\ln\frac{a}{b}", "−ln|ab"),
        (r"\cos^2 \theta", "cos2|θ"),
        (r"\log_{10} x", "log10|x"),
        (r"\|x\|\cos\theta", "‖x‖|cos|θ"),
        (r"\cos(\theta + m)", "cos(θ+m)"),
        (r"\cos\left(x\right)", "cos(x)"),
        (r"\lvert\cos - t\rvert", "|cos−t|"),
        (r"\cos = -1", "cos=−1"),
        (r"\cosh x", "cosh|x"),
    ],
)
def test_a_function_keeps_its_distance_from_letters_but_not_from_brackets(latex, expected):
    gaps = {"mspace": "|"}
    assert "".join(gaps.get(part.tag, "") + (part.text or "") for part in parse(latex).iter()) == expected


@pytest.mark.parametrize(
    ("latex", "upright"), [("e_{raw}", True), ("L_{ce}", True), ("x_{kj}", False), ("x_{i}", False), ("a^{feat}", True)]
)
def test_a_word_below_or_above_is_upright_and_indices_are_not(latex, upright):
    element = parse(latex)
    words_below = [text.text for text in element.findall(".//mtext")]
    assert words_below == ([latex[3:-1]] if upright else [])


@pytest.mark.parametrize(
    ("latex", "message"),
    [
        (r"\frac{a", r"'\\\\frac\{a' has unbalanced braces"),
        (r"a\}", None),
        (r"\nosuch{x}", r"no MathML: '\\\\nosuch' is unknown"),
        (r"\left( x", "no MathML: ExtraLeftOrMissingRightError"),
        ("a & b", "no MathML: '&' is unknown"),
    ],
)
def test_a_formula_without_mathml_is_refused_by_name(latex, message):
    if message is None:
        assert words(latex) == "a}"  # an escaped brace needs no partner
    else:
        with pytest.raises(ValueError, match=message):
            to_mathml(latex)


def test_the_page_shows_latex_where_there_is_no_mathml():
    shown = formula(r"\nosuch{x} < 1")
    assert shown.startswith('<code class="formula-raw" title="formula ') and r">\nosuch{x} &lt; 1</code>" in shown
    assert formula("x", display=True).startswith('<span class="formula"><math ')


ATOMS = st.sampled_from(["a", "x", r"\theta", "7", r"\cos", "<", r"\text{if}", '"', r"\mathbf{w}"])
FORMULAS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(" ".join),
        st.tuples(inner, inner).map(lambda p: rf"\frac{{{p[0]}}}{{{p[1]}}}"),
        inner.map(lambda p: rf"\sqrt{{{p}}}"),
        inner.map(lambda p: rf"x_{{{p}}}"),
    ),
    max_leaves=8,
)


@given(FORMULAS)
def test_mathml_is_well_formed_and_keeps_every_letter(latex):
    text = words(latex)
    for letter, sign in (("a", "a"), (r"\theta", "θ"), ("7", "7"), ("<", "<"), (r"\cos", "cos"), ('"', '"')):
        plain = latex.replace(r"\frac", "").replace(r"\mathbf", "") if letter == "a" else latex
        plain = plain.replace(r"\theta", "") if letter == "a" else plain
        assert text.count(sign) == plain.count(letter)
