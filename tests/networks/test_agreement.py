"""Two engines that share no code give one answer: velocities, signals and rates, over every network and rule."""

import random
from fractions import Fraction
from types import SimpleNamespace

import pytest

import faverify as fv
from faverify.kernel.carriers import Value
from faverify.kernel.cuts import prove_in_network, residuals
from faverify.kernel.outlines import OutlineCarrier
from faverify.kernel.passes import Run
from faverify.kernel.questions import Question, hidden_of
from faverify.kernel.words import Word
from faverify.model.networks import Sized, size_names
from faverify.proving.grids import Grid
from faverify.proving.rechecking import _to
from faverify.proving.retracing import Tape
from faverify.proving.rings import Assignment, Rationals

from ..conftest import value_of_word
from .graphs import Graph

L, N, R = fv.laws, fv.networks, fv.rules
FA, BP = R.FeedbackAlignment(), R.BackPropagation()
NETWORKS = {
    "residual": N.Residual(2),
    "one matrix": N.OneMatrixResidual(2),
    "convolution": N.Convolution((2, 2)),
    "convolution of a square": N.Convolution((2, 1), (2, 2), 1, 1),
    "pooling": N.MaxPooling(),
    "dropout": N.Dropout(),
    "recurrent": N.Recurrent(2),
    "recurrent, trained start": N.Recurrent(1, start="trained"),
    "scores": N.AttentionScores(),
    "attention": N.Attention(2),
    "batch norm": N.BatchNormalised(),
    "layer norm": N.LayerNormalised(),
}


class TwoHeads(fv.Network):
    """Two inputs of which one feeds two maps, a bias, two outputs of which one is read again, and a square."""

    @property
    def inputs(self):
        return {"x": "d", "xb": "c"}

    def shapes(self):
        return {"A": ("n", "d"), "b": ("n", 1), "B2": ("n", "c"), "C": ("n", "n"), "P": ("k", "n"), "Q": ("j", "k")}

    def forward(self, w, x):
        a = fv.phi(w["A"] @ x["x"] + w["b"] + w["B2"] @ x["xb"])
        c = a - w["C"] @ a / 2
        first = w["P"] @ (c * c + a)
        return first, w["Q"] @ first


NETWORKS["two heads"] = TwoHeads()
NETWORKS |= {f"random {seed}": Graph(seed, products=seed % 2) for seed in range(12)}
RULES = [BP, FA, R.DirectFeedbackAlignment(), R.SignSymmetry(), R.KolenPollack(Fraction(1, 3)), R.StraightThrough()]
RULES += [R.WeightDecay(FA, Fraction(1, 5)), R.Hebbian(), R.Oja(), R.FixedMagnitudeSignSymmetry(), R.Dropout(FA)]


def at_a_point(net, rule, seed=0, samples=2):
    """The network with numbers in it, in the prover's way."""
    rng, data = random.Random(seed), {}
    sized = Sized(net, dict.fromkeys(size_names(net), 2), fv.leaky_relu(Fraction(1, 3)))
    draw = Assignment(Rationals(), data, lambda name: Fraction(rng.choice([-3, -2, -1, 1, 2, 3]), rng.choice([1, 2])))
    run = Run(sized, draw, samples)
    return sized, data, run, run.velocities(rule)


@pytest.mark.parametrize("rule", RULES, ids=repr)
@pytest.mark.parametrize("net", NETWORKS.values(), ids=NETWORKS)
def test_the_prover_and_the_recheck_run_alike(net, rule):
    if isinstance(rule, R.DirectFeedbackAlignment) and net is NETWORKS["convolution of a square"]:
        with pytest.raises(fv.ShapeError):  # its layers have other positions than the output
            at_a_point(net, rule)
        return
    sized, data, _, moves = at_a_point(net, rule)
    state = {name: Grid(rows, {}) for name, rows in data.items()}
    several = isinstance(sized.inputs, dict)
    inputs = {name: state[name] for name in sized.inputs} if several else state["x"]
    tape = Tape(net, state, sized.activation, None, _to)

    def error(output):
        from faverify.proving.piles import piled

        names = ["e"] if len(tape.tops) == 1 else [f"e_{{{tape.views[id(top)].label}}}" for top in tape.tops]
        return piled([state[name] for name in names], 0)

    again = tape.velocities(rule, inputs, error)
    assert {name: rate.data for name, rate in moves.items()} == {name: rate.rows for name, rate in again.items()}


@pytest.mark.parametrize("rule", RULES[:7], ids=repr)
@pytest.mark.parametrize("name", ["residual", "one matrix", "recurrent", "attention", "two heads", "batch norm"])
def test_words_are_the_numbers(name, rule):
    """The velocities over words, with numbers put in, are those over numbers, of linear units."""
    net = NETWORKS[name]
    sizes = dict.fromkeys(size_names(net), 2) | {"samples": 2}
    linear = fv.activation_named("linear")
    rng, data = random.Random(1), {}
    sized = Sized(net, sizes, linear)
    numbers = Run(sized, Assignment(Rationals(), data, lambda name: Fraction(rng.randint(-3, 3))), 2)
    letters = Question(None, rule, linear, net=SimpleNamespace(samples="samples"))
    named = Sized(net, {}, linear)
    from faverify.kernel.words import WordCarrier

    words = letters.run(named, WordCarrier())
    found, exact = words.velocities(rule), numbers.velocities(rule)
    assert set(found) == set(exact)
    data |= {f"sign({name})": [[(v > 0) - (v < 0) for v in row] for row in rows] for name, rows in data.items()}
    for key, word in found.items():
        assert isinstance(word, Word)
        data |= {name: [[Fraction(0)] * 2] * 2 for name in word.names() - set(data)}  # letters that play no part
        assert value_of_word(word, sizes, data) == exact[key].data, key


@pytest.mark.parametrize("rule", [FA, BP, R.SignSymmetry(), R.KolenPollack(), R.KolenPollack(2)], ids=repr)
@pytest.mark.parametrize("net", list(NETWORKS.values())[:12], ids=list(NETWORKS)[:12])
def test_a_cut_around_each_layer_proves_nothing_that_the_whole_network_refutes(net, rule):
    laws = [L.feedback_balance, L.balancedness, L.kolen_pollack_balance, L.half_square]
    for law in laws + [fv.total(law) for law in laws]:
        question = Question(law, rule, fv.homogeneous(), net=net)
        labels = hidden_of(question)
        whole = residuals(question, net, labels, False)
        for label, proof in prove_in_network(question, labels, "stars", False).items():
            assert isinstance(proof, fv.Proved) == whole[label].is_zero(), (law, label)


def test_outlines_have_the_shapes_of_what_they_outline():
    for net in NETWORKS.values():
        run = Run(net, OutlineCarrier(), "samples")
        rates = run.velocities(FA)
        assert all(isinstance(rate, Value) for rate in rates.values())
        assert {name: rate._dims for name, rate in rates.items()} == net.shapes()
