"""The cut around each layer: what it must not overlook, and how it reaches any number of blocks."""

from fractions import Fraction

import pytest

import faverify as fv
from faverify.kernel.outlines import OutlineCarrier
from faverify.kernel.passes import Run
from faverify.kernel.questions import Question, outlined
from faverify.kernel.stars import structure
from faverify.kernel.wiring import groups

L, N, R = fv.laws, fv.networks, fv.rules
FA, BP = R.FeedbackAlignment(), R.BackPropagation()
TOTAL, NEURON = fv.total(L.feedback_balance), fv.total(L.neuron_feedback_balance)
STARS = "words, a cut around each layer"


def kinds(verdict):
    return {label: part.kind for label, part in verdict.layers.items()}


# What it must not overlook


class Squared(R.FeedbackAlignment):
    """The update is no sum over the uses of a map."""

    def update(self, layer, below, output):
        drive = -layer.delta @ below.a.mT
        return {"W": drive * fv.norm2(drive)}


class LooksFar(R.FeedbackAlignment):
    """The update reads what the layer is made of."""

    def update(self, layer, below, output):
        return {"W": -layer.delta @ below.a.mT + layer.h @ below.a.mT}


class ByTheOutput(R.FeedbackAlignment):
    """The error reads the signal at the output."""

    def error(self, layer, above, output):
        return layer.dphi * (self.feedback(above).mT @ above.delta) * fv.norm2(output.delta)


class Decays(R.FeedbackAlignment):
    """What moves without signal or activity."""

    def update(self, layer, below, output):
        return {"W": -layer.delta @ below.a.mT - layer.W / 3}


@pytest.mark.parametrize("rule", [Squared(), LooksFar(), ByTheOutput(), Decays(), R.DirectFeedbackAlignment(), BP])
@pytest.mark.parametrize("net", [N.Residual(1), N.Recurrent(1), N.OneMatrixResidual(1)], ids=repr)
def test_mutants_of_the_rule_are_refuted(rule, net):
    verdict = fv.check(TOTAL, rule, net)
    assert verdict.kind == "refuted"
    assert verdict.witness.recheck()


@pytest.mark.parametrize("net", [N.Residual(1), N.Recurrent(1), N.OneMatrixResidual(1)], ids=repr)
@pytest.mark.parametrize("factor", [2, Fraction(1, 2), -1])
def test_mutants_of_the_law_are_refuted(net, factor):
    @fv.law("½‖W_l‖² − c⟨W_{l+1}, B_{l+1}⟩")
    def wrong(layer, above):
        return fv.norm2(layer.W) / 2 - factor * fv.inner(above.W, above.B)

    assert fv.check(fv.total(wrong), FA, net).kind == "refuted"


def test_decay_has_its_rate():
    lam = fv.parameter("λ")
    law = fv.total(L.kolen_pollack_balance)
    for net in (N.Residual(), N.Recurrent(), N.OneMatrixResidual(2)):
        verdict = fv.check(law, R.KolenPollack(lam), net, rate=-2 * lam)
        assert (verdict.kind, verdict.how) == ("proved", STARS)
        assert verdict.scope.parameters == "all values of λ"
        assert fv.check(law, R.KolenPollack(Fraction(1, 2)), net, rate=-2).kind == "refuted"
        assert fv.check(law, R.KolenPollack(Fraction(1, 2)), net).kind == "refuted"


def test_a_scaled_law_has_scaled_currents():
    @fv.law("3‖W_l‖² − 6⟨W_{l+1}, B_{l+1}⟩")
    def six(layer, above):
        return 3 * fv.norm2(layer.W) - 6 * fv.inner(above.W, above.B)

    assert fv.check(fv.total(six), FA, N.OneMatrixResidual()).how == STARS


def test_one_layer_with_a_wire_has_no_cut_of_its_own():
    """Its currents would cancel against the charges, were they not those of its neighbours."""
    for net in (N.OneMatrixResidual(1), N.Residual(1)):
        assert fv.check(L.feedback_balance, FA, net, layer="stem").kind == "refuted"
        assert fv.check(NEURON, FA, net).kind == "proved"


def test_an_input_carries_something_away():
    open_total = fv.total(L.feedback_balance, inputs=True)
    for net in (N.Recurrent(start="fixed"), N.Recurrent(2, start="fixed")):
        verdict = fv.check(open_total, FA, net)
        assert verdict.kind == "refuted"
        assert verdict.witness.recheck()
        assert fv.check(TOTAL, FA, net).kind == "undecided"
    assert fv.check(open_total, FA, N.Recurrent()).kind == "proved"


