"""A learning rule of one's own, from the idea to the LaTeX of its theorem.

The idea: let the way back carry W + B/2, back-propagation and feedback alignment mixed. A reader learns the whole path:
the rule in five lines; the known law checked, and refuted with numbers small enough for a pencil; the law that belongs
to the rule found, and proved for all widths, depths, batches and losses; its derivation written for a paper.

    python examples/new_rule.py --tex mixed.tex
"""

import argparse
import textwrap
from fractions import Fraction
from pathlib import Path

import faverify as fv


class Mixed(fv.LearningRule):
    """δ_l = φ′(h_l) ⊙ ((W_{l+1} + ½B_{l+1})ᵀ δ_{l+1})."""

    def feedback(self, above):
        return above.W + above.B / 2


@fv.law("½‖W_l‖² − ½‖W_{l+1}‖² − ½⟨W_{l+1}, B_{l+1}⟩")
def mixed_balance(layer, above):
    return fv.norm2(layer.W) / 2 - fv.norm2(above.W) / 2 - fv.inner(above.W, above.B) / 2


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--tex", type=Path, help="write the derivation to this file")
options = parser.parse_args()
rule = Mixed()

print("1. Does feedback alignment's law hold for it?")
verdict = fv.check(fv.laws.feedback_balance, rule)
assert isinstance(verdict, fv.Refuted)
print(f"   {verdict.kind}: for Q = {fv.laws.feedback_balance.statement}, at these numbers:")
print("\n".join(f"   {line}" for line in str(verdict.witness).splitlines()))

print("2. By hand, from the numbers alone: Q̇ = ⟨W_1, Ẇ_1⟩ − ⟨Ẇ_2, B_2⟩")
witness = verdict.witness
(w1,), (w2,), (b2,), (x,), (e,) = (
    [Fraction(part[0, 0])] for part in (*witness.weights, witness.feedback[0], witness.inputs, witness.error)
)
rate = w1 * -(w2 + b2 / 2) * e * x - (-e * w1 * x) * b2  # φ is linear here
print(f"   = {rate}; the witness says {witness.rate}; rechecked by other code: {witness.recheck()}")
assert rate == witness.rate != 0

print("3. Which law is its own? ½‖W_l‖² − G(W_{l+1}) where the feedback is the gradient of G")
own = fv.law_of(rule)
print(f"   {own}")

print("4. The same law written down, and proved")
verdict = fv.prove(mixed_balance, rule)  # raises NotProved if it were not
for quantifier in ("widths", "depths", "batch", "loss", "activations"):
    print(f"   {quantifier + ':':<12} {getattr(verdict.scope, quantifier)}")

print("5. Why, step by step, at the last hidden layer")
derivation = fv.prove(mixed_balance, rule, layer=-1).derivation
for line in derivation.text().splitlines():
    if line.endswith("]"):  # a step and its reason; the scope follows them
        print(textwrap.fill(line.strip(), 110, initial_indent="   ", subsequent_indent="      "))

latex = derivation.latex()
if options.tex:
    document = "\\documentclass{article}\n\\usepackage{amsmath}\n\\begin{document}\n%s\n\\end{document}\n"
    options.tex.write_text(document % latex, encoding="utf-8")
    print(f"6. wrote {options.tex}, ready for pdflatex")
else:
    print(f"6. The same in LaTeX has {len(latex.splitlines())} lines; --tex FILE writes them as a document, or use")
    print("   faverify derive new_rule.py:mixed_balance new_rule.py:Mixed --format latex")
