"""The conserved quantity along training: what is constant in the flow, and what each step of training adds.

Robertson & Koyejo (2023) measured Q_l = ½‖W_l‖² − ⟨W_{l+1}, B_{l+1}⟩ along training by feedback alignment in float32.
A reader learns three things here: that Q does not move along the flow while its two terms do; that in steps it moves by
½‖ΔW_l‖² a step, exactly, so that the drift of a real training run is no numerical error; and what a drift is blind to.

    python examples/conservation.py                # some seconds
    python examples/conservation.py --poster       # the poster's experiment: deeper, linear and ReLU, per neuron
"""

import argparse

import mpmath

import faverify as fv

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--digits", type=int, default=30, help="precision of the flow")
parser.add_argument("--poster", action="store_true", help="run `fv.experiment('conservation')` instead")
options = parser.parse_args()

if options.poster:
    print(fv.experiment("conservation", digits=options.digits))
    raise SystemExit

law, rule = fv.laws.feedback_balance, fv.rules.FeedbackAlignment()
problem = fv.FlowProblem(
    fv.MLP((2, 2, 1), "relu"),
    rule,
    weights=[[["1/2", 1], ["-1/4", "3/4"]], [[1, "-1/2"]]],
    feedback=[[["1/2", 1]]],
    inputs=[[1, -1], ["1/2", 2]],  # a column is a sample
    targets=[[-1, "1/2"]],
)

print("1. The flow, θ̇ = the rule's velocities, up to t = 3")
path = fv.integrate(problem, t=3, digits=options.digits)
before, after = (sum(w**2 for w in path.weights(t)[0].flat) / 2 for t in (0, 3))
print(f"   ½‖W_1‖² went from {mpmath.nstr(before, 5)} to {mpmath.nstr(after, 5)}: the network learnt")
print(f"   Q_1 drifted by at most {mpmath.nstr(path.drift(law), 3)}, which is rounding")
print(f"   on the way {len(path.events)} ReLU kinks were crossed")
print(f"   a drift is blind to a missed kink; the gates were violated by {mpmath.nstr(path.gate_violation, 3)}")

print("2. Steps of gradient descent, in rational numbers")
for eta in ("1/16", "1/32", "1/64"):
    training = fv.steps(problem, eta, 4)
    balance = [values[1].item() for values in training.law(law)]
    gains = sum(sum(dw**2 for dw in training.moves(s)["W1"].flat) / 2 for s in range(len(training)))
    drift = balance[-1] - balance[0]
    assert drift == gains, "an equality of fractions, not of floats"
    print(f"   η = {eta}: four steps move Q_1 by {float(drift):.6f}, which is ½ Σ ‖ΔW_1‖² exactly")

print("3. Why: what one step adds, for all widths, depths, batches and losses")
print(f"   {fv.increment(law, rule).statement}")
