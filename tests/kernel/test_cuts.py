"""The local cut stays sound against rules that look around, and against laws that are true only somewhere."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

import faverify as fv

FA = fv.rules.FeedbackAlignment
LAW = fv.laws.feedback_balance


def plain(law=LAW, rule=None, net=None, **options):
    return fv.check(law, rule or FA(), net, **{"budget": 20, **options})


# Rules that look at what a proof must not know


class OnlyLayerFive(FA):
    def feedback(self, above):
        return 2 * above.B if above.index == 5 else above.B


class OnlyLayerFiveByName(FA):
    def feedback(self, above):
        return 2 * above.B if above.name == "W5" else above.B


class OnlyLayerFiveByText(FA):
    def feedback(self, above):
        return 2 * above.B if str(above.index) == "5" else above.B


class OnlyLayerFiveByType(FA):
    def feedback(self, above):
        return 2 * above.B if isinstance(above.index, int) and above.index == 5 else above.B


class OnlyLayerFiveByTable(FA):
    def feedback(self, above):
        return {5: 2}.get(above.index, 1) * above.B


class OnlyLayerFiveInSilence(FA):
    def feedback(self, above):
        try:
            return 2 * above.B if above.index == 5 else above.B
        except BaseException:
            return above.B


class OnlyWidthSeven(FA):
    def feedback(self, above):
        return 2 * above.B if above.W.shape[1] == 7 else above.B


class OnlyBelowTheTop(FA):
    def feedback(self, above):
        return above.B if above.above is None else 2 * above.B


class OnlyAboveTheInput(FA):
    def update(self, layer, below, output):
        return {"W": -layer.delta @ below.a.mT * (1 if hasattr(below, "W") else 2)}


PEEKING = [
    OnlyLayerFive, OnlyLayerFiveByName, OnlyLayerFiveByText, OnlyLayerFiveByType, OnlyLayerFiveByTable,
    OnlyLayerFiveInSilence, OnlyWidthSeven, OnlyBelowTheTop, OnlyAboveTheInput,
]  # fmt: skip


@pytest.mark.parametrize("rule", PEEKING, ids=lambda rule: rule.__name__)
def test_a_rule_that_peeks_is_refuted_never_proved(rule):
    verdict = plain(rule=rule())
    assert isinstance(verdict, fv.Refuted)
    assert verdict.witness.recheck()
    assert "test_cuts.py" in verdict.tried[0]  # the line that asked is named


def test_an_index_that_changes_nothing_leaves_the_law_undecided():
    class Harmless(FA):
        def feedback(self, above):
            return above.B if above.index > 3 else 1 * above.B

    verdict = plain(rule=Harmless(), budget=0.2)
    assert isinstance(verdict, fv.Undecided)
    assert "asks for the value of L" in verdict.tried[0]
    assert isinstance(plain(rule=Harmless(), net=fv.MLP((2,) * 7)), fv.Proved)


def test_a_rule_may_look_at_the_layers_above_within_the_horizon():
    class Shallow(FA):
        def error(self, layer, above, output):
            back = above.B.mT @ above.delta
            return layer.dphi * (back if above is output else back * 1)

    assert isinstance(plain(rule=Shallow()), fv.Proved)


def test_per_layer_constants_are_letters():
    eta = fv.parameter("η")

    class Rates(FA):
        def update(self, layer, below, output):
            return {"W": -eta[layer.index] * layer.delta @ below.a.mT}

    def weighed(layer, above):
        return eta[above.index] * fv.norm2(layer.W) / 2 - eta[layer.index] * fv.inner(above.W, above.B)

    assert isinstance(plain(weighed, Rates()), fv.Proved)
    assert isinstance(plain(weighed, Rates(), fv.MLP((2, 3, 2, 1))), fv.Proved)
    assert isinstance(plain(LAW, Rates()), fv.Refuted)


# Memory


class OnSecondCall(FA):
    calls = 0

    def feedback(self, above):
        type(self).calls += 1
        return 2 * above.B if self.calls == 2 else above.B


COUNTER = itertools.count()
HISTORY: list[int] = []


class CountsInAGlobal(FA):
    def feedback(self, above):
        return above.B if next(COUNTER) != 10**6 else 2 * above.B


class RemembersInAGlobal(FA):
    def feedback(self, above):
        HISTORY.append(1)
        return above.B


class RemembersInItself(FA):
    def __init__(self):
        self.seen = []

    def feedback(self, above):
        self.seen.append(1)
        return above.B


def remembers_in_a_closure():
    seen = []

    class Closing(FA):
        def feedback(self, above):
            seen.append(1)
            return above.B

    return Closing()


class DrawsAtRandom(FA):
    def feedback(self, above):
        import random

        return above.B * random.choice([1, 1])


@pytest.mark.parametrize(
    "make",
    [OnSecondCall, CountsInAGlobal, RemembersInAGlobal, RemembersInItself, remembers_in_a_closure, DrawsAtRandom],
)
def test_a_rule_with_memory_is_an_error(make):
    import random  # loaded before the check, as in any program that draws

    del random
    with pytest.raises(fv.RuleError, match="pure"):
        plain(rule=make())


def test_a_law_with_memory_is_an_error():
    seen = []

    def law(layer, above):
        seen.append(1)
        return fv.norm2(layer.W) / 2 - fv.inner(above.W, above.B)

    with pytest.raises(fv.LawError, match="pure"):
        plain(law)


def test_a_law_that_changes_its_mind_is_an_error():
    flips = iter([1, 2, 1, 2, 1, 2])

    with pytest.raises(fv.FaverifyError, match="pure"):
        plain(lambda layer, above: fv.norm2(layer.W) * next(flips))


def test_a_rule_must_not_change_a_layer():
    class Assigning(FA):
        def error(self, layer, above, output):
            layer.a = layer.a * 0
            return layer.dphi * (above.B.mT @ above.delta)

    with pytest.raises(fv.FaverifyError, match="a was assigned to"):
        plain(rule=Assigning())


# Laws that are true only somewhere


def balanced(layer, above):
    return fv.norm2(layer.W) / 2 - fv.inner(above.W, above.B)


def test_only_for_one_sample():
    """With one sample ΔW has rank one, so that a 2 × 2 minor of Ẇ W-products vanishes; two samples break it."""

    class RankOne(FA):
        def update(self, layer, below, output):
            drive = -layer.delta @ below.a.mT
            gram = layer.delta.mT @ layer.delta
            return {"W": drive + drive * (fv.norm2(gram) - fv.trace(gram) ** 2)}

    verdict = plain(LAW, RankOne())
    assert isinstance(verdict, fv.Refuted)
    assert verdict.witness.inputs.shape[1] == 2
    assert verdict.witness.recheck()


def test_only_for_scalar_output():
    """(Σ_i e_i)² is ‖e‖² for one output only."""

    class ScalarError(FA):
        def update(self, layer, below, output):
            e = output.delta
            return {"W": -layer.delta @ below.a.mT * (1 + fv.total(e) ** 2 - fv.norm2(fv.sum_samples(e)))}

    class Only(ScalarError):
        def update(self, layer, below, output):
            found = super().update(layer, below, output)
            return found if layer is output else {}

    verdict = plain(LAW, Only())
    assert isinstance(verdict, fv.Refuted)
    assert len(verdict.witness.error) > 1
    assert isinstance(plain(LAW, Only(), fv.MLP((2, 2, 1))), fv.Proved)


def test_only_on_one_activation_pattern():
    """The matrix law holds where all gates are open."""
    verdict = plain(fv.laws.matrix_feedback_balance, activation="relu")
    assert isinstance(verdict, fv.Refuted)
    assert Fraction(0) in [gate for gates in verdict.witness.gates for gate in gates.flat]


def test_only_at_hidden_width_two():
    """Cayley and Hamilton make this law exact at width 2 (and wherever W Wᵀ has rank 2); width 3 breaks it."""

    def cayley(layer, above):
        N = layer.W @ layer.W.mT
        t = fv.trace(N)
        d = (t**2 - fv.trace(N @ N)) / 2
        return balanced(layer, above) + fv.trace(N @ N @ N) - t * fv.trace(N @ N) + d * t

    proved = plain(cayley, net=fv.MLP((3, 2, 1)))
    assert isinstance(proved, fv.Proved)
    assert proved.how == "polynomials at the given widths"
    assert isinstance(plain(cayley, net=fv.MLP((3, 3, 1))), fv.Refuted)
    everywhere = plain(cayley)
    assert isinstance(everywhere, fv.Refuted)
    assert everywhere.witness.widths[1] == 3


def test_only_at_hidden_width_one():
    def narrow(layer, above):
        return balanced(layer, above) + fv.trace(layer.W @ layer.W.mT) ** 2 - fv.norm2(fv.diag(layer.W @ layer.W.mT))

    assert isinstance(plain(narrow, net=fv.MLP((3, 1, 1))), fv.Proved)
    verdict = plain(narrow)
    assert isinstance(verdict, fv.Refuted)
    assert verdict.witness.widths[1] == 2


@pytest.mark.parametrize(
    "law",
    [
        lambda layer, above: balanced(layer, above) + fv.norm2(layer.b),  # true at b = 0 without biases
        lambda layer, above: fv.norm2(above.W - above.B) ** 2,  # stationary where W = B
        lambda layer, above: fv.norm2(layer.W),  # constant where e = 0
        lambda layer, above: balanced(layer, above) + fv.norm2(above.W) / 10**12,
        lambda layer, above: (2**61 - 1) * fv.norm2(layer.W) / 2 - (2**61 - 2) * fv.inner(above.W, above.B),
        lambda layer, above: (2**61 - 1) * fv.norm2(layer.W),
    ],
    ids=["b = 0", "W = B", "e = 0", "a term of 1e-12", "a factor of 2^61", "a multiple of 2^61 - 1"],
)
def test_true_only_at_a_point_or_nearly(law):
    verdict = plain(law, bias=True)
    assert isinstance(verdict, fv.Refuted)
    assert verdict.witness.recheck()


def test_at_a_kink_any_slope_is_allowed():
    """Proofs without squares hold for any value of φ′(0); with squares they say which values they used."""

    class GateTwice(FA):
        def error(self, layer, above, output):
            return layer.dphi * layer.dphi * (above.B.mT @ above.delta)

    assert plain(activation="relu").scope.gates == "all, any φ′ at a kink"
    twice = plain(rule=GateTwice(), activation="relu")
    assert isinstance(twice, fv.Proved)
    assert twice.scope.gates == "all, φ′ at a kink with values in {0, 1}"
    assert isinstance(plain(rule=GateTwice(), activation="leaky-relu-1/2"), fv.Refuted)
    assert isinstance(plain(rule=GateTwice(), activation="abs"), fv.Refuted)


def test_a_witness_never_stands_on_a_kink():
    class AtZero(FA):
        """Differs from FA where h = 0 and nowhere else."""

        def error(self, layer, above, output):
            s = fv.sign(layer.h)
            return layer.dphi * (above.B.mT @ above.delta) + (1 - s * s) * (above.W.mT @ above.delta)

    assert isinstance(plain(rule=AtZero(), net=fv.MLP((1, 2, 1)), budget=5), fv.Undecided)


def test_an_infeasible_pattern_refutes_nothing():
    class OpenBelowZero(FA):
        """Differs from FA where a gate is open and h < 0: letters may do that, a ReLU never does."""

        def error(self, layer, above, output):
            return layer.dphi * (above.B.mT @ above.delta) + layer.dphi * (1 - fv.sign(layer.h)) * (
                above.W.mT @ above.delta
            )

    assert isinstance(plain(rule=OpenBelowZero(), net=fv.MLP((1, 2, 1), "relu"), budget=5), fv.Undecided)
    assert isinstance(plain(rule=OpenBelowZero(), net=fv.MLP((1, 2, 1), "abs"), budget=5), fv.Refuted)


@pytest.mark.parametrize(
    "law", [lambda layer, above: 3, lambda layer, above: fv.norm2(above.B), lambda layer, above: fv.norm2(layer.W) * 0]
)
def test_a_trivially_constant_law_is_told_apart(law):
    verdict = plain(law)
    assert isinstance(verdict, fv.Proved)
    assert verdict.note.startswith("trivial")
    assert plain().note == ""


def test_scope_names_signs():
    def one_norm(layer, above):
        return fv.norm2(layer.W) / 2 - fv.norm1(above.W)

    verdict = plain(one_norm, fv.rules.SignSymmetry())
    assert isinstance(verdict, fv.Proved)
    assert "where no entry under a sign is 0" in verdict.scope.gates


def test_rules_with_passes_of_their_own_have_no_cut():
    class Twice(FA):
        def velocities(self, run, x, error):
            run.forward(x)
            run.backward(self, error)
            return {name: 2 * rate for name, rate in run.updates(self).items()}

    verdict = plain(rule=Twice(), budget=0.2)
    assert isinstance(verdict, fv.Undecided)
    assert "passes of its own" in verdict.tried[0]
    inside = plain(rule=Twice(), net=fv.MLP((2, 3, 2, 1)))
    assert isinstance(inside, fv.Proved)
    assert inside.how == "words, whole network"


def test_layers():
    direct = fv.laws.direct_feedback_balance
    dfa = fv.rules.DirectFeedbackAlignment()
    assert plain(direct, dfa, layer=-1).scope.layers == "the last hidden layer"
    assert plain(layer=2).scope.layers == "layer 2"
    with pytest.raises(
        fv.ShapeError, match=r"inner\(A, B\): \(n_\{l\+1\} × n_\{l\}\) does not conform with \(n_\{L\} × n_\{l\}\)"
    ):
        plain(direct, dfa)
    mixed = plain(direct, dfa, fv.MLP((1, 1, 1, 1)))
    assert isinstance(mixed, fv.Refuted)
    assert [part.kind for part in mixed.layers.values()] == ["refuted", "proved"]
    assert isinstance(plain(net=fv.MLP((3, 1))), fv.Undecided)


def test_conjunction_needs_every_layer():
    from faverify.kernel.cuts import conjunction

    verdict = plain(net=fv.MLP((2, 2, 2, 1)))
    with pytest.raises(KeyError):
        conjunction(verdict.question, {1: verdict.layers[1]})
    with pytest.raises(AssertionError):
        conjunction(verdict.question, {1: verdict.layers[1], 2: plain(fv.laws.balancedness)})
