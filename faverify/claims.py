"""The registry of claims: id → statement, the scope that a proof must cover, and the source.

A claim marked "false" is settled by a counterexample. `required` names the quantifiers of `Scope` that a verdict must
state for the claim to count as covered.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .errors import UnknownName

RK = "Robertson & Koyejo 2023"
EVERYWHERE = {"widths": "all", "depths": "all", "batch": "all", "loss": "all", "feedback": "all"}
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Claim:
    """One claim: `status` is true, false, repaired, or empirical (then evidence speaks for it, and no proof)."""

    id: str
    status: str
    statement: str
    source: str
    required: dict[str, str] = field(default_factory=dict)

    def uncovered(self, scope: Any) -> list[str]:
        """The quantifiers that the scope of a verdict does not reach."""
        found = dict(scope.items())
        return [
            f"{name}: {found[name]!r}, not {needed!r}"
            for name, needed in self.required.items()
            if not found[name].startswith(needed)
        ]


def _claims() -> list[Claim]:
    paper, own = f"{RK}, Theorem 1", "derived here; no source known"
    raog = "Refinetti, d'Ascoli, Ohana & Goldt 2021"
    corollary, second = f"{RK}, alignment corollary", f"{RK}, Theorem 2"
    deep = {"widths": "all", "depths": "all", "batch": "all", "feedback": "all", "activations": "linear"}
    two = {"widths": "all", "batch": "all", "feedback": "all", "activations": "linear"}
    trained = {"biases": "trained"}
    homogeneous = EVERYWHERE | {"activations": "all φ with h φ′(h) = φ(h)"}
    degree = EVERYWHERE | {"activations": "all φ with h φ′(h) = p φ(h)"}
    linear = EVERYWHERE | {"activations": "linear"}
    kink = EVERYWHERE | {"gates": "all, any φ′ at a kink"}
    step = homogeneous | {"time": "one step θ + Δθ, of any size"}
    wide = {"widths": "all", "batch": "all", "loss": "all", "feedback": "all"}
    blocks = wide | {"depths": "any number of blocks", "activations": "all φ with h φ′(h) = φ(h)"}
    once = {"time": "one step θ + Δθ, of any size"}
    given = deep | {"feedback": "all F_l"}
    generic = {"widths": "all", "batch": "all", "activations": "all φ"}
    last = homogeneous | {"layers": "the last hidden layer"}
    table: list[tuple[str, str, str, str, dict[str, str]]] = [
        ("RK-T1", "true", "½‖W_l‖² − ⟨W_{l+1}, B_{l+1}⟩ is constant along FA", paper, homogeneous),
        ("RK-T1-kink", "true", "so it is for any choice of φ′ at a kink", paper, kink),
        ("RK-T1-neuron", "true", "so is each neuron's share of it", paper, homogeneous),
        ("RK-T1-matrix", "true", "linear: W_l W_lᵀ − BᵀW − WᵀB is constant, every entry", paper, linear),
        ("RK-T1-matrix-relu", "false", "the same for ReLU", paper, {}),
        ("RK-T1-bias-literal", "false", "Theorem 1 as it stands, with trained biases", paper, trained),
        ("RK-T1-bias", "repaired", "with trained biases, after adding ½‖b_l‖²", paper, homogeneous | trained),
        ("RK-T1-nonhomog", "false", "Theorem 1 for φ that are not homogeneous", paper, {}),
        ("RK-T1-homog-p", "true", "h φ′ = p φ: ½‖W_l‖² − p⟨W_{l+1}, B_{l+1}⟩ is constant", own, degree),
        ("RK-T1-index", "false", "W_{l+1} paired with the feedback one layer further up", paper, {}),
        ("RK-T1-DFA", "true", "DFA, last hidden layer: ½‖W_l‖² − ⟨W_{l+1}, F_l⟩ is constant", own, last),
        ("RK-T1-DFA-inner", "false", "the same at inner layers", own, {}),
        ("RK-T1-DFA-relu-inner", "false", "ReLU, inner layers with B_{l+1} := G F_l, F_{l+1} G = I", own, {}),
        ("RK-T1-discrete", "true", "one step of FA: Q_l(W + ΔW) − Q_l(W) = ½‖ΔW_l‖², exactly", own, step),
        ("RK-T1-lr", "true", "layer rates η_l: ½‖W_l‖²/η_l − ⟨W_{l+1}, B_{l+1}⟩/η_{l+1}", own, homogeneous),
        ("RK-T1-momentum", "true", "momentum: Q̈ + γQ̇ = ‖Ẇ_l‖²", own, homogeneous),
        ("RK-T1-decay", "true", "decay λ on W_l, 2λ on W_{l+1}: dQ/dt = −2λQ", own, homogeneous),
        ("RK-T1-global", "false", "the flow of Theorem 1 exists for all t ≥ 0, whatever the loss", paper, {}),
        ("RK-T1-precond", "false", "Theorem 1 under sign descent (Adam, RMSprop without memory)", paper, {}),
        ("RK-T1-DFA-linear", "repaired", "DFA, linear, F_{l+1}G = I: the matrix law, B_{l+1} := G F_l", own, linear),
        ("RK-G", "true", "feedback ∇G(W_{l+1}): ½‖W_l‖² − G(W_{l+1}) is constant", own, homogeneous),
        ("RK-COMPLETE", "true", "the laws common to all inputs and error signals, counted", own, {}),
        ("RK-T1-residual", "false", "Theorem 1, layer by layer, in residual networks", own, {}),
        ("RK-T1-residual-total", "repaired", "its sum over the trunk and over each block", own, blocks),
        ("RK-T1-residual-one", "false", "Theorem 1, layer by layer, with one-matrix blocks", own, {}),
        ("RK-T1-residual-one-total", "repaired", "its sum over all of them", own, blocks),
        ("RK-T1-residual-discrete", "true", "one step adds ½ Σ_into ‖ΔW‖² to each group", own, blocks | once),
        ("RK-T1-conv", "true", "Theorem 1 with shared kernels and feedback of their shape", own, wide),
        ("RK-T1-rnn", "true", "recurrent from a_0 = 0: ½‖W‖² + ½‖U‖² − ⟨W, B⟩ − ⟨V, C⟩", own, blocks),
        ("RK-T1-rnn-start", "false", "the same from a fixed a_0 ≠ 0", own, {}),
        ("RK-T1-rnn-trained", "repaired", "the same with a_0 trained, and ½‖a_0‖² added", own, blocks),
        ("RK-T1-attention", "true", "scores: W_q B_qᵀ − B_k W_kᵀ is constant, every entry", own, wide),
        ("RK-T1-attention-bp", "false", "back-propagation's W_q W_qᵀ − W_k W_kᵀ under FA", own, {}),
        ("RK-T1-batch-norm", "true", "‖W[j,:]‖² before a batch normalisation, any feedback above", own, wide),
        ("RK-T1-layer-norm", "true", "‖W‖² before a layer normalisation, any feedback above", own, wide),
        ("RK-C1", "true", "W_{l+1}(0) = B, ‖W_l(0)‖ ≤ ‖B‖: ⟨W_{l+1}, B⟩ ≥ ½‖W_l‖² + ½‖B‖²", corollary, homogeneous),
        ("RK-C1-sqrt2", "true", "‖W_l(0)‖ < √2‖B‖ is enough for ⟨W_{l+1}(t), B⟩ > 0", own, homogeneous),
        ("RK-C1-sqrt2-sharp", "false", "‖W_l(0)‖ ≤ (3/2)‖B‖ is enough", own, {}),
        ("RK-C1-discrete", "false", "RK-C1 in discrete steps", corollary, {}),
        ("RK-C1-cos", "true", "two linear layers, one output: sin ∠(W_2(t), B) ≤ ρ/√2", own, two),
        ("RK-C1-descent-relu", "false", "two ReLU layers: layer alignment leads the loss to 0", own, {}),
        ("RK-C1-descent-L3", "false", "three linear layers: where all are aligned the loss falls", own, {}),
        ("RK-C1-multi", "false", "several outputs: where ⟨W_2, B⟩ > 0 the loss falls", own, {}),
        ("RK-T2-minnorm-literal", "false", "w_0 in the span of the samples: the limit has minimum norm", second, {}),
        ("RK-T2-minnorm", "repaired", "P⊥w(t) = P⊥W_1(0)ᵀW_2(t)ᵀ: so the rows of W_1(0) must be in it", second, two),
        ("RK-T2-rate-literal", "false", "positive alignment gives an exponential rate", second, {}),
        ("RK-T2-rate", "repaired", "alignment α(t) ≥ a > 0, independent samples: ‖e‖ ≤ e^{−as²t}‖e(0)‖", second, two),
        (
            "RK-POT",
            "true",
            "deep linear, one output: a gradient flow in the integrated error",
            own,
            deep,
        ),
        ("RK-T2-multi", "true", "several outputs: a rate if BBᵀ = I; ‖BᵀR‖ never rises if C_0 ⪰ 0", own, two),
        ("RK-T2-trace", "false", "several outputs: ⟨W_2, B⟩ > 0 makes ‖R‖ fall", second, {}),
        ("RAOG-W1", "true", "weak alignment from zero: W_l = F_lᵀA_lF_{l−1}, dA_l = −η e p_{l−1}ᵀ", raog, deep),
        ("RAOG-W1-relu", "false", "weak alignment of ReLU networks", raog, {}),
        ("RAOG-W1-start", "false", "weak alignment from any start", raog, {}),
        ("RAOG-W2", "true", "A_{l+1} + A_{l+1}ᵀ = A_lM_{l−1}A_lᵀ: the matrix law in other variables", own, deep),
        ("RAOG-W3", "true", "one output, from zero, in the flow: cos(W_l, F_lᵀF_{l−1}) = 1", own, given),
        ("RAOG-COND", "true", "two layers, F_1F_1ᵀ = I: cosine with the gradient ≥ 2√κ/(1 + κ)", raog, two),
        ("RAOG-COND-strong", "false", "strong alignment is gradient alignment, whatever M_l", own, {}),
        (
            "RAOG-SEQ",
            "true",
            "small t: A_{l+1} = ½A_lM_{l−1}A_lᵀ at leading order, ‖A_l‖ ~ t^{2^{l−1}}",
            raog,
            given,
        ),
        ("RAOG-DEG", "true", "at zero loss d·#{k : v_kF_k < 0} directions are unstable; none under BP", raog, generic),
        ("RAOG-ODE", "true", "the equations of order parameters of online DFA", raog, {"time": "one step"}),
        ("RAOG-ATM", "empirical", "small starts: v aligns with F first, and memorises then", raog, {}),
        ("RAOG-CONV", "repaired", "given sizes, generic F: no F_lᵀAF_{l−1} but 0 is a convolution", raog, {}),
        ("RAOG-W3-steps", "false", "the same in steps", own, {}),
        ("RK-KP", "true", "Kolen–Pollack: W_{l+1} − B_{l+1}, ½‖W_l‖² − ½‖B_{l+1}‖² are constant", own, homogeneous),
    ]
    return [Claim(*row) for row in table]


REGISTRY = {claim.id: claim for claim in _claims()}


def claim(identifier: str) -> Callable[[Function], Function]:
    """Tie a function of `proofs/` to a claim of the registry.

    Examples
    --------
    >>> import faverify as fv
    >>> @fv.claim("RK-T1")
    ... def theorem_balance():
    ...     return fv.check(fv.laws.feedback_balance, fv.rules.FeedbackAlignment())
    """
    if identifier not in REGISTRY:
        raise UnknownName("claim", identifier, REGISTRY)

    def tie(function: Function) -> Function:
        function.claim = REGISTRY[identifier]  # type: ignore[attr-defined]
        return function

    return tie
