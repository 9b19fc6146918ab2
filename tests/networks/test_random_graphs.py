"""The sum over a tied group is conserved in every network: 200 random ones, and their mutants that lack an edge."""

import random
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import faverify as fv
from faverify.kernel.layers import Uses, set_values
from faverify.kernel.outlines import OutlineCarrier
from faverify.kernel.passes import Run
from faverify.kernel.wiring import groups, kernel
from faverify.model.networks import Sized, size_names
from faverify.proving.jets import law_jet
from faverify.proving.rings import Assignment, Rationals

from .graphs import Graph

L, R = fv.laws, fv.rules
FA, BP = R.FeedbackAlignment(), R.BackPropagation()
TOTAL = fv.total(L.feedback_balance)
SEEDS = st.integers(0, 10**9)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(SEEDS)
def test_every_group_keeps_its_total(seed):
    net = Graph(seed)
    verdict = fv.check(TOTAL, FA, net)
    assert verdict.kind == ("proved" if verdict.layers else "undecided"), verdict
    if verdict.layers:
        assert verdict.how == "words, a cut around each layer"
        assert fv.check(fv.total(L.neuron_feedback_balance), FA, net).kind in ("proved", "undecided")


def at_a_point(net, rule, seed, samples=2):
    """A run over rational numbers, and its velocities."""
    rng = random.Random(seed)
    sized = Sized(net, dict.fromkeys(size_names(net), 2), fv.leaky_relu(Fraction(1, 3)))
    data = {}
    run = Run(sized, Assignment(Rationals(), data, lambda name: Fraction(rng.randint(1, 9), 3)), samples)
    return run, run.velocities(rule)


def without(run, group, name, into):
    """A class of a group that lacks one map into it or out of it."""
    (_, part), *_ = group.parts
    maps = [[other for other in names if other != name] for names in (part._parts, part.fed._parts)]
    kept = (maps[0], part.fed._parts) if into else (part._parts, maps[1])
    found = Uses(run, "mutant", kept[0], 1, size=part.rows())
    set_values(found, fed=Uses(run, "mutant", kept[1], 0, size=part.rows()))
    return found


@settings(max_examples=200, deadline=None, derandomize=True)
@given(SEEDS)
def test_a_sum_that_lacks_an_edge_is_refuted(seed):
    run, moves = at_a_point(Graph(seed), FA, seed)
    for group in groups(run).values():
        (_, part), *more = group.parts
        assert not more
        assert law_jet(L.feedback_balance, run, part, moves).rate.is_zero()
        for name, into in [(n, True) for n in part._parts] + [(n, False) for n in part.fed._parts]:
            rate = law_jet(L.feedback_balance, run, without(run, group, name, into), moves).rate
            if not moves[name].is_zero():
                assert rate is not None
                assert not rate.is_zero(), (seed, name, into)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(SEEDS)
def test_back_propagation_keeps_the_totals_of_graphs_with_products(seed):
    net = Graph(seed, products=True)
    verdict = fv.check(fv.total(L.balancedness), BP, net, budget=20)
    assert verdict.kind != "refuted", verdict
    run, moves = at_a_point(net, BP, seed)
    for group in groups(run).values():
        rates = [law_jet(L.balancedness, run, part, moves).rate * factor for factor, part in group.parts]
        assert sum(rates[1:], rates[0]).is_zero()


@pytest.mark.parametrize(
    ("rows", "basis"),
    [
        ([], [{1: 1}, {2: 1}, {3: 1}]),
        ([{1: 1, 2: -1}], [{1: 1, 2: 1}, {3: 1}]),
        ([{1: 1, 2: 1}, {2: 1, 3: 1}], [{1: 1, 2: -1, 3: 1}]),
        ([{1: 2}, {2: 1, 3: -1}, {1: 1}], [{2: 1, 3: 1}]),
        ([{1: 1}, {2: 1}, {3: 1}], []),
    ],
)
def test_factors_of_classes(rows, basis):
    assert list(kernel(rows, [1, 2, 3])) == basis


def test_the_graphs_have_what_they_are_said_to_have():
    merged = shared = grouped = 0
    for seed in range(50):
        run = Run(Graph(seed), OutlineCarrier(), "samples")
        run.velocities(FA)
        merged += any(len(layer._terms) > 1 for layer in run.layers)
        shared += any(len(uses) > 1 for uses in run.uses().values())
        grouped += bool(groups(run))  # without one, nothing is said of a graph
    assert merged == shared == grouped == 50
