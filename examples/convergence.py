"""Where training ends: linear networks under feedback alignment against the solution of minimum norm.

Theorem 2 of Robertson & Koyejo (2023) says that a linear network which starts in the span of the data ends in the
solution of minimum norm. A reader learns that this depends on which weights lie in the span: the rows of W_1(0) must,
and then the limit is w_MN to every digit; the same network with one row off the span learns the data as well and ends
somewhere else, at a point that is known in advance. `fv.audit` says all of it before a step is made.

    python examples/convergence.py                 # some seconds
    python examples/convergence.py --poster        # nine networks of up to four layers; a minute
"""

import argparse
from fractions import Fraction

import mpmath

import faverify as fv

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--digits", type=int, default=25, help="precision of the flow")
parser.add_argument("--poster", action="store_true", help="run `fv.experiment('convergence')` instead")
options = parser.parse_args()

if options.poster:
    print(fv.experiment("convergence", digits=options.digits))
    raise SystemExit

# Two samples of three inputs: infinitely many w fit them, and w_MN = X⁺y is the shortest.
inputs = [[1, 0], [0, 1], [1, 1]]
targets = [[2, 1]]
shortest = [Fraction(1), Fraction(0), Fraction(1)]  # in the span of the columns: 1·(1, 0, 1) + 0·(0, 1, 1)

STARTS = {
    "rows of W_1(0) in the span": [["1/2", 0, "1/2"], [0, "1/2", "1/2"]],
    "one of them off it": [["1/2", 0, "1/2"], [0, "1/2", 0]],
}
for name, first in STARTS.items():
    problem = fv.FlowProblem(
        fv.MLP((3, 2, 1), "linear"),
        fv.rules.FeedbackAlignment(),
        weights=[first, [[1, "1/2"]]],
        feedback=[[[1, "1/2"]]],
        inputs=inputs,
        targets=targets,
    )
    path = fv.integrate(problem, t=16, digits=options.digits)
    print(name)
    for t in (0, 4, 16):
        w = (path.weights(t)[1] @ path.weights(t)[0])[0]
        residual = mpmath.norm([sum(w[i] * inputs[i][s] for i in range(3)) - targets[0][s] for s in range(2)])
        apart = mpmath.norm([a - mpmath.mpf(b.numerator) / b.denominator for a, b in zip(w, shortest, strict=True)])
        print(f"   t = {t:>2}: ‖Xw − y‖ = {mpmath.nstr(residual, 3):<9} ‖w − w_MN‖ = {mpmath.nstr(apart, 3)}")
    limit = fv.audit(problem).to_dict()["limit"]
    predicted = [number["decimal"] for number in limit["w"]]
    apart = mpmath.norm([a - mpmath.mpf(b) for a, b in zip(w, predicted, strict=True)])
    print(f"   the limit, known from the start alone: ({', '.join(number[:9] for number in predicted)})")
    print(f"   ‖w(16) − that‖ = {mpmath.nstr(apart, 3)}")
    print(f"   of minimum norm: {'yes' if limit['is_minimum_norm'] else 'no'}")
    for line in limit["proved"][-1:]:
        print(f"   proved by balls around the trajectory, {line}")
