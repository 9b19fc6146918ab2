"""Discovery against counts that were derived by hand or measured by other code, and against its own traps."""

from __future__ import annotations

import json
import random
import re
from fractions import Fraction

import numpy as np
import pytest

import faverify as fv
from faverify.discovery import ansatz, kernels, lie
from faverify.discovery import search as discovery
from faverify.discovery.fields import setting_of
from faverify.discovery.residues import Field, ResidueCarrier, modulus
from faverify.discovery.search import discover
from faverify.discovery.spans import Span, SparseSpan
from faverify.kernel.passes import Run
from faverify.model.names import marked
from faverify.proving.rings import Assignment, Rationals

from ..conftest import entries_of

R = fv.rules
FA, BP, DFA, KP = R.FeedbackAlignment(), R.BackPropagation(), R.DirectFeedbackAlignment(), R.KolenPollack()

COUNTS = [  # independent laws, ReLU and linear, found by other programs
    (FA, (2, 2, 1), 2, 4),
    (FA, (2, 2, 2), 2, 3),
    (FA, (2, 3, 2), 3, 7),
    (FA, (2, 2, 2, 1), 4, 8),
    (BP, (2, 2, 1), 2, 3),
    (BP, (2, 2, 2), 2, 3),
    (BP, (2, 3, 2), 3, 6),
    (BP, (2, 2, 2, 1), 4, 6),
    (DFA, (2, 2, 2, 1), 2, None),
]


@pytest.mark.parametrize(("rule", "widths", "relu", "linear"), COUNTS)
def test_independent_laws_are_as_many_as_the_lie_rank_leaves(rule, widths, relu, linear):
    for activation, count in (("relu", relu), ("linear", linear)):
        if count is not None:
            found = discover(rule, fv.MLP(widths, activation))
            assert found.exact
            assert found.complete
            assert found.independent == found.parameters - found.lie_rank == count


@pytest.mark.parametrize("widths", [(2, 2, 1), (2, 2, 2), (2, 3, 2), (3, 3, 2), (2, 3, 3), (1, 2, 2)])
def test_the_count_of_two_layer_linear_networks(widths):
    d, m, k = widths
    found = discover(FA, fv.MLP(widths, "linear"))
    assert found.lie_rank == k * d + k * (k - 1) // 2
    assert found.independent == m * d + m * k - found.lie_rank
    assert found.complete


def test_fewer_neurons_than_outputs():
    assert discover(FA, fv.MLP((1, 1, 2), "linear")).independent == 1


def test_scalar_output_relu_has_the_neuron_laws_and_no_more():
    found = discover(FA, fv.MLP((2, 3, 1)))
    assert [law.known for law in found.laws] == [f"neuron-feedback-balance[{j}] at layer 1" for j in range(3)]
    assert found.complete


def test_one_input_has_laws_that_hold_in_regions_only():
    found = discover(FA, fv.MLP((1, 3, 1)))
    assert found.parameters - found.lie_rank == 2 * 3 - 2
    assert found.independent == 3
    assert not found.complete


def test_sampled_gates_show_laws_that_are_none(monkeypatch):
    net = fv.MLP((2, 2, 2, 1))
    truth = discover(FA, net)
    assert len(truth.laws) == 4

    def of_zero_and_one(self, activation, h, name):
        self.gates.add(f"k{name}")
        gate = self.letter(f"k{name}", *h._dims)
        gate.data %= 2
        return gate * h, gate

    monkeypatch.setattr(ResidueCarrier, "activate", of_zero_and_one)
    setting, p = setting_of(FA, net, None, 0), modulus()
    candidates = kernels.monomials(len(setting.variables), 2)
    assert len(kernels.null_space(kernels.sampled(setting, candidates, p, False), p).free) > 4
    found = discover(FA, net)  # each law is certified for all gates
    assert [law.text for law in found.laws] == [law.text for law in truth.laws]
    assert not found.exact


