"""Reports: the same outcomes in every format, everything escaped, judged as pytest does, and the same twice."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import pytest

import faverify as fv
from faverify.claims import REGISTRY
from faverify.collecting import collected
from faverify.model import combinators, laws, rules, several_passes
from faverify.writing import markup
from faverify.writing.documents import Table
from faverify.writing.html import block_html, html_document
from faverify.writing.latex import plain
from faverify.writing.markdown import markdown_document
from faverify.writing.markup import written
from faverify.writing.references import OWN, REFERENCES, bibliography, cited
from faverify.writing.report import report_of, within
from faverify.writing.tex import pdf_document, tex_document

FA = fv.rules.FeedbackAlignment()
PROOFS = '''"""Three proofs."""
import faverify as fv
FA = fv.rules.FeedbackAlignment()

@fv.claim("RK-T1")
def theorem_one():
    """Theorem 1 & <script>alert("x")</script> of a_b, é, 100 % #1, λ_min ⪰ ∠."""
    return fv.check(fv.laws.feedback_balance, FA)

def counterexample_two():
    return [fv.check(fv.laws.balancedness, FA)]

def conjecture_three():
    return fv.check(fv.laws.balancedness, FA)
'''


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("good") / "proofs"
    folder.mkdir()
    (folder / "a & b <i>.py").write_text(PROOFS, encoding="utf-8")
    return collected(folder)


@pytest.fixture(scope="module")
def document(found):
    return report_of(found)


VOID = {"meta", "br", "col", "wbr"}


class Balanced(HTMLParser):
    """Every element is closed, in its order; text and ids are kept."""

    def __init__(self):
        super().__init__()
        self.open, self.ids, self.links, self.words, self.tags = [], [], [], [], set()

    def handle_starttag(self, tag, attributes):
        named = dict(attributes)
        self.tags.add(tag)
        self.ids += [named["id"]] if "id" in named else []
        self.links += [named["href"][1:]] if named.get("href", "").startswith("#") else []
        assert not str(named.get("src", named.get("href", "#"))).startswith("http")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def read(html):
    page = Balanced()
    page.feed(html)
    page.close()
    assert page.open == []
    return page


def test_html_is_whole_and_escaped(document):
    html = html_document(document)
    page = read(html)
    assert set(page.links) <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert html.count("<script") == 1  # the record's own
    assert 'Theorem 1 & <script>alert("x")</script>' in "".join(page.words)
    for word in (
        "RK-T1",
        "refuted",
        "open conjecture",
        "equal terms cancel",
        "Robertson & Koyejo 2023.",
        "a & b <i>.py",
    ):
        assert word in "".join(page.words)
    assert "prefers-color-scheme: dark" in html
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "https://" not in html


def test_the_record_is_inside_of_the_page(document):
    inside = re.search(r'<script type="application/json" id="record">\n(.*?)\n</script>', html_document(document), re.S)
    record = json.loads(inside[1])
    assert record == json.loads(json.dumps(document.record))
    assert [proof["outcome"] for proof in record["proofs"]] == ["holds", "holds", "open"]
    read_back = fv.Verdict.from_dict(record["proofs"][1]["verdicts"][0])
    assert read_back.witness.recheck() is True
    assert record["versions"]["faverify"] == fv.__version__


def test_mathematics_is_mathml_or_text(document, monkeypatch):
    assert "math" in read(html_document(document)).tags
    monkeypatch.setattr(markup, "LONGEST", 0)
    markup.mathml.cache_clear()
    page = read(html_document(document))
    markup.mathml.cache_clear()
    assert "math" not in page.tags
    assert "Ẇ_{l+1}" in "".join(page.words)


def test_without_the_library_formulae_are_text(without):
    without("latex2mathml")
    markup.mathml.cache_clear()
    assert markup.formula("a < b", "a < b") == "<code>a &lt; b</code>"
    markup.mathml.cache_clear()


def test_markdown_escapes_what_is_no_markup(document):
    text = markdown_document(document)
    assert "<script>" not in text
    assert r"\<script\>" in text
    assert "```math" in text
    assert text.count("<details") == text.count("</details>") > 0


def test_latex_needs_amsmath_alone(document):
    source = tex_document(document)
    assert set(re.findall(r"\\usepackage(?:\[.*?\])?\{(.*?)\}", source)) == {"inputenc", "amsmath"}
    assert "é" in source  # which LaTeX reads
    assert re.sub("[é\n]", "", source).isascii()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="texlive-latex-base")
def test_the_pdf_is_made_without_a_complaint(document):
    pdf, complaints = pdf_document(document)
    assert pdf.startswith(b"%PDF")
    assert complaints == []


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("λ_min(X) ⪰ 0", r"$\lambda_{\mathrm{min}}$(X) $\succeq$ 0"),
        ("W_lᵀ", r"$W_{l} {}^{\top}$"),
        ("Nøkland & Peyré", r"Nøkland \& Peyré"),
        ("e^{−ct}", r"e${}^{-ct}$"),
        ("counterexample_a_limit", r"counterexample\_a\_limit"),
        ("Σ_k,s,j φ′_l[ks] φ′_{L-1}", r"$\Sigma_{k,s,j}$ $\varphi'_{l}$[ks] $\varphi'_{L-1}$"),
        ("W_l,b_l", r"$W_{l}$,$b_{l}$"),
    ],
)
def test_running_text(text, latex):
    assert plain(text) == latex


def test_subscripts_in_html():
    assert written("Σ_k,s φ′_{L-1}[ks]") == "<i>Σ</i><sub>k,s</sub> <i>φ′</i><sub>L-1</sub>[ks]"
    assert written("W_l,b_l") == "<i>W</i><sub>l</sub>,<i>b</i><sub>l</sub>"


def test_names_are_no_formulae():
    block = Table(("claim",), (("theorem_entry_by_entry",),), ("p1",), (1.0,))
    assert '<a href="#p1">theorem_<wbr>entry_<wbr>by_<wbr>entry</a>' in block_html(block)


def test_the_same_outcomes_make_the_same_report(found, document):
    again = report_of(found)
    for write in (html_document, markdown_document, tex_document):
        assert write(again) == write(document)


def test_two_runs_differ_in_times_alone(tmp_path):
    folder = tmp_path / "proofs"
    folder.mkdir()
    (folder / "p.py").write_text(PROOFS, encoding="utf-8")
    runs = []
    for _ in range(2):
        once = collected(folder)
        still = tuple(replace(o, row=o.row | {"seconds": 0.0}) for o in once.outcomes)
        runs.append(html_document(report_of(replace(once, outcomes=still))))
    assert runs[0] == runs[1]


def test_every_source_is_in_the_registry():
    given = [claim.source for claim in REGISTRY.values()] + [law.source for law in laws.NAMED.values()]
    for module in (rules, combinators, several_passes):
        told = re.findall(
            r"References: (.*?)\n", "\n".join(c.__doc__ or "" for c in vars(module).values() if isinstance(c, type))
        )
        given += told
        assert told
    keys = {key for source in given for key in cited(source)}
    assert keys <= set(REFERENCES)
    assert len(keys) > 20


def test_sources_of_users_are_cited_as_they_stand():
    assert bibliography(["Me 2031, Theorem 2; You 2032", OWN]) == [("Me 2031, Theorem 2", ""), ("You 2032", "")]
    assert [key for key, _ in bibliography(["Bengio 2020; Bengio 2014, §2"])] == ["Bengio 2014", "Bengio 2020"]


def test_a_derivation_that_takes_too_long_is_left_out(found, monkeypatch):
    from faverify.errors import Overtime
    from faverify.writing import derivations

    def endless(verdict):
        while True:
            pass

    monkeypatch.setattr(derivations, "derivation_of", endless)
    monkeypatch.setattr("faverify.writing.report.PATIENCE", 0.05)
    assert "No derivation is printed: writing it takes more than 0.05 s" in html_document(report_of(found))
    with pytest.raises(Overtime), within(0.01):
        endless(None)


def test_notebooks_show_cards(monkeypatch):
    verdict = fv.check(fv.laws.balancedness, FA)
    page = read(verdict._repr_html_())
    words = " ".join(page.words)
    assert "REFUTED" in words
    assert "widths" in words
    assert "dQ/dt = 1" in words
    named = replace(verdict, rule="<b>mine</b>")._repr_html_()
    assert "<b>mine" not in named
    assert "&lt;b&gt;mine" in named
    shown = fv.check(fv.laws.feedback_balance, FA).derivation._repr_html_()
    assert "equal terms cancel" in " ".join(read(shown).words)
    monkeypatch.setattr("faverify.writing.cards.mathml", lambda latex: None)  # as without its library
    assert r"$\frac{dQ}{dt} = 0$" in fv.check(fv.laws.feedback_balance, FA).derivation._repr_html_()