def test_a_proof_that_is_not_trivial_says_nothing_of_that():
    assert fv.check(TOTAL, FA, N.Residual()).note == ""

    @fv.law("⟨C, C⟩")
    def constant(layer, above):
        return fv.norm2(layer.constant("C"))

    assert fv.check(fv.total(constant), FA, N.Residual(1)).note.startswith("trivial")


# Structures


def stars_of(net):
    run = Run(net, OutlineCarrier(), "samples")
    run.velocities(FA)
    return run


def test_equal_structures_are_few():
    for make, most in ((N.Residual, 5), (N.OneMatrixResidual, 4), (N.Recurrent, 3)):
        few, many = (
            {structure(layer, {}) for layer in stars_of(make(blocks)).layers if layer._outs} for blocks in (3, 30)
        )
        assert few == many
        assert len(few) <= most


def test_structures_tell_apart_what_differs():
    nets = [
        N.Residual(1),
        N.OneMatrixResidual(1),
        N.Dropout(),
        N.MaxPooling(),
        N.Recurrent(1),
        N.BatchNormalised(),
        N.AttentionScores(),
    ]
    seen = [frozenset(structure(layer, {}) for layer in stars_of(net).layers if layer._outs) for net in nets]
    assert len(set(seen)) == len(seen)


# Any number of blocks


@pytest.mark.parametrize("make", [N.Residual, N.OneMatrixResidual, N.Recurrent])
@pytest.mark.parametrize("law", [TOTAL, NEURON], ids=lambda law: law.name)
def test_any_number_of_blocks_and_each_number(make, law):
    verdict = fv.check(law, FA, make())
    assert (verdict.kind, verdict.how, verdict.scope.depths) == ("proved", STARS, "any number of blocks")
    for blocks in (1, 2, 3, 4, 7):
        found = fv.check(law, FA, make(blocks))
        assert (found.kind, found.how) == ("proved", STARS)
        assert list(found.layers) == list(groups(outlined_forward(make(blocks))))
        assert "blocks=" in found.scope.depths


def outlined_forward(net):
    run = outlined(Question(TOTAL, FA, fv.homogeneous(), net=net))
    run.forward(run.source())
    return run


def test_many_blocks_are_refuted_as_few_are():
    for blocks in (1, 4):
        verdict = fv.check(TOTAL, BP, N.Residual(blocks), budget=20)
        assert set(kinds(verdict).values()) == {"refuted"}
        assert all(part.witness.recheck() for part in verdict.layers.values())


def test_one_step_of_any_number_of_blocks():
    for net in (N.Residual(), N.Recurrent(), N.Residual(9)):
        verdict = fv.increment(TOTAL, FA, L.half_square, net)
        assert (verdict.kind, verdict.how) == ("proved", STARS)
        assert "Σ over a group of ½‖ΔW_l‖²" in verdict.statement
        wrong = fv.increment(TOTAL, FA, L.nothing, net if net.blocks is None else N.Residual(1))
        assert wrong.kind == "refuted"
        assert wrong.witness.recheck()


def test_records_of_networks_come_back():
    verdict = fv.check(L.feedback_balance, FA, N.Residual(1))
    again = fv.Verdict.from_dict(verdict.to_dict())
    assert again.witness.recheck(net=N.Residual(1))
    assert not again.witness.recheck(net=N.OneMatrixResidual(1))
    with pytest.raises(fv.Misuse, match="the network, which is not in the record: pass it"):
        again.witness.recheck()
    assert str(fv.Verdict.from_dict(fv.check(TOTAL, FA, N.Residual()).to_dict())).startswith("PROVED")


def test_derivations_of_networks():
    text = fv.check(TOTAL, FA, N.OneMatrixResidual()).derivation.text()
    assert "At layer stem, and wherever the network looks alike" in text
    assert "charges = " in text
    assert "the sum = 0    [equal terms cancel]" in text
    worked = fv.check(L.feedback_balance, FA, N.Residual(1)).derivation.text()
    assert "Counterexample, layer stem" in worked
    assert "dQ/dt = 1" in worked
    assert r"\why{" in fv.check(TOTAL, FA, N.Recurrent()).derivation.latex()