# Every law, by code that shares nothing with the prover but the rule


def rate_at(rule, net, law, fixed, seed, weights=None):
    draws = random.Random(seed)
    given = {marked(k): [list(r) for r in v] for k, v in fixed.items()} | (weights or {})
    carrier = Assignment(Rationals(), given, lambda _: draws.randint(-9, 9))
    moves = Run(net, carrier, 1).velocities(rule)
    at, speed = entries_of(carrier.data), entries_of({name: rate.data for name, rate in moves.items()})
    total = Fraction(0)
    for monomial, c in law.polynomial.items():
        for name, power in monomial:
            rest = c * power * Fraction(at[name]) ** (power - 1) * speed[name]
            for other, exponent in monomial:
                rest *= Fraction(at[other]) ** exponent if other != name else 1
            total += rest
    value = sum(
        c * np.prod([Fraction(at[name]) ** power for name, power in monomial], dtype=object)
        for monomial, c in law.polynomial.items()
    )
    return total - law.rate * value


@pytest.mark.parametrize("rule", [FA, BP, DFA, KP, R.KolenPollack(Fraction(1, 3))])
@pytest.mark.parametrize("activation", ["relu", "linear", "abs"])
def test_every_law_holds_at_rational_points(rule, activation):
    net = fv.MLP((2, 2, 2, 1), activation)
    found = discover(rule, net)
    assert found.laws or found.semi_invariants
    for law in (*found.laws, *found.semi_invariants):
        for seed in range(5):
            assert rate_at(rule, net, law, found.feedback, seed) == 0


def test_residues_and_polynomials_give_one_velocity(rule):
    net = fv.MLP((2, 3, 2, 1), bias=True)
    setting = setting_of(rule, net, None, 3)
    p = modulus()
    carrier = ResidueCarrier(Field(p, setting.constants), 1, np.random.default_rng(0), setting.fixed, setting.base)
    theta, rates = kernels._at(setting, carrier, 1)
    at = {
        f"{k}[{i},{j}]": int(v[0, i, j]) for k, v in carrier.letters.items() for i, j in np.ndindex(*carrier.shapes[k])
    }
    field = Field(p, setting.constants)
    for polynomial, residue in zip(setting.rates, rates[0], strict=True):
        value = 0
        for exponents, c in polynomial.to_dict().items():
            term = field.number(c)
            for name, power in zip(setting.ring.names, exponents, strict=True):
                term = term * pow(at[name], power, p) % p if power else term
            value += term
        assert value % p == residue
    assert len(theta[0]) == len(setting.variables)


