"""Networks that are none are refused, with the name of what is wrong and what to do; no verdict comes of them."""

import numpy as np
import pytest

import faverify as fv

L, N, R = fv.laws, fv.networks, fv.rules
FA = R.FeedbackAlignment()
TOTAL = fv.total(L.feedback_balance)
SHAPES = {"stem": ("n", "d"), "W": ("n", "n"), "head": ("k", "n")}


def network(forward, shapes=None, inputs=None):
    class Given(fv.Network):
        def shapes(self):
            return SHAPES if shapes is None else shapes

        def forward(self, w, x):
            return forward(w, x)

    if inputs is not None:
        Given.inputs = inputs
    return Given()


def fine(w, x):
    return w["head"] @ fv.phi(w["stem"] @ x)


def in_place(w, x):
    x[0] = 1
    return fine(w, x)


def of_parameters(w, x):
    w["W"] = 1
    return fine(w, x)


@pytest.mark.parametrize(
    ("forward", "error", "message"),
    [
        (lambda w, x: w["head"] @ (w["W"] @ x), fv.ShapeError, r"w\['W'\] @ a: \(n × n\) does not conform with \(d × "),
        (lambda w, x: w["head"] @ (w["stem"] @ x) + w["head"] @ x, fv.ShapeError, r"w\['head'\] @ a: \(k × n\)"),
        (lambda w, x: w["head"] @ fv.phi(w["stem"] @ x + w["W"]), fv.ShapeError, "a bias is a column"),
        (in_place, fv.UnsupportedOperation, "none may be changed in place"),
        (of_parameters, fv.NetworkError, "does not support item assignment"),
        (lambda w, x: w["head"] @ (w["stem"] @ x[0]), fv.UnsupportedOperation, "select rows with w.fixed"),
        (lambda w, x: w["head"] @ np.tanh(w["stem"] @ x), fv.NetworkError, "use @, .*fv.phi, w.fixed, w.mask, w.free"),
        (lambda w, x: w["head"] @ (np.eye(2) @ x), fv.NetworkError, "use @, .*w.fixed"),
        (lambda w, x: w["head"] @ (w["stem"] @ x).exp(), fv.UnsupportedOperation, r"'exp' of .*w.free\(name, a\)"),
        (lambda w, x: w["head"] @ fv.sum_samples(w["stem"] @ x), fv.UnsupportedOperation, "'sum_samples' of a value"),
        (lambda w, x: w["head"] @ max(w["stem"] @ x, x), fv.UnsupportedOperation, "a comparison, a conversion"),
        (lambda w, x: fine(w, x) if x else x, fv.UnsupportedOperation, "a comparison, a conversion"),
        (lambda w, x: w["head"] @ (w["stem"] @ x) ** 3, fv.UnsupportedOperation, "the power 3"),
        (lambda w, x: 0.5 * fine(w, x), fv.ExactnessError, "0.5"),
        (lambda w, x: fine(w, x) / 0, fv.NetworkError, "ZeroDivisionError"),
        (lambda w, x: w["hed"] @ x, fv.NetworkError, r"reads w\['hed'\]; shapes\(\) gives stem, W, head"),
        (lambda w, x: None, fv.NetworkError, "returned NoneType"),
        (lambda w, x: (), fv.NetworkError, "returned nothing"),
        (lambda w, x: x, fv.NetworkError, "returned an input"),
        (lambda w, x: w["head"] @ w["stem"], fv.UnsupportedOperation, "a parameter is applied to a value"),
        (lambda w, x: fine(w, x) @ 2, fv.UnsupportedOperation, "a @ int"),
        (lambda w, x: fine(w, x) + 1, fv.UnsupportedOperation, "a \\+ b with int"),
        (lambda w, x: w.mask("W", x) * x, fv.NetworkError, "named a fixed matrix 'W'"),
        (lambda w, x: x @ w.fixed("S", [[1, 2], [3]]), fv.NetworkError, "rows of unequal length"),
        (lambda w, x: fv.phi(w["stem"] @ x) * x, fv.ShapeError, "values of one shape are multiplied"),
    ],
)
def test_forward_passes_that_are_none(forward, error, message):
    with pytest.raises(error, match=message):
        fv.check(TOTAL, FA, network(forward))


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ({}, r"returned \{\}"),
        (3, "returned 3"),
        ({**SHAPES, "e": ("n", "n")}, "names a map 'e'"),
        ({**SHAPES, "x1": ("n", "n")}, "names a map 'x1'"),
        ({**SHAPES, "ΔW": ("n", "n")}, "names a map 'ΔW'"),
        ({**SHAPES, "W 1": ("n", "n")}, "names a map 'W 1'"),
        ({**SHAPES, 3: ("n", "n")}, "names a map 3"),
        ({**SHAPES, "λ": ("n", "n")}, "no fv.parameter"),
        ({**SHAPES, "W": ("n", 0)}, "a whole number ≥ 1"),
        ({**SHAPES, "W": ("n", True)}, "a whole number ≥ 1"),
        ({**SHAPES, "W": ("n", 2.5)}, "a whole number ≥ 1"),
        ({**SHAPES, "W": ("n", "n", "n")}, "the shape"),
    ],
)
def test_shapes_that_are_none(shapes, message):
    fv.parameter("λ")
    with pytest.raises(fv.NetworkError, match=message):
        fv.check(TOTAL, FA, network(fine, shapes))


