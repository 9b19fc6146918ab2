"""Laws: candidates for first integrals, written as functions of a layer and the layer it feeds.

A law may return a number, a column (one law per neuron) or a matrix (one per entry).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from ..errors import Misuse
from ..kernel.carriers import exact
from ..kernel.words import Word
from .formulas import absolute, constant_text, diag, inner, logdet, norm1, norm2, parameter, sign
from .formulas import total as summed

FA = "Robertson & Koyejo 2023, Theorem 1"
BP = "Du, Hu & Lee 2018, Theorem 2.1"
KP = "Kolen & Pollack 1994"
OWN = "derived here; no source known"


@dataclass(frozen=True)
class Law:
    """A candidate: its formula, its statement as a reader writes it, and where it comes from."""

    name: str
    statement: str
    formula: Callable[[Any, Any], Any]
    source: str = ""
    grouped: str = ""  # "closed": of a tied group of layers instead of one; "open": of one with inputs too

    def __call__(self, layer: Any, above: Any) -> Any:
        return self.formula(layer, above)

    def __repr__(self) -> str:
        return f"<law {self.name}: {self.statement}>"


def law(statement: str, *, source: str = "", name: str | None = None) -> Callable[[Callable[..., Any]], Law]:
    """Declare a function (layer, above) ↦ Q to be a candidate law.

    Examples
    --------
    >>> import faverify as fv
    >>> @fv.law("½‖W_l‖² − ½‖W_{l+1}‖²")
    ... def balance(layer, above):
    ...     return fv.norm2(layer.W) / 2 - fv.norm2(above.W) / 2
    >>> balance.name
    'balance'
    """
    if not isinstance(statement, str):
        raise Misuse("statement", statement, "a string: write @fv.law('…') above the function")
    return lambda formula: Law(name or _name(formula), statement, formula, source)


CLOSED = ("closed", "total", "a group")


def total(of: Any, inputs: bool = False) -> Any:
    """A law of every tied group of layers: summed over the maps into it, each once, and over the maps out of it.

    Layers are tied that skips or fixed wiring join, or that share a map. `fv.total(fv.laws.feedback_balance)` is
    Σ_into ½‖W‖² − Σ_out ⟨W, B⟩. A group is closed: no input, no output and no free node belongs to it; with `inputs`
    groups are taken too that an input belongs to, such as the start of a recurrent network, where laws mostly fail.
    Of a matrix, the sum of all entries: Σ_ij A_ij.
    """
    if not isinstance(of, Law) and (not callable(of) or hasattr(of, "_dims")):
        return summed(of)
    law: Law = as_law(of)
    grouped, prefix, where = ("open", "open-total", "a group, inputs included,") if inputs else CLOSED
    statement = f"Σ over {where} of {law.statement}"
    return replace(law, name=f"{prefix}-{law.name}", statement=statement, grouped=grouped)


def as_law(candidate: Any) -> Law:
    """A law, or a plain function taken for one; `law_named` knows names, too."""
    if isinstance(candidate, Law):
        return candidate
    if not callable(candidate):
        raise Misuse("law", candidate, "a law of fv.laws, or a function (layer, above) ↦ number, column or matrix")
    name = _name(candidate)
    return Law(name, next(iter((candidate.__doc__ or "").strip().splitlines()), name), candidate)


def _name(function: Any) -> str:
    return str(getattr(function, "__name__", type(function).__name__)).replace("_", "-")


# Feedback alignment


@law("½‖W_l‖² − ⟨W_{l+1}, B_{l+1}⟩", source=FA)
def feedback_balance(layer, above):
    return norm2(layer.W) / 2 - inner(above.W, above.B)


@law("½‖W_l[j,:]‖² − ⟨W_{l+1}[:,j], B_{l+1}[:,j]⟩ for every neuron j", source=FA)
def neuron_feedback_balance(layer, above):
    return diag(layer.W @ layer.W.mT) / 2 - diag(above.B.mT @ above.W)


@law("W_l W_lᵀ − B_{l+1}ᵀ W_{l+1} − W_{l+1}ᵀ B_{l+1}", source=FA)
def matrix_feedback_balance(layer, above):
    return layer.W @ layer.W.mT - above.B.mT @ above.W - above.W.mT @ above.B


@law("½‖W_l‖² + ½‖b_l‖² − ⟨W_{l+1}, B_{l+1}⟩", source=FA)
def feedback_balance_bias(layer, above):
    return norm2(layer.W) / 2 + norm2(layer.b) / 2 - inner(above.W, above.B)


@law("½‖W_l[j,:]‖² + ½b_l[j]² − ⟨W_{l+1}[:,j], B_{l+1}[:,j]⟩ for every neuron j", source=FA)
def neuron_feedback_balance_bias(layer, above):
    return diag(layer.W @ layer.W.mT) / 2 + layer.b * layer.b / 2 - diag(above.B.mT @ above.W)


@law("W_l W_lᵀ + b_l b_lᵀ − B_{l+1}ᵀ W_{l+1} − W_{l+1}ᵀ B_{l+1}", source=FA)
def matrix_feedback_balance_bias(layer, above):
    return layer.W @ layer.W.mT + layer.b @ layer.b.mT - above.B.mT @ above.W - above.W.mT @ above.B


@law("½‖W_l‖² − ⟨W_{l+1}, F_l⟩", source=FA)
def direct_feedback_balance(layer, above):
    return norm2(layer.W) / 2 - inner(above.W, layer.F)


@law("½‖W_l[j,:]‖² − ⟨W_{l+1}[:,j], F_l[:,j]⟩ for every neuron j", source=FA)
def neuron_direct_feedback_balance(layer, above):
    return diag(layer.W @ layer.W.mT) / 2 - diag(layer.F.mT @ above.W)


@law("W_l W_lᵀ − F_lᵀ W_{l+1} − W_{l+1}ᵀ F_l", source=FA)
def matrix_direct_feedback_balance(layer, above):
    return layer.W @ layer.W.mT - layer.F.mT @ above.W - above.W.mT @ layer.F


# Back-propagation


@law("½‖W_l‖² − ½‖W_{l+1}‖²", source=BP)
def balancedness(layer, above):
    return norm2(layer.W) / 2 - norm2(above.W) / 2


@law("½‖W_l[j,:]‖² − ½‖W_{l+1}[:,j]‖² for every neuron j", source=BP)
def neuron_balancedness(layer, above):
    return diag(layer.W @ layer.W.mT) / 2 - diag(above.W.mT @ above.W) / 2


@law("W_l W_lᵀ − W_{l+1}ᵀ W_{l+1}", source="Arora, Cohen & Hazan 2018")
def matrix_balancedness(layer, above):
    return layer.W @ layer.W.mT - above.W.mT @ above.W


@law("½‖W_l‖² + ½‖b_l‖² − ½‖W_{l+1}‖²", source=BP)
def balancedness_bias(layer, above):
    return norm2(layer.W) / 2 + norm2(layer.b) / 2 - norm2(above.W) / 2


@law("½‖W_l[j,:]‖² + ½b_l[j]² − ½‖W_{l+1}[:,j]‖² for every neuron j", source=BP)
def neuron_balancedness_bias(layer, above):
    return diag(layer.W @ layer.W.mT) / 2 + layer.b * layer.b / 2 - diag(above.W.mT @ above.W) / 2


@law("W_l W_lᵀ + b_l b_lᵀ − W_{l+1}ᵀ W_{l+1}", source="Arora, Cohen & Hazan 2018")
def matrix_balancedness_bias(layer, above):
    return layer.W @ layer.W.mT + layer.b @ layer.b.mT - above.W.mT @ above.W


# Layers that are multiplied with one another, such as queries and keys: W′, B′ are the maps into the other one


@law("W_l B_lᵀ − B′ W′ᵀ", source=OWN)
def partner_feedback_balance(layer, above):
    return layer.W @ layer.B.mT - layer.partner.B @ layer.partner.W.mT


@law("W_l W_lᵀ − W′ W′ᵀ", source=OWN)
def partner_balance(layer, above):
    return layer.W @ layer.W.mT - layer.partner.W @ layer.partner.W.mT


# Kolen–Pollack


@law("W_{l+1} − B_{l+1}", source=KP)
def kolen_pollack_difference(layer, above):
    return above.W - above.B


@law("½‖W_l‖² − ½‖B_{l+1}‖²", source=KP)
def kolen_pollack_balance(layer, above):
    return norm2(layer.W) / 2 - norm2(above.B) / 2


@law("½‖W_l‖² + ½‖b_l‖² − ½‖B_{l+1}‖²", source=KP)
def kolen_pollack_balance_bias(layer, above):
    return norm2(layer.W) / 2 + norm2(layer.b) / 2 - norm2(above.B) / 2


@law("W_{l+1} − F_l", source="Webster, Choi & Ahn 2020")
def direct_kolen_pollack_difference(layer, above):
    return above.W - layer.F


# Feedback that is a function of W: ½‖W_l‖² − G(W_{l+1}) with ∇G the feedback


@law("½‖W_l‖² − ‖W_{l+1}‖₁", source=OWN)
def sign_balance(layer, above):
    return norm2(layer.W) / 2 - norm1(above.W)


@law("½‖W_l[j,:]‖² − Σ_i |W_{l+1}[i,j]| for every neuron j", source=OWN)
def neuron_sign_balance(layer, above):
    return diag(layer.W @ layer.W.mT) / 2 - diag(sign(above.W).mT @ above.W)


@law("½‖W_l‖² − ⟨|W_{l+1}|, |B_{l+1}|⟩", source=OWN)
def magnitude_balance(layer, above):
    return norm2(layer.W) / 2 - inner(absolute(above.W), absolute(above.B))


@law("½‖W_l‖² − ½ log det W_{l+1} W_{l+1}ᵀ", source=OWN)
def volume_balance(layer, above):
    return norm2(layer.W) / 2 - logdet(above.W @ above.W.mT) / 2


# Increments and rates: what a quantity of the above gains


@law("½‖W_l‖²", source=OWN)
def half_square(layer, above):
    return norm2(layer.W) / 2


@law("½‖W_l[j,:]‖² for every neuron j", source=OWN)
def neuron_half_square(layer, above):
    return diag(layer.W @ layer.W.mT) / 2


@law("W_l W_lᵀ", source=OWN)
def matrix_square(layer, above):
    return layer.W @ layer.W.mT


@law("0", source=OWN)
def nothing(layer, above):
    return 0


@law("½‖W_l‖² + ½‖b_l‖²", source=OWN)
def half_square_bias(layer, above):
    return norm2(layer.W) / 2 + norm2(layer.b) / 2


@law("½‖W_l‖² − ½‖W_{l+1}‖²", source=OWN)
def half_square_difference(layer, above):
    return norm2(layer.W) / 2 - norm2(above.W) / 2


@law("½‖W_l‖² − ½‖B_{l+1}‖²", source=OWN)
def half_square_feedback_difference(layer, above):
    return norm2(layer.W) / 2 - norm2(above.B) / 2


@law("‖V_l‖²", source=OWN)
def kinetic(layer, above):
    return norm2(layer.V)


# Activations of degree p: h φ′(h) = p φ(h)


def feedback_balance_of_degree(p: Any) -> Law:
    """½‖W_l‖² − p⟨W_{l+1}, B_{l+1}⟩, for h φ′(h) = p φ(h); p is a number or a parameter."""

    def formula(layer, above):
        return norm2(layer.W) / 2 - p * inner(above.W, above.B)

    return Law(f"feedback-balance-of-degree-{_show(p)}", f"½‖W_l‖² − {_show(p)}⟨W_{{l+1}}, B_{{l+1}}⟩", formula, FA)


def neuron_feedback_balance_of_degree(p: Any) -> Law:
    """The same for every neuron."""

    def formula(layer, above):
        return diag(layer.W @ layer.W.mT) / 2 - p * diag(above.B.mT @ above.W)

    statement = f"½‖W_l[j,:]‖² − {_show(p)}⟨W_{{l+1}}[:,j], B_{{l+1}}[:,j]⟩ for every neuron j"
    return Law(f"neuron-feedback-balance-of-degree-{_show(p)}", statement, formula, FA)


def balancedness_of_degree(p: Any) -> Law:
    """½‖W_l‖² − (p/2)‖W_{l+1}‖², for h φ′(h) = p φ(h)."""

    def formula(layer, above):
        return norm2(layer.W) / 2 - p * norm2(above.W) / 2

    half = _show(Fraction(p, 2)) if isinstance(p, (int, Fraction)) else f"½{_show(p)}"
    return Law(f"balancedness-of-degree-{_show(p)}", f"½‖W_l‖² − {half}‖W_{{l+1}}‖²", formula, BP)


# Laws with a constant for each layer or for the rule


def rated_feedback_balance(name: str = "η") -> Law:
    """½‖W_l‖²/η_l − ⟨W_{l+1}, B_{l+1}⟩/η_{l+1}, times η_l η_{l+1}: the law of LayerRates."""
    eta = parameter(name)

    def formula(layer, above):
        return eta[above.index] * norm2(layer.W) / 2 - eta[layer.index] * inner(above.W, above.B)

    statement = f"½{name}_{{l+1}}‖W_l‖² − {name}_l⟨W_{{l+1}}, B_{{l+1}}⟩"
    return Law("rated-feedback-balance", statement, formula, OWN)


def momentum_balance(friction: Any = "γ") -> Law:
    """Q̇ + γQ of Theorem 1's Q along Momentum, where Ẇ = V: its derivative is ‖V_l‖², so that Q̈ + γQ̇ = ‖Ẇ_l‖²."""
    gamma = parameter(friction) if isinstance(friction, str) else friction

    def formula(layer, above):
        slope = inner(layer.W, layer.V) - inner(above.V, above.B)
        return slope + gamma * feedback_balance(layer, above)

    return Law("momentum-balance", f"Q̇ + {_show(gamma)}Q, Q = {feedback_balance.statement}, Ẇ = V", formula, OWN)


def _show(p: Any) -> str:
    """A number or a constant made of parameters, as a factor."""
    text = constant_text(p if isinstance(p, Word) else exact(p))
    return f"({text})" if " " in text else text


GAINS = {
    gain.name: gain
    for gain in (
        nothing,
        half_square,
        neuron_half_square,
        matrix_square,
        half_square_bias,
        half_square_difference,
        half_square_feedback_difference,
        kinetic,
    )
}
PARTNERS = {law.name: law for law in (partner_feedback_balance, partner_balance)}  # of networks with products alone
NAMED = {v.name: v for v in list(globals().values()) if isinstance(v, Law)}
LIBRARY = {name: law for name, law in NAMED.items() if name not in GAINS | PARTNERS}
TOTALS = {law.name: law for law in map(total, LIBRARY.values())}
FAMILIES = {
    "feedback-balance-of-degree": feedback_balance_of_degree,
    "neuron-feedback-balance-of-degree": neuron_feedback_balance_of_degree,
    "balancedness-of-degree": balancedness_of_degree,
}