FIELD = Field(7, {"c": Fraction(3, 2)}.__getitem__)
CARRIER = ResidueCarrier(
    FIELD, 4, np.random.default_rng(0), {"B2": [[Fraction(1, 2), Fraction(-3)]]}, {"W1": [[1], [-1]]}
)
A, B, C = CARRIER.letter("A", 2, 3), CARRIER.letter("B", 2, 3), CARRIER.letter("C", 3, 3)
SIGNED, FIXED = CARRIER.letter("W1", 2, 1), CARRIER.letter("B2", 1, 2)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (A + 2 * B - B / 3, A.data + 2 * B.data - 5 * B.data),
        (-A * B + Fraction(1, 2), 4 - A.data * B.data),
        (1 - A, 1 - A.data),
        (A * fv.parameter("c"), 5 * A.data),
        (A / fv.parameter("c"), 3 * A.data),
        (A @ C, A.data @ C.data),
        (A.mT @ B, A.data.mT @ B.data),
        (fv.total(A), A.data.sum(axis=(1, 2), keepdims=True)),
        (fv.sum_samples(A), A.data.sum(axis=2, keepdims=True)),
        (fv.diag(C), np.diagonal(C.data, axis1=1, axis2=2)[..., None]),
        (fv.diag(A[0, 0]), A.data[:, :1, :1]),
        (fv.inner(A, B), (A.data * B.data).sum(axis=(1, 2), keepdims=True)),
        (A[1, -1] ** 2, A.data[:, 1:, 2:] ** 2),
        (fv.sign(SIGNED), np.array([[[1], [-1]]])),
        (fv.sign(-SIGNED.mT), np.array([[[-1, 1]]])),
        (fv.sign(SIGNED[1, 0]), np.array([[[-1]]])),
        (fv.sign(FIXED), np.array([[[1, -1]]])),
        (FIXED, np.array([[[4, 4]]])),
        (fv.sign(CARRIER.zeros(2, 2)), np.zeros((1, 2, 2), dtype=int)),
    ],
)
def test_residues(found, wanted):
    assert ((found.data - wanted) % 7 == 0).all()
    assert found._dims == wanted.shape[1:]
    assert found.is_zero() == (not found.data.any())


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        (lambda: A @ A, fv.ShapeError),
        (lambda: A + C, fv.ShapeError),
        (lambda: fv.diag(A), fv.ShapeError),
        (lambda: A / A, fv.UnsupportedOperation),
        (lambda: A / 7, fv.UnsupportedOperation),
        (lambda: A + Fraction(1, 7), fv.UnsupportedOperation),
        (lambda: A * 0.5, fv.ExactnessError),
        (lambda: fv.sign(A + 1), fv.UnsupportedOperation),
        (lambda: A[0], fv.UnsupportedOperation),
        (lambda: A[5, 0], fv.UnsupportedOperation),
        (lambda: A @ 2, TypeError),
    ],
)
def test_residues_refuse(operation, error):
    with pytest.raises(error):
        operation()


# Mutants


class WrongSign(R.FeedbackAlignment):
    def feedback(self, above):
        return -above.B


class Halved(R.FeedbackAlignment):
    def feedback(self, above):
        return above.B / 2


class NoGate(R.FeedbackAlignment):
    def error(self, layer, above, output):
        return above.B.mT @ above.delta


class Masked(R.FeedbackAlignment):
    def update(self, layer, below, output):
        return {"W": layer.W * 0 + 0} if layer.above is None else {}


@pytest.mark.parametrize("mutant", [WrongSign(), Halved()])
def test_a_mutant_has_another_law(mutant):
    found = discover(mutant, fv.MLP((2, 2, 1)), feedback={"B2": [[2, 3]]})
    assert {law.kind for law in found.laws} == {"new"}
    sign = "+ 4" if isinstance(mutant, WrongSign) else "− 2"
    assert found.laws[0].text == f"W1[0,0]² + W1[0,1]² {sign}·W2[0,0]"


def test_a_forgotten_gate_loses_the_balance_where_there_is_one():
    found = discover(NoGate(), fv.MLP((2, 2, 1)))
    assert all("W2" not in law.text for law in found.laws)
    assert [law.degree for law in found.laws] == [1, 1, 2, 2, 2]  # Ẇ₁ = −Bᵀ e xᵀ keeps W₁ off the range of Bᵀ
    assert len(discover(NoGate(), fv.MLP((2, 2, 1), "linear")).laws) == 7


def test_what_does_not_move_is_no_law():
    found = discover(Masked(), fv.MLP((2, 1, 1), "linear"))
    assert found.notes == ("W2 does not move: its velocity is 0; here it is [[782]]",)
    assert found.parameters == 2
    assert all("W2" not in law.text for law in found.laws)


# Feedback


def test_singular_feedback_adds_laws_and_says_so():
    net, singular = fv.MLP((2, 3, 2), "linear"), {"B2": [[1, 2, 3], [2, 4, 6]]}
    found = discover(FA, net, feedback=singular)
    assert found.notes == ("B2 is singular: rank 1 of 2; singular feedback adds laws",)
    assert len(found.laws) == 17 > len(discover(FA, net).laws) == 10
    assert found.to_dict()["feedback"] == {"B2": [["1", "2", "3"], ["2", "4", "6"]]}


