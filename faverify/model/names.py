"""Library names: kebab case when printed; kebab, snake and class names when read."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from ..errors import Misuse, UnknownName
from ..kernel.layers import KINDS
from . import laws, rules


def kebab(name: str) -> str:
    """`FeedbackAlignment`, `feedback_alignment` and `feedback-alignment` are one name."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).replace("_", "-").lower()


def rule_named(name: str) -> Any:
    """The rule of the library with this name, with its default constants."""
    if not isinstance(name, str):
        raise Misuse("name", name, "the name of a rule, such as 'feedback-alignment'")
    if kebab(name) not in rules.LIBRARY:
        raise UnknownName("rule", name, rules.LIBRARY)
    return rules.LIBRARY[kebab(name)]()


def law_named(name: Any) -> laws.Law:
    """A law as it is, a function taken for one, or by name: `…-of-degree-3` has a number at its end."""
    if not isinstance(name, str):
        return laws.as_law(name)
    key = kebab(name)
    for prefix, inputs in (("total-", False), ("open-total-", True)):
        if key.startswith(prefix):
            found: laws.Law = laws.total(law_named(key.removeprefix(prefix)), inputs=inputs)
            return found
    for family, make in laws.FAMILIES.items():
        tail = key.removeprefix(f"{family}-")
        if tail != key and re.fullmatch(r"[1-9]\d*(/[1-9]\d*)?", tail):
            return make(Fraction(tail))
    if key not in laws.NAMED:
        raise UnknownName("law", name, [*laws.LIBRARY, *(f"{family}-2" for family in laws.FAMILIES)])
    return laws.NAMED[key]


def gate_of(name: str) -> str | None:
    """The label of the layer whose gate a letter is, or None: k1, kl+1, k_{stem}."""
    found = re.fullmatch(r"k(?:_\{(.*)\}|(\d+|[lL](?:[+-]\d+)?))(′*)", name)
    return None if found is None else (found[1] or found[2]) + found[3]


def unmarked(name: str) -> str:
    """A name without the mark that tells a rule's constants (M°1) and draws (m~1) from all other letters."""
    return name.replace("~", "").replace("°", "")


def marked(name: str) -> str:
    """The letter of what a reader writes as M1: of a rule's own constant, with its mark."""
    found = re.fullmatch(r"([^\W\d_]+)(\d+)", name)
    return name if found is None or found[1] in KINDS else f"{found[1]}°{found[2]}"
