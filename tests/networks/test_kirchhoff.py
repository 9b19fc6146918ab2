"""The steps of the proof in docs/networks.md, each at every layer of random graphs, over exact numbers."""

import random
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

import faverify as fv
from faverify.kernel.passes import Run
from faverify.kernel.wiring import groups
from faverify.model.networks import Sized, size_names
from faverify.proving.rings import Assignment, Rationals

from .graphs import Graph

R = fv.rules
SEEDS = st.integers(0, 10**9)


def run_of(seed, products):
    """A run of back-propagation where there are products, else of feedback alignment; numbers of any sign."""
    rng = random.Random(seed)
    net = Graph(seed, products)
    sized = Sized(net, dict.fromkeys(size_names(net), 2), fv.leaky_relu(Fraction(1, 3)))
    run = Run(sized, Assignment(Rationals(), {}, lambda name: Fraction(rng.choice([-3, -2, -1, 1, 2, 3]), 2)), 2)
    rule = R.BackPropagation() if products else R.FeedbackAlignment()
    return run, rule, run.velocities(rule)


def number(value):
    return value.data[0][0]


def flux(delta, value):
    return number(delta.inner(value))


def term_value(run, layer, term):
    """What a term contributes to the sum that a layer is."""
    if term.name:
        return run.parameters[term.name] @ term.source.a
    if term.product is None:
        return term.carried(term.source.a)
    left, right = (factor.a.mT if turned else factor.a for factor, turned in term.product.factors)
    return left @ right if term.product.matrix else left * right


def back(run, rule, term, target):
    """What arrives at the source of a term."""
    if not term.name:
        return term.back(target.delta)
    weight = run.parameters[term.name]
    return (weight if isinstance(rule, R.BackPropagation) else run.companion("B", term.name)[1]).mT @ target.delta


def inside(run):
    return [layer for layer in run.layers if layer not in run.outs]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(SEEDS, st.booleans())
def test_steps_1_to_5_and_7(seed, products):
    run, rule, _ = run_of(seed, products)
    for layer in inside(run):
        once = [term for term in layer._terms if term.product is None or term.side == 0]
        terms = [flux(layer.delta, term_value(run, layer, term)) for term in once]
        assert flux(layer.delta, layer.h) == sum(terms)  # 1
        arrived = [back(run, rule, term, target) for term, target in layer._outs]
        g = sum(arrived[1:], arrived[0])
        assert (layer.delta - layer.dphi * g).is_zero()
        assert flux(layer.delta, layer.h) == flux(g, layer.a)  # 2
        assert flux(g, layer.a) == sum(flux(each, layer.a) for each in arrived)  # 3
        for (term, target), each in zip(layer._outs, arrived, strict=True):
            if not term.name:
                assert flux(each, layer.a) == flux(target.delta, term_value(run, target, term))  # 4, 5
        assert sum(terms) == sum(flux(each, layer.a) for each in arrived)  # 7


@settings(max_examples=60, deadline=None, derandomize=True)
@given(SEEDS, st.booleans())
def test_step_6(seed, products):
    run, _, moves = run_of(seed, products)
    for name, uses in run.uses().items():
        weight = run.parameters[name]
        feedback = weight if products else run.companion("B", name)[1]
        assert flux(weight, moves[name]) == -sum(flux(t.delta, weight @ s.a) for s, t in uses)
        assert flux(moves[name], feedback) == -sum(flux(feedback.mT @ t.delta, s.a) for s, t in uses)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(SEEDS, st.booleans())
def test_the_factors_that_step_8_needs(seed, products):
    run, _, _ = run_of(seed, products)
    for group in groups(run).values():
        c = group.layers
        assert all(id(layer) not in c for layer in (*run.inputs, *run.outs))
        for layer in run.layers:
            for term in layer._terms:
                if term.product is not None:
                    assert c.get(id(layer), 0) == sum(c.get(id(f), 0) for f, _ in term.product.factors)
                elif not term.name:
                    assert c.get(id(layer), 0) == c.get(id(term.source), 0)
        for uses in run.uses().values():
            assert len({c.get(id(source), 0) for source, _ in uses}) == 1
            assert len({c.get(id(target), 0) for _, target in uses}) == 1