@pytest.mark.parametrize("inputs", [{"y": "d"}, {"x": 0}, {"x": ("d", "m", "n")}, 0])
def test_inputs_that_are_none(inputs):
    with pytest.raises(fv.NetworkError, match="use names that begin with x"):
        fv.check(TOTAL, FA, network(fine, inputs=inputs))


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        (lambda w, x: w["head"] @ (fv.phi(w["stem"] @ x + w["b"]) + w["b"]), "goes with stem and no map"),
        (lambda w, x: w["head"] @ fv.phi(w["W"] @ (w["stem"] @ x + w["b"]) + w["b"]), "goes with stem and W"),
        (lambda w, x: w["head"] @ fv.phi(w["W"] @ (w["W"] @ (w["stem"] @ x) + w["b"])), "is not added wherever"),
        (lambda w, x: w["head"] @ (fv.phi(w["stem"] @ x) + w["b"]), "goes with no map"),
    ],
)
def test_a_bias_goes_with_one_map(forward, message):
    with pytest.raises(fv.NetworkError, match=message):
        fv.check(TOTAL, FA, network(forward, {**SHAPES, "b": ("n", 1)}))


class Counting(fv.Network):
    """A network that is another one at every second call."""

    def __init__(self):
        self.calls = 0

    def shapes(self):
        return SHAPES

    def forward(self, w, x):
        self.calls += 1
        return fine(w, x) if self.calls % 2 else w["head"] @ (w["stem"] @ x)


def test_a_network_without_a_memory():
    with pytest.raises(fv.NetworkError, match="rules, laws and networks are pure"):
        fv.check(TOTAL, FA, Counting())


def test_no_group_is_no_proof():
    verdict = fv.check(TOTAL, FA, network(lambda w, x: w["head"] @ x, {"head": ("k", "d")}))
    assert verdict.kind == "undecided"
    assert verdict.tried == ("no tied group without the input and the output: the law says nothing of this network",)
    skip = network(lambda w, x: w["head"] @ (x + w["W"] @ x), {"W": ("d", "d"), "head": ("k", "d")})
    assert fv.check(TOTAL, FA, skip).kind == "undecided"


class SignsOnTheWay(R.FeedbackAlignment):
    def error(self, layer, above, output):
        return layer.dphi * fv.sign(self.feedback(above).mT @ above.delta)


class LogarithmsOnTheWay(R.FeedbackAlignment):
    def error(self, layer, above, output):
        found = layer.dphi * (self.feedback(above).mT @ above.delta)
        return found + fv.logdet(found @ layer.a.mT)


class SquaresOnTheWay(R.FeedbackAlignment):
    def error(self, layer, above, output):
        return layer.dphi * (self.feedback(above).mT @ above.delta) ** 2


