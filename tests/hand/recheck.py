"""Check a witness by hand: `python recheck.py VERDICT.json` uses the standard library and nothing of faverify.

It knows the rules BP, FA and DFA and the law ½‖W_l‖² − ⟨W_{l+1}, V⟩ with V = B_{l+1}, F_l or ½W_{l+1}, for piecewise
linear φ. Prints the rate that it finds; exit code 0 if it is the stated one and the record is sealed.
"""

import hashlib
import json
import sys
from fractions import Fraction

PHI = {
    "linear": (lambda h: h, lambda h: 1),
    "relu": (lambda h: max(h, 0), lambda h: int(h > 0)),
    "abs": (abs, lambda h: 1 if h > 0 else -1),
}


def product(A, B):
    return [[sum(p * q for p, q in zip(row, col)) for col in zip(*B)] for row in A]


def turned(A):
    return [list(row) for row in zip(*A)]


def inner(A, B):
    return sum(p * q for a, b in zip(A, B) for p, q in zip(a, b))


def rate_of(record):
    """dQ/dt at the witness's layer, by the product rule."""
    number = lambda rows: [[Fraction(entry) for entry in row] for row in rows]
    W = [number(w) for w in record["weights"]]
    b = [number(v) for v in record["biases"] or [[["0"]] * len(w) for w in W]]
    listed = record["feedback"].values() if isinstance(record["feedback"], dict) else record["feedback"]
    V = dict(zip(record["feedback_names"], map(number, listed)))
    phi, dphi = PHI[record["activation"]]
    a, gates = [number(record["inputs"])], []
    for k, (w, c) in enumerate(zip(W, b)):
        h = [[entry + c[i][0] for entry in row] for i, row in enumerate(product(w, a[-1]))]
        gates.append([[dphi(entry) for entry in row] for row in h])
        a.append([[phi(entry) for entry in row] for row in h] if k + 1 < len(W) else h)
    delta = [number(record["error"])]
    for k in range(len(W) - 1, 0, -1):
        back = {
            "BackPropagation": W[k],
            "FeedbackAlignment": V.get(f"B{k + 1}"),
            "DirectFeedbackAlignment": V.get(f"F{k}"),
        }
        signal = delta[-1] if record["rule"] == "DirectFeedbackAlignment" else delta[0]
        arriving = product(turned(back[record["rule"]]), signal)
        delta.insert(0, [[g * s for g, s in zip(*rows)] for rows in zip(gates[k - 1], arriving)])
    velocity = [[[-entry for entry in row] for row in product(d, turned(x))] for d, x in zip(delta, a)]
    k = record["layer"] - 1
    weight = {
        "feedback-balance": V.get(f"B{k + 2}"),
        "direct-feedback-balance": V.get(f"F{k + 1}"),
        "balancedness": W[k + 1],
    }
    return inner(W[k], velocity[k]) - inner(weight[record["law"]], velocity[k + 1])


def sealed(record):
    fields = {key: value for key, value in record.items() if key != "digest"}
    text = json.dumps(fields, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest() == record["digest"]


if __name__ == "__main__":
    witness = json.load(open(sys.argv[1], encoding="utf-8"))["witness"]
    found = rate_of(witness)
    print(f"dQ/dt = {found}, stated {witness['rate']}")
    sys.exit(not (sealed(witness) and found == Fraction(witness["rate"]) != 0))
