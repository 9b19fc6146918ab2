"""dQ/dt of a law for given widths, as SymPy expressions in the entries of weights, feedback, input and error.

Two ways to the same expressions: sparse polynomials underneath (fast), and `sympy.Matrix` entries throughout (the
readable reference). Gates are symbols k = φ′(h)/p, so that every activation pattern is covered at once, kinks included.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from ..errors import Misuse, Undecidable, whole_number
from ..kernel.passes import Run
from ..kernel.questions import Question
from ..model.laws import as_law
from ..model.names import rule_named
from ..model.networks import MLP
from .jets import law_jet
from .polynomials import PolynomialCarrier, over_polynomials
from .rings import Expressions


def derivative(
    law: Any, rule: Any, net: MLP, *, layer: int | None = None, samples: int = 1, method: str = "polynomials"
) -> dict[int, Any]:
    """dQ/dt at each hidden layer (or at `layer`) of a network, with entries as symbols, expanded.

    Symbols: `W1[i,j]`, `B2[i,j]`, `F1[i,j]`, `b1[i,0]`, `x[i,s]`, `e[i,s]`, gates `k1[i,s]`; for a φ without a degree
    `φ1[i,s]` and `φ′1[i,s]`. Method: "polynomials", or "matrices" for the slow reference.

    Returns: a dict from layers to SymPy expressions, or to `sympy.Matrix` where the law is a column or a matrix; 0 (or
    a zero matrix) means that the law is proved at these widths and this number of samples.

    Examples
    --------
    >>> import faverify as fv
    >>> net = fv.MLP((2, 2, 1))
    >>> fv.derivative(fv.laws.feedback_balance, fv.rules.FeedbackAlignment(), net)
    {1: 0}
    >>> fv.derivative(fv.laws.balancedness, fv.rules.FeedbackAlignment(), fv.MLP((1, 1, 1)))
    {1: -B2[0,0]*W1[0,0]*e[0,0]*k1[0,0]*x[0,0] + W1[0,0]*W2[0,0]*e[0,0]*k1[0,0]*x[0,0]}
    """
    law = as_law(law)
    rule = rule_named(rule) if isinstance(rule, str) else rule
    if not isinstance(net, MLP):
        raise Misuse("net", net, "a chain, such as fv.MLP(widths=(3, 4, 1))")
    if layer is not None and (isinstance(layer, bool) or layer not in range(1, net.depth)):
        raise Misuse("layer", layer, f"a hidden layer of {net}: 1 … {net.depth - 1}")
    samples = whole_number("samples", samples, 1)
    layers = list(range(1, net.depth)) if layer is None else [layer]
    question = Question(law, rule, net.activation, net=net)

    def rates(carrier: PolynomialCarrier) -> dict[int, Any]:
        run = Run(net, carrier, samples)
        moves = run.velocities(rule)
        jets = {k: law_jet(question.law, run, run.layers[k - 1], moves) for k in layers}
        return {k: jet.value * 0 if jet.rate is None else jet.rate for k, jet in jets.items()}

    try:
        return _by(method, rates)
    except Undecidable as event:
        raise Misuse(
            "rule, law", f"code that at {event.line} asks for {event.question}", "a formula in letters"
        ) from event


def _by(method: str, rates: Any) -> dict[int, Any]:
    if method == "polynomials":
        return {
            k: _shown(found, partial(_polynomial, found.ring.names)) for k, found in over_polynomials(rates).items()
        }
    if method == "matrices":
        return {
            k: _shown(found, lambda entry: entry.expand())
            for k, found in rates(PolynomialCarrier(Expressions())).items()
        }
    raise Misuse("method", method, "'polynomials' or 'matrices'")


def _shown(value: Any, entry: Any) -> Any:
    import sympy

    if value._dims == (1, 1):
        return entry(value.data[0][0])
    return sympy.Matrix([[entry(found) for found in row] for row in value.data])


def _polynomial(names: list[str], value: Any) -> Any:
    """A sparse polynomial as a SymPy expression."""
    import sympy

    symbols = [sympy.Symbol(name) for name in names]
    terms = []
    for exponents, coefficient in value.to_dict().items():
        factors = [symbol**power for symbol, power in zip(symbols, exponents, strict=False) if power]
        terms.append(sympy.Mul(sympy.Rational(int(coefficient.p), int(coefficient.q)), *factors))
    return sympy.Add(*terms)