def test_large_feedback_needs_several_primes():
    found = discover(FA, fv.MLP((2, 2, 1), "linear"), feedback={"B2": [["1000003/999", 999983]]})
    assert found.exact
    assert found.complete
    assert found.independent == 4


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_counts_do_not_depend_on_the_seed(seed):
    assert discover(FA, fv.MLP((2, 3, 2), "linear"), seed=seed).independent == 7


# Certification


def test_what_is_not_certified_is_not_told(monkeypatch):
    lifted = kernels.lifted

    def wrong(echelon, f, candidates):
        law = lifted(echelon, f, candidates)
        return {m: -c if m == candidates[f] else c for m, c in law.items()} if f == echelon.free[0] else law

    monkeypatch.setattr(kernels, "lifted", wrong)
    monkeypatch.setattr(discovery, "library_laws", lambda setting, degree: iter(()))
    found = discover(FA, fv.MLP((2, 2, 1)))
    assert len(found.laws) == 1
    assert not found.exact
    assert not found.complete
    assert found.notes[0].startswith("2 candidates mod p, 1 certified over ℚ with 8 primes")


def test_a_wrong_law_in_the_library_is_not_told(monkeypatch):
    wrong = fv.Law("wrong", "½‖W_l‖² + ⟨W_{l+1}, B_{l+1}⟩", lambda layer, above: fv.norm2(layer.W) / 2)
    monkeypatch.setitem(discovery.library.LIBRARY, "wrong", wrong)
    assert "wrong" not in str(discover(FA, fv.MLP((2, 2, 1))))