def test_signals_are_linear_where_a_skip_leaves():
    with pytest.raises(fv.RuleError, match=r"a product of signals at layer stem \(test_bad_networks.py:\d+\)"):
        fv.check(TOTAL, SquaresOnTheWay(), N.Residual(1))
    with pytest.raises(fv.RuleError, match=r"fv\.sign of a signal at layer stem"):
        fv.check(TOTAL, SignsOnTheWay(), N.Residual(1))
    with pytest.raises(fv.RuleError, match=r"fv\.logdet of a signal at layer stem"):
        fv.check(TOTAL, LogarithmsOnTheWay(), N.Residual(1))
    assert fv.check(TOTAL, SignsOnTheWay(), N.Dropout()).kind == "refuted"  # no skip leaves there


def test_places_and_hypotheses_that_a_network_has_not():
    for layer in (1, "W9", "stem"):
        with pytest.raises(fv.Misuse, match=r"one of 'stem\+V1', 'W1'"):
            fv.check(TOTAL, FA, N.Residual(1), layer=layer)
    with pytest.raises(fv.Misuse, match="hypotheses without equations, such as squared-loss or batch-size-one"):
        fv.check(TOTAL, FA, N.Residual(1), assume=["scalar-output"])
    with pytest.raises(fv.Misuse, match="a network brings its own"):
        fv.check(TOTAL, FA, N.Residual(1), bias=True)
    with pytest.raises(fv.Misuse, match="a chain"):
        fv.discover(FA, N.Residual(1))
    with pytest.raises(fv.Misuse, match="a chain"):
        fv.refute_at(L.feedback_balance, FA, N.Residual(1), weights=[], inputs=[[1]], error=[[1]])
    with pytest.raises(fv.Misplaced, match="is multiplied by no other layer"):
        fv.check(L.partner_balance, FA, N.Residual(1), layer="W1")


@pytest.mark.parametrize("blocks", [0, -1, True, 1.5, "2"])
def test_numbers_of_blocks_that_are_none(blocks):
    with pytest.raises(fv.Misuse, match="a whole number ≥ 1, or None"):
        N.Residual(blocks)


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda: N.Attention(heads=0), "heads"),
        (lambda: N.MaxPooling(window=0), "window"),
        (lambda: N.Convolution(3), "taps"),
        (lambda: N.Convolution(()), "taps"),
        (lambda: N.Convolution((0, 2)), "taps"),
        (lambda: N.Convolution((1, 1), shape=3), "shape"),
        (lambda: N.Convolution((1, 1), shape=(2.5,)), "shape"),
        (lambda: N.Convolution((1, 1), shape=(2,), stride=0), "stride"),
        (lambda: N.Convolution((1, 1), shape=(3,), padding=-1), "padding"),
    ],
)
def test_networks_of_the_library_refuse_what_they_cannot_be(make, argument):
    with pytest.raises(fv.Misuse, match=f"^{argument} = .* expected a .*whole number"):
        make()


class Looks(N.Residual):
    """A block that would know how many there are."""

    def block(self, w, a, x):
        return a / self.blocks + w["V"] @ fv.phi(w["W"] @ a)


class HandsOn(N.Residual):
    """What a block hands on is no layer: the sum of all blocks is one."""

    def before(self, w, x):
        a = fv.phi(w["stem"] @ x)
        return a, a

    def block(self, w, a, x):
        first, a = a
        return first, a + w["V"] @ fv.phi(w["W"] @ first)

    def after(self, w, a):
        return w["head"] @ a[1]


class OwnForward(N.Residual):
    def forward(self, w, x):
        return super().forward(w, x)


def test_any_number_of_blocks_needs_equal_blocks():
    with pytest.raises(fv.ExactnessError):
        fv.check(TOTAL, FA, Looks())
    verdict = fv.check(TOTAL, FA, HandsOn())
    assert verdict.kind == "undecided"
    assert "what a block hands on, which is no layer of its own" in verdict.tried[0]
    assert fv.check(TOTAL, FA, HandsOn(2)).kind == "proved"
    with pytest.raises(fv.Misuse, match="a forward pass or shapes of its own"):
        fv.check(TOTAL, FA, OwnForward())
    assert fv.check(TOTAL, FA, OwnForward(5)).kind == "proved"
