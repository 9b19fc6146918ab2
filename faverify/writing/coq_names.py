"""Names of letters and sizes as a proof checker takes them: W_{l+1} is W_lp1, φ′(h_{L-1}) is dphi_Lm1."""

from __future__ import annotations

import re
from typing import Any

GREEK = {"δ": "delta", "λ": "lambda", "α": "alpha", "μ": "mu", "η": "eta", "γ": "gamma", "β": "beta", "κ": "kappa"}
GREEK |= {"θ": "theta", "Δ": "D", "φ": "phi", "ζ": "zeta", "ρ": "rho", "σ": "sigma", "τ": "tau", "ω": "omega"}
STEP = "the size of a step"  # no letter is called so
TAKEN = {"R", "Q", "dQ", "T", "half", "phi", "dphi", "degree", "inverse", "sign", "had", "inner", "total", "rows", "s"}
TAKEN |= {"spread", "diagonal", "diagm", "forall", "fun", "let", "in", "if", "then", "else", "end", "match", "at", "as"}
TAKEN |= {"sum", "mul", "tr", "add", "opp", "scale", "t", "i", "j", "k", "plain", "same", "entry", "return", "with"}
TAKEN |= {"lambda", "def", "by", "have", "show", "from", "where", "theorem", "open", "variable", "of", "do", "mod"}


def identifier(name: str) -> str:
    """The name of a letter."""
    if name == STEP:
        return "s"
    name = re.sub(r"^sign\((.*)\)$", r"sign_\1", name).replace("(0)", "_start")
    name = name.replace("φ′", "dphi").replace("°", "").replace("~", "").replace("′", "'")
    for letter, word in GREEK.items():
        name = name.replace(letter, word)
    name = re.sub(r"_?\{(\d+)\}", r"\1", name)
    name = re.sub(r"^(d?phi|k)_?(?=[lL\d{])", r"\1_", name) if re.match(r"(d?phi|k)_?[lL{]", name) else name
    name = name.replace("+", "p").replace("-", "m").replace(",", "_").replace("{", "").replace("}", "")
    name = re.sub(r"[^\w']", "_", name)
    return f"{name}_" if name in TAKEN or name[:1].isdigit() else name


def scalar(name: str) -> str:
    """The name of a constant that users choose: one that neither Coq nor a certificate has another meaning for."""
    found = identifier(name)
    found = "".join(c if c.isascii() else f"u{ord(c):x}" for c in found)
    return found if name == STEP or name in GREEK or re.fullmatch("[a-zA-CF-Z]_?", found) else f"par_{found}"


def remark(text: str) -> str:
    """A line that may stand in a comment, which it does not end, nor open another or a string."""
    text = " ".join(text.encode("utf-8", "backslashreplace").decode().split("\n"))
    return text.replace("(*", "( *").replace("*)", "* )").replace('"', "'")


def size(value: Any) -> str:
    """A width, as a number or a name."""
    return str(value) if isinstance(value, int) else identifier(str(value))