def test_null_space_and_reconstruction():
    p = modulus()
    echelon = kernels.null_space(np.array([[2, 3, 1], [4, 6, 2], [1, 0, 1]]), p)
    assert (echelon.pivots, echelon.free) == ((0, 1), (2,))
    law = kernels.lifted(echelon, 2, [(0,), (1,), (2,)])
    assert law == {(0,): -1, (1,): Fraction(1, 3), (2,): 1}
    assert kernels.rational(5 * pow(7, -1, p) % p, p) == Fraction(5, 7)
    assert kernels.rational(p // 2, p) in (None, Fraction(-1, 2))
    assert kernels.rational(50021 * pow(50023, -1, p) % p, p) != Fraction(50021, 50023)


def test_spans():
    span, sparse = Span(3, 7), SparseSpan(7)
    vectors = [[1, 2, 3], [2, 4, 6], [0, 1, 0], [1, 3, 3], [0, 0, 5]]
    assert [span.add(np.array(v)) for v in vectors] == [True, False, True, False, True]
    assert [sparse.add({k: c for k, c in enumerate(v) if c}) for v in vectors] == [True, False, True, False, True]


# Lie ranks


def test_a_lower_base_rank_never_claims_more(monkeypatch):
    monkeypatch.setattr(lie, "gate_patterns", lambda setting, base: [])
    found = discover(FA, fv.MLP((2, 2, 1)))
    assert found.lie_rank == 0
    assert found.independent == 2
    assert not found.complete


def test_polynomial_activations_are_written_out():
    found = discover(FA, fv.MLP((2, 2, 1), "power-2"))
    assert found.complete
    assert [law.known for law in found.laws] == [
        f"neuron-feedback-balance-of-degree-2[{j}] at layer 1" for j in range(2)
    ]


def test_no_lie_rank_without_exact_fields():
    found = discover(FA, fv.MLP((2, 2, 1), "tanh"))
    assert found.laws == ()
    assert found.exact
    assert (found.lie_rank, found.complete) == (None, False)
    assert "no Lie rank" in found.notes[0]


@pytest.mark.parametrize(
    ("activation", "rank"),
    [
        (fv.homogeneous(), 4),
        (fv.homogeneous(fv.parameter("p")), None),
        (fv.Activation(lambda h: fv.sqrt(h * h), lambda h: h / fv.sqrt(h * h), 1, "root"), None),
        ("leaky-relu", 4),
    ],
)
def test_classes_of_activations(activation, rank):
    found = discover(FA, fv.MLP((2, 2, 1), activation))
    assert (found.independent, found.lie_rank) == (2, rank)


def test_brackets_that_close_say_so():
    found = discover(FA, fv.MLP((1, 3, 1)))
    assert found.scope["Lie rank"].endswith("closed under brackets")


def test_nothing_moves():
    class Still(R.FeedbackAlignment):
        def update(self, layer, below, output):
            return {"W": 0}

    found = discover(Still(), fv.MLP((1, 1, 1)))
    assert (found.laws, found.parameters) == ((), 0)
    assert "nothing moves: there is nothing to find" in found.notes


# Names


def test_products_are_known_as_such():
    found = discover(FA, fv.MLP((1, 1, 1)), 4, feedback={"B2": [[1]]})
    assert [(law.kind, law.degree) for law in found.laws] == [("library", 2), ("product", 4)]
    assert found.laws[1].text == "¼·W1[0,0]⁴ − W1[0,0]²·W2[0,0] + W2[0,0]²"


def test_the_library_comes_before_its_sums():
    found = discover(FA, fv.MLP((2, 2, 2, 1)))
    assert {law.kind for law in found.laws} == {"library"}
    assert [law.layer for law in found.laws] == [1, 1, 2, 2]


def test_signs_are_those_of_a_region():
    found = discover(R.SignSymmetry(), fv.MLP((2, 2, 1)))
    assert found.complete
    assert "signs" in found.scope["region"]
    closed = discover(R.SignSymmetry(), fv.MLP((2, 2, 2, 2)))
    assert closed.independent == 4
    assert closed.parameters - closed.lie_rank >= 4
    with pytest.raises(fv.UnsupportedOperation, match="neither ± a parameter nor fixed"):
        discover(R.BatchwiseSignSymmetry(), fv.MLP((2, 2, 1)))


# Semi-invariants


def test_decay_makes_semi_invariants():
    rule = R.KolenPollack(Fraction(1, 3))
    found = discover(rule, fv.MLP((2, 2, 2)))
    assert found.laws == ()
    rates = {law.known: law.rate for law in found.semi_invariants if law.kind == "library"}
    assert {rates[f"kolen-pollack-difference[{i},{j}] at layer 1"] for i in range(2) for j in range(2)} == {
        Fraction(-1, 3)
    }
    assert rates["kolen-pollack-balance at layer 1"] == Fraction(-2, 3)
    assert len(found.semi_invariants) == len(discover(KP, fv.MLP((2, 2, 2))).laws) == 16


class Anchored(R.FeedbackAlignment):
    """Decay towards M."""

    def update(self, layer, below, output):
        return {"W": -layer.delta @ below.a.mT - (layer.W - layer.constant("M")) / 2}


class Drifting(R.FeedbackAlignment):
    def update(self, layer, below, output):
        return {"B": layer.constant("M")}


class Counting(R.FeedbackAlignment):
    def update(self, layer, below, output):
        return {"B": 1}


class Shrinking(R.FeedbackAlignment):
    """The decay of an ℓ₁ norm."""

    def update(self, layer, below, output):
        return {"W": -layer.delta @ below.a.mT - layer.W.sign() / 10}


def test_semi_invariants_have_a_constant_term():
    net, M = fv.MLP((2, 2, 1), "linear"), [[1, 2], [3, 4]]
    found = discover(Anchored(), net, degree=1, feedback={"B2": [[5, -6]], "M1": M, "M2": [[1, 1]]})
    # Ẇ₁ = −Bᵀ e xᵀ − ½(W₁ − M₁), so that (6, 5)·(W₁ − M₁) decays at the rate ½
    assert [(law.text, law.rate) for law in found.semi_invariants] == [
        ("6·W1[0,0] + 5·W1[1,0] − 21", Fraction(-1, 2)),
        ("6·W1[0,1] + 5·W1[1,1] − 32", Fraction(-1, 2)),
    ]
    assert str(found.semi_invariants[0].expression) == "6*W1[0,0] + 5*W1[1,0] - 21"
    assert found.laws == ()


def signed_like(region, seed):
    """Weights with the signs of those that a scope names."""
    draws = random.Random(seed)
    told = {name: json.loads(rows) for name, rows in re.findall(r"(W\d) = (\[\[.*?\]\])", region)}
    return {
        name: [[draws.randint(1, 9) * (1 if entry > 0 else -1) for entry in row] for row in rows]
        for name, rows in told.items()
    }


@pytest.mark.parametrize("rule", [Anchored(), Drifting(), Counting(), Shrinking()], ids=lambda r: type(r).__name__)
@pytest.mark.parametrize("widths", [(1, 1, 1), (2, 2, 1), (1, 2, 2)])
def test_what_moves_by_itself_at_the_origin(rule, widths):
    net = fv.MLP(widths, "linear")
    found = discover(rule, net)
    laws = (*found.laws, *found.semi_invariants)
    for law in laws:
        for seed in range(5):
            weights = signed_like(found.scope["region"], seed) if isinstance(rule, Shrinking) else None
            assert rate_at(rule, net, law, found.feedback, seed, weights) == 0
    inputs, hidden, outputs = widths
    entries, off = (
        hidden * outputs,
        (hidden - outputs) * inputs,
    )  # of B; and of W₁, off the range of Bᵀ
    linear = {"Anchored": off, "Drifting": entries - 1, "Counting": entries - 1, "Shrinking": off - 1}
    assert sum(law.degree == 1 for law in laws) == max(linear[type(rule).__name__], 0)


def test_laws_where_gates_are_tied_to_weights_are_not_counted():
    found = discover(FA, fv.MLP((1, 2, 1), "leaky-relu-1"), feedback={"B2": [[1, -1]]})
    assert found.exact
    assert not found.complete
    assert "all that hold whatever the gates are" in str(found)
    assert "gates" in found.scope
    linear = discover(FA, fv.MLP((1, 2, 1), "linear"), feedback={"B2": [[1, -1]]})
    assert "all there are" in str(linear)
    assert "W1[0,0] + W1[1,0]" in [law.text for law in linear.laws]


def test_a_symbolic_decay_gets_a_value_that_is_told():
    found = discover(R.KolenPollack(fv.parameter("λ")), fv.MLP((1, 1, 1)))
    decay = Fraction(found.scope["λ"])
    assert [law.rate for law in found.semi_invariants] == [-decay, -2 * decay, -2 * decay]


def test_unequal_decay_keeps_what_it_can():
    class Decays(R.FeedbackAlignment):
        def update(self, layer, below, output):
            rate = 1 if layer.above is not None else 2
            return {"W": -layer.delta @ below.a.mT - rate * layer.W}

    found = discover(Decays(), fv.MLP((2, 2, 1)))
    assert [(law.known, law.rate) for law in found.semi_invariants] == [
        (f"neuron-feedback-balance[{j}] at layer 1", Fraction(-2)) for j in range(2)
    ]


def test_decay_keeps_the_laws_that_it_maps_to_laws():
    class Decays(R.FeedbackAlignment):
        def update(self, layer, below, output):
            rate = 2 if layer.above is None or layer.above.above is None else 1
            return {"W": -layer.delta @ below.a.mT - rate * layer.W}

    found = discover(Decays(), fv.MLP((2, 2, 2, 1)))
    assert [(law.layer, law.rate) for law in found.semi_invariants] == [(1, -2), (1, -2)]


def test_equal_decay_keeps_nothing():
    class Decays(R.FeedbackAlignment):
        def update(self, layer, below, output):
            return {"W": -layer.delta @ below.a.mT - layer.W}

    found = discover(Decays(), fv.MLP((2, 2, 1)))
    assert (found.laws, found.semi_invariants) == ((), ())
    assert found.exact


# Being stopped


def test_an_interrupt_returns_what_is_certified(monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(kernels, "null_space", stop)
    found = discover(FA, fv.MLP((2, 2, 1)))
    assert [law.kind for law in found.laws] == ["library", "library"]
    assert found.notes == ("interrupted: there may be more laws than these",)
    assert (found.exact, found.complete, found.lie_rank) == (False, False, None)


def test_an_interrupt_while_certifying(monkeypatch):
    calls, certified = [], kernels.certified

    def twice(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return certified(*arguments)

    monkeypatch.setattr(kernels, "certified", twice)
    monkeypatch.setattr(discovery, "library_laws", lambda setting, degree: iter(()))
    found = discover(FA, fv.MLP((2, 2, 1), "linear"))
    assert len(found.laws) == 2
    assert not found.complete


def test_a_budget_stops():
    found = discover(FA, fv.MLP((2, 2, 1)), budget=0)
    assert found.notes == ("the budget ran out: there may be more laws than these",)
    assert not found.complete


# Misuse


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"net": (2, 2, 1)}, fv.Misuse, "net ="),
        ({"degree": 0}, fv.Misuse, "degree = 0: expected a whole number, at least 1"),
        ({"degree": True}, fv.Misuse, "degree"),
        ({"degree": 12}, fv.Misuse, "candidates, more than"),
        ({"seed": 0.5}, fv.Misuse, "seed"),
        ({"budget": -1}, fv.Misuse, "budget"),
        ({"bias": True}, fv.Misuse, "a network brings its own"),
        ({"feedback": [[1, 2]]}, fv.Misuse, "a dict of matrices"),
        ({"feedback": {"B3": [[1, 2]]}}, fv.Misuse, "names of what the rule reads and does not move: B2"),
        ({"feedback": {"B2": [[1.5, 2]]}}, fv.ExactnessError, "not an exact number"),
        ({"feedback": {"B2": [[1, 2, 3]]}}, fv.ShapeError, "does not conform"),
        ({"rule": R.FeedbackAlignment}, fv.Misuse, "an instance"),
        ({"rule": KP, "feedback": {"B2": [[1, 2]]}}, fv.Misuse, "reads and does not move: none"),
        ({"net": None, "degree": 3}, fv.Misuse, "degree ≤ 2 without a network"),
        ({"net": None, "bias": 1}, fv.Misuse, "bias"),
    ],
)
def test_misuse_is_told(arguments, error, text):
    with pytest.raises(error, match=text):
        discover(**{"rule": FA, "net": fv.MLP((2, 2, 1)), **arguments})


