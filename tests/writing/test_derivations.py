"""Derivations: their lines, their checks, and LaTeX that compiles."""

from __future__ import annotations

import re
import shutil
import subprocess
from fractions import Fraction

import pytest

import faverify as fv
from faverify.writing import derivations, entries, letters
from faverify.writing.latex import plain
from faverify.writing.notation import latex_name, text_name

L, R = fv.laws, fv.rules
FA = R.FeedbackAlignment()
LAM, P = fv.parameter("λ"), fv.parameter("p")
DECAYING = R.KolenPollack(LAM)


class GateTwice(R.FeedbackAlignment):
    def error(self, layer, above, output):
        return layer.dphi**2 * (above.B.mT @ above.delta)


def signs(layer, above):
    return fv.norm2(layer.W) / 2 - fv.norm1(above.W)


@fv.law("1ᵀW_{l+1}")
def sums(layer, above):
    return fv.sum_samples(above.W.mT)


class Constant(R.LearningRule):
    def feedback(self, above):
        return above.constant("M")


@fv.law("½‖W_l‖² − ∫⟨M_{l+1}, dW_{l+1}⟩")
def work(layer, above):
    return fv.norm2(layer.W) / 2 - fv.primitive(above.constant("M"), above.W)


CASES = {
    "theorem 1": lambda: fv.check(L.feedback_balance, FA),
    "last layer": lambda: fv.check(L.direct_feedback_balance, R.DirectFeedbackAlignment(), layer=-1),
    "matrix": lambda: fv.check(L.matrix_feedback_balance_bias, FA, activation="linear", bias=True),
    "neuron": lambda: fv.check(L.neuron_balancedness, R.BackPropagation()),
    "degree p": lambda: fv.check(L.feedback_balance_of_degree(P), FA, activation=fv.homogeneous(P)),
    "semi-invariant": lambda: fv.check(L.kolen_pollack_balance, R.KolenPollack(LAM), rate=-2 * LAM),
    "signs": lambda: fv.check(signs, R.SignSymmetry()),
    "squares": lambda: fv.check(L.feedback_balance, GateTwice(), activation="relu"),
    "entries": lambda: fv.check(L.feedback_balance, FA, fv.MLP((2, 2, 1))),
    "entries of a matrix": lambda: fv.check(L.matrix_feedback_balance, FA, fv.MLP((1, 2, 1), "linear")),
    "entries with a rate": lambda: fv.check(L.kolen_pollack_balance, DECAYING, fv.MLP((1, 2, 1)), rate=-2 * LAM),
    "one step": lambda: fv.increment(L.neuron_feedback_balance, FA),
    "one step with decay": lambda: fv.increment(L.kolen_pollack_difference, R.KolenPollack(LAM), rate=-LAM),
    "one step of a network": lambda: fv.increment(L.feedback_balance, FA, net=fv.MLP((2, 2, 1))),
    "a claimed rate": lambda: fv.check(L.momentum_balance(), R.Momentum(FA), rate=L.kinetic),
    "layer rates": lambda: fv.check(L.rated_feedback_balance(), R.LayerRates(FA)),
    "dropout": lambda: fv.check(L.feedback_balance, R.WeightDecay(R.Dropout(FA), 0)),
    "volume": lambda: fv.check(L.volume_balance, R.PseudoInverseFeedback()),
    "its own law": lambda: fv.law_of(R.FixedMagnitudeSignSymmetry()).verdict,
    "a hypothesis": lambda: fv.check(sums, FA, layer=-1, assume="cross-entropy"),
    "a hypothesis in a network": lambda: fv.check(sums, FA, fv.MLP((1, 2, 2)), assume="cross-entropy"),
    "work": lambda: fv.check(work, Constant()),
    "step, refuted": lambda: fv.increment(L.feedback_balance, FA, L.nothing),
    "rate, refuted": lambda: fv.check(L.momentum_balance(), R.Momentum(FA), rate=L.half_square),
    "volume, refuted": lambda: fv.check(L.volume_balance, FA),
    "draws, refuted": lambda: fv.check(L.sign_balance, R.BatchwiseSignSymmetry()),
    "loss, refuted": lambda: fv.check(L.balancedness, FA, assume="squared-loss"),
    "start, refuted": lambda: fv.check(lambda layer, above: layer.W - layer.start.W, FA),
    "a wide network": lambda: fv.check(L.feedback_balance, FA, fv.MLP((9, 9, 9, 1))),
    "refuted": lambda: fv.check(L.balancedness, FA, fv.MLP((2, 2, 2, 1))),
    "refuted by a ball": lambda: fv.check(L.feedback_balance, FA, activation="tanh"),
    "refuted with a rate": lambda: fv.check(L.kolen_pollack_balance, R.KolenPollack(LAM), rate=LAM),
    "refuted entry": lambda: fv.check(L.matrix_feedback_balance, FA, activation="relu"),
    "no hidden layer": lambda: fv.check(L.feedback_balance, FA, fv.MLP((2, 1))),
}


