"""The published rules and the combinators have the same velocities over words, polynomials and rationals."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest

import faverify as fv
from faverify.kernel.passes import Run
from faverify.kernel.words import WordCarrier
from faverify.proving.polynomials import over_polynomials
from faverify.proving.rings import Assignment, Rationals

from ..conftest import entries_of, value_of_word
from .test_carriers import evaluated

R = fv.rules
NET, SAMPLES = fv.MLP((2, 2, 2, 1), "relu", bias=True), 2
HALF = Fraction(1, 2)
NUMBERS = {"decay": HALF, "rate": HALF, "friction": HALF}
LIBRARY = {
    name: c for name, c in R.LIBRARY.items() if "inverse" not in name and "equilibrium" not in name
}  # polynomials
RULES = {name: c(**{k: v for k, v in NUMBERS.items() if k in c.__dataclass_fields__}) for name, c in LIBRARY.items()}
INNER = R.KolenPollack(HALF)
RULES |= {
    "decay": R.WeightDecay(INNER, [1, HALF, 2]),
    "rates": R.LayerRates(INNER, [1, HALF, 2]),
    "frozen": R.Frozen(INNER, (2,)),
    "samples": R.SampleWeights(INNER),
    "signed": R.SignedError(INNER),
    "dropout": R.Dropout(INNER),
    "momentum": R.Momentum(INNER, HALF),
}


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("seed", range(3))
def test_a_rule_agrees_over_exact_carriers(name, seed):
    rule, rng, values = RULES[name], random.Random(f"{name} {seed}"), [v for v in range(-6, 7) if v]
    while True:
        data = {}
        carrier = Assignment(Rationals(), data, lambda _: Fraction(rng.choice(values), rng.randint(1, 3)))
        expected = {k: v.data for k, v in Run(NET, carrier, SAMPLES).velocities(rule).items()}
        if not carrier.ring.at_kink:
            break
    letters = dict(data) | {f"k{k}": gate.data for k, gate in carrier.gates.items()}
    letters["e′"] = data.get("e")
    signs = {f"sign({k})": [[(v > 0) - (v < 0) for v in row] for row in rows] for k, rows in data.items()}
    words = Run(NET, WordCarrier()).velocities(rule)
    assert {k: value_of_word(word, {"m": SAMPLES}, letters | signs) for k, word in words.items()} == expected

    numbers = entries_of({name: rows for name, rows in letters.items() if rows})
    numbers |= {f"sign({name})": (entry > 0) - (entry < 0) for name, entry in numbers.items()}
    polynomials = over_polynomials(lambda carrier: Run(NET, carrier, SAMPLES).velocities(rule))
    for key, matrix in polynomials.items():
        assert [[evaluated(p, matrix.ring.names, numbers) for p in row] for row in matrix.data] == expected[key]


def test_sign_descent_takes_the_sign_of_the_motion():
    data, rng = {}, random.Random(0)
    carrier = Assignment(Rationals(), data, lambda _: Fraction(rng.choice((-3, -1, 1, 2))))
    plain = Run(NET, carrier, SAMPLES).velocities(INNER)
    signed = Run(NET, Assignment(Rationals(), data), SAMPLES).velocities(R.SignDescent(INNER))
    for key, value in plain.items():
        expected = value.sign() if key[0] in "Wb" else value
        assert signed[key].data == expected.data


def test_pseudo_inverses_are_those_of_numbers():
    """With orthonormal rows W⁺ = Wᵀ, so that the rule is back-propagation there."""
    rotation = [[Fraction(3, 5), Fraction(4, 5)], [Fraction(-4, 5), Fraction(3, 5)]]
    for rule in (R.PseudoInverseFeedback(), R.InverseFeedback()):
        rng, data = random.Random(1), {"W2": rotation, "W3": [rotation[0]]}
        carrier = Assignment(Rationals(), data, lambda _, rng=rng: Fraction(rng.choice((-3, -1, 1, 2))))
        net = fv.MLP((2, 2, 2), "relu") if isinstance(rule, R.InverseFeedback) else fv.MLP((2, 2, 2, 1), "relu")
        back = Run(net, carrier, 1).velocities(R.BackPropagation())
        found = Run(net, Assignment(Rationals(), data), 1).velocities(rule)
        assert {k: v.data for k, v in found.items()} == {k: v.data for k, v in back.items()}


@pytest.mark.parametrize("rule", [R.Momentum(INNER, HALF), R.Dropout(INNER)], ids=lambda r: type(r).__name__)
def test_letters_of_words_are_those_of_numbers(rule):
    """But for the bias of the output, which moves nothing, and gates, which numbers compute."""
    names = {name for word in Run(NET, WordCarrier()).velocities(rule).values() for name in word.names()}
    data, rng = {}, random.Random(0)
    Run(NET, Assignment(Rationals(), data, lambda _: Fraction(rng.choice((-3, -1, 1, 2)))), SAMPLES).velocities(rule)
    assert names - {"k1", "k2"} == set(data) - {"b3"}