class Asks(R.FeedbackAlignment):
    def feedback(self, above):
        return above.B if fv.total(above.W) > 0 else -above.B


@pytest.mark.parametrize("net", [None, fv.MLP((2, 2, 1))])
def test_undecidable_code_is_misuse(net):
    with pytest.raises(fv.Misuse, match="a formula in letters"):
        discover(Asks(), net)


def test_batches_that_are_no_sums_are_told():
    class Centred(R.FeedbackAlignment):
        def error(self, layer, above, output):
            return super().error(layer, above, output) * fv.total(output.delta)

    assert any("batch" in note for note in discover(Centred(), fv.MLP((1, 1, 1))).notes)
    assert discover(FA, fv.MLP((1, 1, 1))).notes == ()


# Reports


def test_the_record_is_json_and_the_text_is_readable():
    found = discover(FA, fv.MLP((2, 2, 1)), feedback={"B2": [[2, 3]]})
    record = json.loads(json.dumps(found.to_dict()))
    assert record["schema"] == 1
    assert record["laws"][0]["polynomial"][0] == {"coefficient": "1/2", "monomial": [["W1[0,0]", 2]]}
    lines = str(found).splitlines()
    assert lines[0] == "2 laws of degree ≤ 2, all there are"
    assert lines[1] == "  ½·W1[0,0]² + ½·W1[0,1]² − 2·W2[0,0]    [neuron-feedback-balance[0] at layer 1]"
    assert "at most 6 − 4 = 2 by the Lie rank: complete" in lines
    assert str(found.laws[0].expression) == "W1[0,0]**2/2 + W1[0,1]**2/2 - 2*W2[0,0]"


