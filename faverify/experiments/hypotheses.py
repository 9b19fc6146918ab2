"""Which hypotheses of the theorems a problem meets, decided exactly over the rationals, and what follows from them.

Method. Theorem 1, with N_l = ‖W_l‖² (and ‖b_l‖² where biases are trained) and h φ′ = p φ, p > 0, says that
⟨W_{l+1}(t), B_{l+1}⟩ = ⟨W_{l+1}(0), B_{l+1}⟩ − N_l(0)/2p + N_l(t)/2p: a lower bound for all t, from the start alone. In
a two-layer linear network with one output, W₂(t) = W₂(0) + uᵀW₁(0)ᵀ + ½‖u‖²B with u in the span of the samples, so
α = ⟨W₂, B⟩ ≥ C₀ = ⟨W₂(0), B⟩ − ‖P W₁(0)ᵀBᵀ‖²/(2‖B‖²), which is sharper and asks nothing of the error signal.

References: Robertson & Koyejo 2023, Theorems 1 and 2, as repaired.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from typing import Any

from ..errors import Misuse
from ..flows.problems import FlowProblem
from ..model.names import kebab
from ..model.rules import DirectFeedbackAlignment, FeedbackAlignment
from .findings import Findings, joined
from .rationals import independent_rows, inner, is_zero, least_squares, matrix, norm2, projection, rows_of


class Case:
    """A problem, read: its matrices over ℚ, the feedback B_{l+1} that crosses into each hidden layer l.

    Raises: Misuse where the feedback that the rule reads is not given.
    """

    def __init__(self, problem: FlowProblem) -> None:
        self.problem, self.net, data = problem, problem.net, problem.data
        self.depth = self.net.depth
        self.matrices = {name: matrix(rows) for name, rows in data.items()}
        self.rule = {FeedbackAlignment: "FA", DirectFeedbackAlignment: "DFA"}.get(type(problem.rule), "")
        letters = [f"B{k + 1}" if self.rule == "FA" else f"F{k}" for k in range(1, self.depth)]
        missing = [name for name in letters if self.rule and name not in data]
        if missing:
            raise Misuse("feedback", sorted(set(data) - {"x", "y"}), f"{missing[0]}, which the rule reads")
        self.degree = self.net.activation.degree

    @property
    def linear(self) -> bool:
        """Linear layers without biases: what Theorem 2 speaks of."""
        return bool(self.net.activation.linear) and not self.net.bias

    @property
    def squared(self) -> bool:
        return self.problem.targets is not None

    @property
    def theorem2(self) -> bool:
        """Two linear layers with one output under feedback alignment (DFA is the same there)."""
        return bool(self.rule) and self.depth == 2 and self.linear and self.net.outputs == 1

    def W(self, layer: int) -> Any:
        return self.matrices[f"W{layer}"]

    def B(self, layer: int) -> Any:
        """The feedback in the place of W_layer: B_layer, or F_{L−1} in the place of W_L."""
        return self.matrices[f"B{layer}" if self.rule == "FA" else f"F{layer - 1}"]

    @property
    def paired(self) -> range:
        """The hidden layers l for which Theorem 1 pairs W_{l+1} with a feedback matrix."""
        return range(1, self.depth) if self.rule == "FA" else range(max(self.depth - 1, 1), self.depth)

    def letter(self, layer: int) -> str:
        return f"B_{layer}" if self.rule == "FA" else f"F_{layer - 1}"

    def biases2(self, layer: int) -> Fraction:
        return norm2(self.matrices[f"b{layer}"]) if self.net.bias else Fraction(0)

    def lowest(self, layer: int) -> Fraction:
        """⟨W_{l+1}(0), B_{l+1}⟩ − N_l(0)/2p."""
        size = norm2(self.W(layer)) + self.biases2(layer)
        return inner(self.W(layer + 1), self.B(layer + 1)) - size / (2 * Fraction(self.degree))

    # Theorem 2

    @cached_property
    def X(self) -> Any:
        """Samples are rows, as in Theorem 2."""
        return self.matrices["x"].transpose()

    @cached_property
    def y(self) -> Any:
        return self.matrices["y"].transpose()

    @cached_property
    def rank(self) -> int:
        return int(self.X.rank())

    @property
    def independent(self) -> bool:
        """Whether the samples are."""
        return bool(self.rank == self.X.nrows())

    @cached_property
    def least(self) -> Any:
        """w_MN, the least-squares solution of least norm."""
        return least_squares(self.X, self.y)

    @property
    def equal(self) -> bool:
        """Whether W₂(0) = B."""
        return is_zero(self.W(2) - self.B(2))

    @cached_property
    def base(self) -> Any:
        """Independent samples, as rows; None where all are zero."""
        return independent_rows(self.X)

    def onto_span(self, a: Any) -> Any:
        """P A, with P the projector on the span of the samples."""
        return projection(self.base, a)

    @cached_property
    def off_span(self) -> Any:
        """P⊥W₁(0)ᵀ."""
        return self.W(1).transpose() - self.onto_span(self.W(1).transpose())

    @cached_property
    def C0(self) -> Fraction:
        """A lower bound of α(t) for all t, the least there is over all paths of the integrated error."""
        B, start = self.B(2), inner(self.W(2), self.B(2))
        if is_zero(B):
            return Fraction(0)
        return start - norm2(self.onto_span(self.W(1).transpose() * B.transpose())) / (2 * norm2(B))

    def carried(self, layer: int) -> Any:
        """β_l = B_{l+1}ᵀ ⋯ B_Lᵀ (FA), F_lᵀ (DFA): how one output's error reaches layer l."""
        if self.rule == "DFA":
            return self.matrices[f"F{layer}"].transpose()
        found = self.B(layer + 1).transpose()
        for above in range(layer + 2, self.depth + 1):
            found = found * self.B(above).transpose()
        return found


