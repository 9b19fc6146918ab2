"""Laws: candidates for first integrals, written as functions of a layer and the layer it feeds.

A law may return a number, a column (one law per neuron) or a matrix (one per entry).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..errors import Misuse
from .formulas import diag, inner, norm2

FA = "Robertson & Koyejo 2023, Theorem 1"
BP = "Du, Hu & Lee 2018, Theorem 2.1"
KP = "Kolen & Pollack 1994"


@dataclass(frozen=True)
class Law:
    """A candidate: its formula, its statement as a reader writes it, and where it comes from."""

    name: str
    statement: str
    formula: Callable[[Any, Any], Any]
    source: str = ""

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


def as_law(candidate: Any) -> Law:
    """A law, or a plain function taken for one."""
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

    return Law(f"balancedness-of-degree-{_show(p)}", f"½‖W_l‖² − ½{_show(p)}‖W_{{l+1}}‖²", formula, BP)


def _show(p: Any) -> str:
    return str(getattr(p, "name", p if isinstance(p, (int, Fraction)) else "p"))


LIBRARY = {value.name: value for value in list(globals().values()) if isinstance(value, Law)}
FAMILIES = {
    "feedback-balance-of-degree": feedback_balance_of_degree,
    "neuron-feedback-balance-of-degree": neuron_feedback_balance_of_degree,
    "balancedness-of-degree": balancedness_of_degree,
}