# All widths and depths


@pytest.mark.parametrize(
    ("rule", "activation", "names"),
    [
        (FA, None, ["neuron-feedback-balance"]),
        (FA, "linear", ["matrix-feedback-balance"]),
        (BP, None, ["neuron-balancedness"]),
        (BP, "linear", ["matrix-balancedness"]),
        (DFA, None, ["neuron-direct-feedback-balance at the last hidden layer"]),
        (R.DirectRandomTargetProjection(), None, []),
    ],
)
def test_laws_for_all_widths(rule, activation, names):
    found = discover(rule, activation=activation)
    assert [law.known for law in found.laws] == names
    assert (found.scope["network"], found.parameters) == ("all widths and depths", None)
    json.dumps(found.to_dict())


def test_laws_for_all_widths_that_the_library_may_lack():
    found = discover(R.FixedMagnitudeSignSymmetry(), activation="relu")
    assert [law.text for law in found.laws] == ["diag(W_l W_lᵀ) − 2 diag(W_{l+1}ᵀ B̂_{l+1})"]
    verdict = fv.prove(found.laws[0].law, R.FixedMagnitudeSignSymmetry(), activation="relu")
    assert isinstance(verdict, fv.Proved)


@pytest.mark.parametrize("mutant", [WrongSign(), Halved()])
def test_a_mutant_has_another_law_for_all_widths(mutant):
    found = discover(mutant)
    assert [law.kind for law in found.laws] == ["new"]
    assert isinstance(fv.check(found.laws[0].law, FA), fv.Refuted)