def examine(case: Case, digits: int) -> Findings:
    """All that the theorems say about a problem."""
    from .theorems import several_outputs, theorem_two

    found = Findings(digits)
    if not balance(case, found):
        return found
    if case.squared and case.theorem2:
        theorem_two(case, found)
    elif case.depth == 2 and case.squared and case.linear:
        several_outputs(case, found)
    elif case.depth == 2 and case.squared and case.net.outputs == 1 and case.degree == 1:
        gated(case, found)
    potential(case, found)
    caveats(case, found)
    return found


def balance(case: Case, f: Findings) -> bool:
    """Theorem 1 and its corollary, layer by layer; whether they speak of this problem at all."""
    net, rule, p = case.net, type(case.problem.rule), case.degree
    if not f.asks("rule", "the rule is feedback alignment or direct feedback alignment", bool(case.rule)):
        name = kebab(rule.__name__)
        f.lacks("rule", f"anything: these theorems are about fixed feedback; `fv.check` settles which laws {name} has")
        return False
    if not f.asks("depth", "there is a hidden layer", case.depth > 1):
        f.lacks("depth", "anything: one layer is trained by its own gradient, whatever the feedback")
        return False
    degree = Fraction(p) if isinstance(p, (int, Fraction)) else None
    name = "φ(h)" if degree == 1 or degree is None else f"{degree} φ(h)"
    if not f.asks("RK-T1", f"h φ′(h) = {name} for φ = {net.activation.name}", degree is not None and degree > 0):
        f.lacks(
            "RK-T1-nonhomog",
            f"a law: ½‖W_l‖² − ⟨W_{{l+1}}, B_{{l+1}}⟩ drifts by Σ(φ(h) − hφ′(h))(Bᵀδ) for φ = {net.activation.name}",
            "alignment",
        )
        return False
    for layer in case.paired:
        corollary(case, layer, f)
    if case.rule == "DFA" and case.depth > 2:
        f.lacks(
            "RK-T1-DFA-inner", f"the law at layers 1 … {case.depth - 2}: under DFA only the last hidden layer has it"
        )
    return True


def corollary(case: Case, layer: int, f: Findings) -> None:
    """W_l and the feedback above it: how far alignment may fall."""
    W, B, above, b = f"W_{layer}", case.letter(layer + 1), f"W_{layer + 1}", f"b_{layer}"
    p, feedback2 = Fraction(case.degree), norm2(case.B(layer + 1))
    size, start = norm2(case.W(layer)) + case.biases2(layer), inner(case.W(layer + 1), case.B(layer + 1))
    lower, apart = case.lowest(layer), norm2(case.W(layer + 1) - case.B(layer + 1))

    def half(when: str) -> str:
        return f"½‖{W}{when}‖²" + (f" + ½‖{b}{when}‖²" if case.net.bias else "")

    def share(when: str) -> str:
        return half(when) if p == 1 else f"({half(when)})/{p}"

    law = "RK-T1-homog-p" if p != 1 else "RK-T1-bias" if case.net.bias else "RK-T1"
    scaled_by = "" if p == 1 else f"{p} "
    f.gives(law, f"{half('')} − {scaled_by}⟨{above}, {B}⟩ is constant, for any error signal", value=-lower * p)
    norm = f"√(‖{W}(0)‖² + ‖{b}(0)‖²)" if case.net.bias else f"‖{W}(0)‖"
    names = {f"{norm}²": size, f"‖{B}‖²": feedback2}
    equal = f.asks(
        "RK-C1",
        f"{above}(0) = {B} ≠ 0",
        not apart and feedback2 > 0,
        **{f"‖{above}(0) − {B}‖²": apart, f"‖{B}‖²": feedback2},
    )
    short = f.asks("RK-C1", f"{norm} ≤ ‖{B}‖", size <= feedback2, **names)
    root = "√2" if p == 1 else f"√{2 * p}"
    f.asks("RK-C1-sqrt2", f"{norm} < {root} ‖{B}‖", size < 2 * p * feedback2, **names)
    asked = f"⟨{above}(0), {B}⟩ > {share('(0)')}"
    f.asks("RK-T1-bound", asked, lower > 0, **{f"⟨{above}(0), {B}⟩": start, "their difference": lower})
    exact = "RK-C1" if equal and short and p == 1 else "RK-C1-sqrt2" if equal else "RK-T1-bound"
    constant, bound = f.number(abs(lower)), f"for all t: ⟨{above}(t), {B}⟩ ≥ {share('(t)')}"
    if lower > 0:
        f.gives(exact, f"{bound} + {constant} > 0", "alignment", **{"lower bound": lower})
        return
    f.gives("RK-T1-bound", bound + (f" − {constant}" if lower else ""), "", **{"lower bound": lower})
    if case.theorem2 and case.C0 > 0:
        text = f"for all t: ⟨{above}(t), {B}⟩ ≥ C₀ > 0, the minimum over all integrated errors"
        f.gives("RK-T2-rate", text, "alignment", **{"lower bound": case.C0})
        return
    why = f"{B} = 0, so it is 0 for all t" if not feedback2 else f"the law gives no more than ≥ {f.number(lower)}"
    text = f"that ⟨{above}(t), {B}⟩ stays positive: {why}"
    f.lacks(exact if equal else "RK-C1", text, "alignment", **{"lower bound": lower})


