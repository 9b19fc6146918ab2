"""Tiny linear and gated networks, exhaustively over 𝔽_p: the laws hold at every point of the field, mutants do not.

An identity over ℚ with denominators prime to p holds over 𝔽_p; here nothing symbolic is involved, only all values.
"""

from __future__ import annotations

import itertools

import pytest

import faverify as fv
from faverify.kernel.passes import Run
from faverify.kernel.questions import Question
from faverify.proving.jets import residual
from faverify.proving.matrices import Matrix, Ring


class Field(Ring):
    """𝔽_p by python-flint."""

    name = "a finite field"

    def __init__(self, p):
        from flint import nmod

        self.p, self.make = p, nmod

    def number(self, value):
        return self.make(value.numerator, self.p) / self.make(value.denominator, self.p)


class Point:
    """A carrier whose letters take the next values of a list; a gate is one more value."""

    def __init__(self, ring, values):
        self.ring, self.values = ring, iter(values)

    def letter(self, name, rows, cols):
        return Matrix(
            self.ring, [[self.ring.make(next(self.values), self.ring.p) for _ in range(cols)] for _ in range(rows)]
        )

    def zeros(self, rows, cols):
        return Matrix(self.ring, [[self.ring.make(0, self.ring.p)] * cols for _ in range(rows)])

    def activate(self, activation, h, name):
        if activation.linear:
            return h, self.zeros(*h._dims) + 1
        gate = self.letter(name, *h._dims)
        return gate * h, gate


def failures(law, rule, widths, p, activation="relu"):
    """How many points of the field break the law at the first layer, and how many there are."""
    net = fv.MLP(widths, activation)
    question = Question(law, rule, net.activation, net=net)
    ring = Field(p)
    count = entries(net, rule, activation)
    broken = total = 0
    for values in itertools.product(range(p), repeat=count):
        run = Run(net, Point(ring, values), 1)
        moves = run.velocities(rule)
        total += 1
        broken += not residual(question, run, run.layers[0], moves).is_zero()
    return broken, total


def entries(net, rule, activation):
    """How many values a point has: weights, feedback, input, error and gates."""
    maps = sum(rows * cols for rows, cols in net.shapes().values())
    back = sum(rows * cols for rows, cols in list(net.shapes().values())[1:])
    gates = 0 if activation == "linear" else sum(net.widths[1:-1])
    feedback = 0 if isinstance(rule, fv.rules.BackPropagation) else back
    return maps + feedback + net.inputs + net.outputs + gates


CASES = [
    ("feedback-balance", fv.rules.FeedbackAlignment(), (1, 1, 1), 3),
    ("feedback-balance", fv.rules.FeedbackAlignment(), (1, 1, 1), 5),
    ("neuron-feedback-balance", fv.rules.FeedbackAlignment(), (2, 1, 1), 3),
    ("balancedness", fv.rules.BackPropagation(), (2, 1, 1), 3),
    ("neuron-balancedness", fv.rules.BackPropagation(), (1, 2, 1), 3),
]


@pytest.mark.parametrize(("name", "rule", "widths", "p"), CASES)
def test_the_law_holds_at_every_point(name, rule, widths, p):
    law = fv.laws.LIBRARY[name]
    broken, total = failures(law, rule, widths, p)
    assert (broken, total) == (0, p ** entries(fv.MLP(widths), rule, "relu"))


def test_mutants_break_somewhere():
    broken, total = failures(fv.laws.balancedness, fv.rules.FeedbackAlignment(), (1, 1, 1), 3)
    assert 0 < broken < total


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("name", "widths", "p", "activation"),
    [
        ("feedback-balance", (2, 2, 1), 3, "linear"),
        ("matrix-feedback-balance", (1, 2, 1), 5, "linear"),
        ("feedback-balance", (1, 1, 1, 1), 5, "relu"),
    ],
)
def test_larger_fields_and_networks(name, widths, p, activation):
    broken, _ = failures(fv.laws.LIBRARY[name], fv.rules.FeedbackAlignment(), widths, p, activation)
    assert broken == 0