@pytest.mark.parametrize("name", CASES)
def test_every_derivation_is_written(name):
    verdict = CASES[name]()
    assert verdict.kind == ("refuted" if "refuted" in name else "undecided" if "hidden" in name else "proved")
    derivation = verdict.derivation
    text, latex = derivation.text(), derivation.latex()
    assert verdict.statement in text
    assert latex.count(r"\begin{align*}") == latex.count(r"\end{align*}")
    if verdict.kind == "proved":
        assert derivation.cases
        for _, steps in derivation.cases:
            last = steps[-2 if verdict.question.step else -1]
            assert last.text.endswith("= 0"), last.text
            reason = [step.reason for step in steps[: steps.index(last) + 1] if step.reason][-1]
            assert "cancel" in reason or reason == verdict.scope.assumptions
            assert not verdict.question.step or "whatever Δθ is" in steps[-1].reason


def test_the_lines_of_theorem_one():
    lines = [step.text for step in CASES["theorem 1"]().derivation.cases[1][1]]
    assert lines[:4] == [
        "Q = ½‖W_l‖² − ⟨W_{l+1}, B_{l+1}⟩",
        "dQ/dt = ⟨W_l, Ẇ_l⟩ − ⟨Ẇ_{l+1}, B_{l+1}⟩",
        "dQ/dt = −⟨W_l, δ_l a_{l-1}ᵀ⟩ + ⟨δ_{l+1} a_lᵀ, B_{l+1}⟩",
        "dQ/dt = −⟨W_l, (φ′(h_l) ⊙ (B_{l+1}ᵀ δ_{l+1})) a_{l-1}ᵀ⟩ + ⟨δ_{l+1} a_lᵀ, B_{l+1}⟩",
    ]
    assert lines[-1] == "dQ/dt = 0"


def test_a_line_that_does_not_follow_is_noticed(monkeypatch):
    """If the update that is written were not the one that was proved, no derivation would be written."""
    verdict = CASES["theorem 1"]()
    honest = derivations.NotedRun.updates
    calls = []

    def twisted(self, rule):
        calls.append(rule)
        found = honest(self, rule)
        return {k: -v for k, v in found.items()} if len(calls) % 2 == 0 else found

    monkeypatch.setattr(derivations.NotedRun, "updates", twisted)
    with pytest.raises(AssertionError, match="does not equal the next"):
        verdict.derivation.text()


def test_worked_numbers_add_up():
    verdict = fv.check(L.balancedness, FA)
    lines = dict(step.text.split(" = ", 1) for step in verdict.derivation.cases[0][1])
    number = {name: Fraction(value) for name, value in lines.items()}
    assert number["h₁"] == number["W₁"] * number["x"]
    assert number["Ẇ₂"] == -number["e"] * number["a₁"]
    assert number["dQ/dt"] == number["W₁"] * number["Ẇ₁"] - number["W₂"] * number["Ẇ₂"] == verdict.witness.rate


def test_a_verdict_from_a_record_has_no_derivation():
    again = fv.Verdict.from_dict(CASES["theorem 1"]().to_dict())
    with pytest.raises(fv.Misuse, match="run check again"):
        _ = again.derivation