def gated(case: Case, f: Findings) -> None:
    """Two layers with gates, one output, squared loss: descent neuron by neuron."""
    W, B, above = rows_of(case.W(1)), rows_of(case.B(2))[0], rows_of(case.W(2))[0]
    biases = rows_of(case.matrices["b1"]) if case.net.bias else [[Fraction(0)]] * len(W)
    sizes = [sum((w * w for w in (*row, *bias)), Fraction(0)) for row, bias in zip(W, biases, strict=True)]
    lowest = [back * w - size / 2 for back, w, size in zip(B, above, sizes, strict=True)]
    failing = [k for k, value in enumerate(lowest) if value < 0 and B[k]]
    letter = case.letter(2)
    f.asks(
        "RK-C1-descent-relu",
        f"every neuron k, from 0: ‖W_1(0)[k,:]‖² ≤ 2 {letter}[k] W_2(0)[k], or {letter}[k] = 0"
        + (f"; it fails for k = {', '.join(map(str, failing[:8]))}{', …' * (len(failing) > 8)}" if failing else ""),
        not failing,
        **{f"{letter}[{k}] W_2(0)[{k}] − ½‖W_1(0)[{k},:]‖²": lowest[k] for k in failing[:8]},
    )
    if failing:
        f.lacks(
            "RK-C1-descent-relu",
            "that the loss never rises: alignment of the layer does not make it fall, and neurons "
            f"{', '.join(map(str, failing[:8]))} may turn against their feedback",
            "descent",
        )
    else:
        f.gives("RK-C1-descent-relu", f"the loss never rises: {letter}[k] W_2(t)[k] ≥ 0 in every neuron", "descent")
    f.lacks("RK-POT", "that the loss tends to its least value: RK-POT is about linear networks without biases")
    if case.net.activation.name == "relu" and not case.net.bias:
        f.gives("RK-T1-global", "the flow exists for all t ≥ 0")


def potential(case: Case, f: Findings) -> None:
    """Linear networks of any depth with one output: a gradient flow in the integrated error."""
    if not (case.linear and case.net.outputs == 1 and case.squared):
        return
    zero = [layer for layer in range(1, case.depth) if is_zero(case.carried(layer))]
    name = "F_lᵀ" if case.rule == "DFA" else "B_{l+1}ᵀ ⋯ B_Lᵀ"
    statement = f"β_l = {name} ≠ 0 at every hidden layer l"
    if f.asks("RK-POT", statement + (f"; it is 0 for l = {', '.join(map(str, zero))}" if zero else ""), not zero):
        f.gives(
            "RK-POT",
            "from every start the flow exists for all t ≥ 0 and tends to least squares, at no rate that is known here",
            "convergence",
        )
        return
    f.lacks("RK-POT", "convergence: no error reaches a layer where β_l = 0, and it does not learn", "convergence")


def caveats(case: Case, f: Findings) -> None:
    """What does not follow, whatever the numbers are."""
    known = {"RK-POT", "RK-T1-global", "RK-T2-multi"} & {found.id for found in f.guarantees}
    if not known:
        f.lacks("RK-T1-global", "that the flow exists for all t ≥ 0; the bounds hold as long as it does")
    if case.depth > 2:
        f.lacks("RK-C1-descent-L3", "that alignment makes the loss fall: in three layers or more it does not")
    others = {
        "two layers": case.depth > 2,
        "linear ones": not case.net.activation.linear,
        "no biases": case.net.bias,
        "the squared loss": not case.squared,
    }
    if any(others.values()):
        wanted = joined(name for name, missing in others.items() if missing)
        f.lacks("RK-T2", f"a rate, or a limit of least norm: Theorem 2 asks for {wanted}")
    if case.linear and case.net.outputs > 1:
        f.lacks("RK-POT", "convergence to least squares from every start: several outputs have no potential")
    f.lacks(
        "RK-C1-discrete",
        "any of this for discrete steps: with A = ⟨W_{l+1}, B_{l+1}⟩ and N = ½‖W_l‖², "
        "A_n = A_0 + N_n − N_0 − ½ Σ‖ΔW_l‖², so one large step can destroy alignment",
    )
