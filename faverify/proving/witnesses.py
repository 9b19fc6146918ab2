"""A witness: exact data at which a law's rate is not what was claimed, small enough to check by hand."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Witness:
    """Rational data that refute dQ/dt = μQ at one layer of one network.

    Shapes: `weights` W_1 … W_L with W_l of shape n_l × n_{l−1}; `feedback` what the rule and the law read, B_2 … B_L or
    F_1 … F_{L−1} (a dict by name where they read both); `inputs` n_0 × samples; `error` n_L × samples, the signal e;
    `gates` φ′(h_l) of the hidden layers; `biases` and `targets` where they matter, else None.
    Of a network that is no chain, maps are named (`weights` is a dict), and so are several inputs or outputs.
    `given` holds by name whatever else was read: a rule's memory V1, constants M°1, draws m~1, a start W1(0).
    `parameters` are the values of symbols, `constants` those of the rule's own fields, such as a decay.
    `feedback_names` says which is which, so that a reader of the record need not know the rule.
    `rate` is dQ/dt − μQ − R, with R the `claim` (of one `step`: ΔQ − μQ − R), at `entry` of the law's value (None for a
    scalar law): a Fraction, or for a transcendental φ a pair of decimal strings (midpoint, radius) of a ball that
    excludes 0. `assume` names the hypotheses that the data satisfy. `digest` seals the fields.
    """

    law: str
    rule: str
    activation: str
    widths: tuple[int, ...]
    layer: Any
    weights: list[Array] | dict[str, Array]
    feedback: list[Array] | dict[str, Array]
    inputs: Array | dict[str, Array]
    error: Array | dict[str, Array]
    rate: Any
    entry: tuple[int, int] | None = None
    mu: Any = Fraction(0)
    biases: list[Array] | None = None
    targets: Array | dict[str, Array] | None = None
    feedback_names: tuple[str, ...] = ()
    gates: list[Array] = field(default_factory=list)
    given: Mapping[str, Array] = field(default_factory=dict)
    parameters: Mapping[str, Fraction] = field(default_factory=dict)
    constants: Mapping[str, Fraction] = field(default_factory=dict)
    network: str = ""
    sizes: Mapping[str, int] = field(default_factory=dict)
    claim: str = ""
    step: bool = False
    assume: tuple[str, ...] = ()
    digest: str = ""
    subjects: Any = None  # (law, rule, activation, claim, hypotheses) as objects; not part of the record
    net: Any = None  # nor is this, the network as an object where it is no chain

    def record(self) -> dict[str, Any]:
        """The fields as JSON has them, without the digest."""
        skipped = ("digest", "subjects", "net")
        return {f.name: plain(getattr(self, f.name)) for f in fields(self) if f.name not in skipped}

    def to_dict(self) -> dict[str, Any]:
        return {**self.record(), "digest": self.digest}

    def recheck(
        self,
        law: Any = None,
        rule: Any = None,
        activation: Any = None,
        claim: Any = None,
        assume: Any = None,
        net: Any = None,
    ) -> bool:
        """Whether the fields are as sealed and dQ/dt is the stated rate; no code is shared with the prover.

        The arguments are needed for a witness read from a file about code that is not in the library.
        """
        from .rechecking import recheck

        return recheck(self, law, rule, activation, claim, assume, net)

    def __str__(self) -> str:
        from ..writing.text import witness_text

        return witness_text(self)


def plain(value: Any) -> Any:
    """JSON's view of a field: Fractions as "p/q", arrays as lists of rows."""
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, np.ndarray):
        return [[plain(entry) for entry in row] for row in value]
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return value


def seal(record: Mapping[str, Any]) -> str:
    """A digest of a witness's record: it changes if any field does."""
    text = json.dumps(
        {key: part for key, part in record.items() if key != "digest"}, sort_keys=True, ensure_ascii=False
    )
    return hashlib.sha256(text.encode()).hexdigest()


def array(rows: list[list[Any]]) -> Array:
    """Rows of exact entries as an object array."""
    found = np.empty((len(rows), len(rows[0])), dtype=object)
    for i, row in enumerate(rows):
        for j, entry in enumerate(row):
            found[i, j] = entry
    return found


def number(entry: Any) -> Any:
    """A Fraction, or the midpoint and radius of a ball, as decimal strings."""
    if isinstance(entry, (str, int)):
        return Fraction(entry)
    midpoint, radius = entry
    if not (isinstance(midpoint, str) and isinstance(radius, str)):
        raise TypeError("a ball is a pair of decimal strings")
    return midpoint, radius


def witness_from(record: Mapping[str, Any]) -> Witness:
    """The witness that `to_dict` wrote."""

    def matrix(rows: Any) -> Array:
        return array([[number(entry) for entry in row] for row in rows])

    def matrices(found: Any) -> Any:
        if isinstance(found, Mapping):
            return {name: matrix(rows) for name, rows in found.items()}
        return [matrix(rows) for rows in found]

    def one_or_named(found: Any) -> Any:
        return matrices(found) if isinstance(found, Mapping) else matrix(found)

    feedback = record["feedback"]
    texts = [record[name] for name in ("law", "rule", "activation", "digest", "claim")]
    texts += [*record["assume"], *record["feedback_names"]]
    by_name = isinstance(record["weights"], Mapping)
    numbers = [
        *record["widths"],
        *record["sizes"].values(),
        *(record["entry"] or ()),
        *[record["layer"]] * (not by_name),
    ]
    texts += [record["network"], *[record["layer"]] * by_name]
    names, kinds = record["feedback_names"], {type(text) for text in texts} | {type(record["step"])}
    if kinds != {str, bool} or not {*map(type, numbers)} <= {int} or len(names) != len(feedback):
        raise TypeError("a field of another type, or without its name")
    return Witness(
        **{name: record[name] for name in ("law", "rule", "activation", "layer", "digest")},
        claim=record["claim"],
        step=record["step"],
        assume=tuple(record["assume"]),
        widths=tuple(record["widths"]),
        weights=matrices(record["weights"]),
        feedback=matrices(feedback),
        network=record["network"],
        sizes=dict(record["sizes"]),
        inputs=one_or_named(record["inputs"]),
        error=one_or_named(record["error"]),
        rate=number(record["rate"]),
        entry=None if record["entry"] is None else tuple(record["entry"]),
        mu=Fraction(record["mu"]) if isinstance(record["mu"], str) else record["mu"],
        biases=None if record["biases"] is None else list(map(matrix, record["biases"])),
        feedback_names=tuple(record["feedback_names"]),
        targets=None if record["targets"] is None else one_or_named(record["targets"]),
        gates=list(map(matrix, record["gates"])),
        given={name: matrix(rows) for name, rows in record["given"].items()},
        parameters={name: Fraction(value) for name, value in record["parameters"].items()},
        constants={name: Fraction(value) for name, value in record["constants"].items()},
    )