def test_linear_laws_for_all_widths():
    assert [law.known for law in discover(KP, degree=1).laws] == ["kolen-pollack-difference"]
    assert discover(FA, degree=1).laws == ()


def test_products_of_laws_for_all_widths_are_no_laws_of_their_own():
    texts = [law.text for law in discover(KP, activation="linear", bias=True).laws]
    assert texts[0] == "W_{l+1} − B_{l+1}"
    assert len(texts) == 2
    assert "B_{l+1}ᵀ B_{l+1}" in texts[1]


def test_what_is_not_proved_is_not_told_for_all_widths(monkeypatch):
    def never(*_, **__):
        raise fv.NotProved("not proved")

    monkeypatch.setattr(ansatz, "prove", never)
    found = discover(FA)
    assert found.laws == ()
    assert found.notes[0].startswith("not proved, so not told: ")


def test_an_interrupt_for_all_widths(monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(ansatz, "prove", stop)
    assert discover(FA).notes == ("interrupted: there may be more laws than these",)


def test_reports_of_semi_invariants_and_of_laws_for_all_widths():
    text = str(discover(R.KolenPollack(1), fv.MLP((1, 1, 1))))
    assert "3 with dQ/dt = μQ" in text
    assert "μ = −1: W2[0,0] − B2[0,0]    [kolen-pollack-difference at layer 1]" in text
    assert str(discover(FA)).splitlines()[0] == "1 law of degree ≤ 2, there may be more"


def test_rules_without_a_cut_are_told():
    assert "no local cut" in discover(R.Pepita()).notes[0]
