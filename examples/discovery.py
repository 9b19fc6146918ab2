"""All conserved polynomials of a three-layer network, found without asking for any of them.

A reader learns what discovery answers: which laws there are up to a degree, which of them the library knows by name,
which are products of others, and whether there can be more, by the Lie rank (Marcotte, Gribonval & Peyré 2023). In a
linear network with a bottleneck there are laws that nobody listed; with ReLU gates they are gone, and exactly the laws
of Theorem 1 are left, one for each hidden neuron.

    python examples/discovery.py
"""

import faverify as fv

rule = fv.rules.FeedbackAlignment()

for net in (fv.MLP((1, 2, 2, 1), "linear"), fv.MLP((2, 2, 2, 1), "relu")):
    found = fv.discover(rule, net, degree=2)
    print(f"feedback alignment on {net}: {len(found.laws)} laws of degree ≤ 2")
    for law in found.laws:
        print(f"   {law.known or law.kind:<44} {law.text}")
    most = found.parameters - found.lie_rank
    assert found.complete
    print(f"   {found.independent} of them independent, of at most {most}: there are no others")

print("and for all widths and depths, direct feedback with a feedback that learns:")
for law in fv.discover(fv.rules.DirectKolenPollack()).laws:
    if law.kind == "new":
        print(f"   {law.text}, which no list of laws had")