def test_names():
    assert text_name("W_{l}") == "W_l"
    assert text_name("W_{l+1}") == "W_{l+1}"
    assert text_name("W12") == "W₁₂"
    assert text_name("φ′(h_{1})") == "φ′(h₁)"
    assert latex_name("δ_{l+1}") == r"\delta_{l+1}"
    assert latex_name("Ẇ_{l}") == r"\dot{W}_{l}"
    assert plain("½‖W_l‖²") == r"$\tfrac12 \Vert W_{l} \Vert ^2$"
    assert plain("50 % of a_b {x} λ") == r"50 \% of $a_{b}$ \{x\} $\lambda$"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_the_latex_compiles(tmp_path):
    body = "\n\n".join(make().derivation.latex() for make in CASES.values())
    document = r"\documentclass{article}\usepackage{amsmath}\begin{document}" + "\n"
    (tmp_path / "all.tex").write_text(document + body + "\n\\end{document}\n", encoding="utf-8")
    words = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "all.tex"]
    found = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout[-2000:]
    assert wide(found.stdout) == []


def wide(log):
    """Boxes of more than 10 points too wide, and references to nothing."""
    boxes = [
        line for line in log.splitlines() if (m := re.search(r"\((\d+)\.\d*pt too wide", line)) and int(m[1]) >= 10
    ]
    return boxes + [line for line in log.splitlines() if "undefined" in line]


def test_the_rate_of_a_bias_is_named_as_the_bias_is():
    net = fv.MLP((2, 2, 1), bias=True)
    shown = fv.check(fv.laws.feedback_balance_bias, fv.rules.FeedbackAlignment(), net).derivation
    assert "ḃ1[1] = −δ1[1]" in shown.text()
    assert "a = φ′(h) h, h = W a + b" in shown.text()
    assert r"\dot{b}^{(1)}_{2} = " in shown.latex()
    assert (
        "h = W a + b, in components"
        in fv.check(fv.laws.feedback_balance_bias, fv.rules.FeedbackAlignment(), bias=True).derivation.text()
    )


def test_a_counterexample_tells_no_rate_of_what_it_does_not_give():
    text = fv.check(fv.laws.kolen_pollack_difference, fv.rules.KolenPollack(fv.parameter("λ"))).derivation.text()
    assert "Ḃ₂ = " in text
    assert "Ḃ₁" not in text


def test_only_equal_terms_are_collected():
    from faverify.kernel.words import letter
    from faverify.writing.indices import word_lines

    a, b = letter("A", "n", "m"), letter("B", "n", "m")
    text, _ = word_lines(a.inner(a) * 2 + a.inner(b) + b.inner(a), merged=True)
    assert text.count("Σ") == 2
    assert text.startswith("2 Σ")
    assert " + 2 Σ" in text


def test_an_entry_that_does_not_follow_is_noticed(monkeypatch):
    """If the signal that is written were not the one that moved the weights, no derivation would be written."""
    honest = entries.EntryRun.conforming

    def twisted(self, method, layer, value, dims):
        found = honest(self, method, layer, value, dims)
        if method == "error" and self.short:
            self.signals[layer._label] = self.signals[layer._label] * 2
        return found

    monkeypatch.setattr(entries.EntryRun, "conforming", twisted)
    verdict = fv.check(L.kolen_pollack_balance, R.KolenPollack(), fv.MLP((1, 2, 1)))
    with pytest.raises(AssertionError, match="does not equal the next"):
        verdict.derivation.text()


def test_a_word_is_printed_in_matrices_only_if_it_reads_back(monkeypatch):
    """A reading of another word is not printed: components stand instead."""
    W, x = fv.letter("W", "n", "m"), fv.letter("x", "m", "b")
    assert letters.matrix_lines(W @ x)[0] == "W x"
    honest = letters._path
    monkeypatch.setattr(letters, "_path", lambda *arguments: honest(*arguments) * 2)
    assert "Σ" in letters.matrix_lines(W @ x)[0]
