"""What is integrated: a network, a rule, its weights and feedback, data, a loss or an error signal; exact numbers."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..errors import Misuse, NonFiniteError, ShapeError
from ..kernel.layers import KINDS
from ..model.names import marked, rule_named, unmarked
from ..model.networks import MLP
from ..model.rules import LearningRule

Rows = list[list[Fraction]]
LONGEST = 4000  # digits of a number that is read; more would be no data


@dataclass(frozen=True, eq=False)
class FlowProblem:
    """θ̇ = the rule's velocities at θ, from given weights: W_1 … W_L, what else moves, what stands fixed, and the data.

    One of `targets` Y (the squared loss ½‖f − Y‖², so e = f − Y) and `error(t, f)`, the error signal at time t and
    output f: a loss's derivative, or anything made of f and t with @, +, −, *, .mT and fv.exp, fv.tanh, ….

    Shapes: samples are columns. `weights` is a list W_1 … W_L; `feedback` B_2 … B_L, or F_1 … F_{L−1} for a rule that
    reads F; `biases` b_1 … b_L. Dicts by name ({"W1": …, "V1": …}) do as well, and hold what else a rule reads.

    Units: numbers are integers, Fractions, NumPy arrays, decimal or quotient strings ("0.1" and "1/10" are a tenth); a
    float stands for its exact binary value.

    Raises: Misuse, ShapeError, NonFiniteError.

    Examples
    --------
    >>> import faverify as fv
    >>> net, rule = fv.MLP((1, 1, 1), "linear"), fv.rules.FeedbackAlignment()
    >>> problem = fv.FlowProblem(net, rule, weights=[[[1]], [["0.5"]]], feedback=[[[1]]], inputs=[[1]], targets=[[2]])
    >>> problem.data["W2"]
    [[Fraction(1, 2)]]
    """

    net: Any
    rule: Any
    weights: Any
    feedback: Any = ()
    inputs: Any = None
    targets: Any = None
    error: Callable[[Any, Any], Any] | None = None
    biases: Any = None
    data: dict[str, Rows] = field(init=False, repr=False)

    def __init__(
        self,
        net: Any,
        rule: Any,
        *,
        weights: Any,
        feedback: Any = (),
        inputs: Any = None,
        targets: Any = None,
        error: Callable[[Any, Any], Any] | None = None,
        biases: Any = None,
    ) -> None:
        given = {"net": net, "rule": rule, "weights": weights, "feedback": feedback, "inputs": inputs}
        given |= {"targets": targets, "error": error, "biases": biases}
        for name, value in given.items():
            object.__setattr__(self, name, value)
        if not isinstance(net, MLP):
            raise Misuse("net", net, "a chain, such as fv.MLP((3, 4, 1)): the flow of other networks is not integrated")
        if isinstance(rule, type) or not isinstance(rule, LearningRule):
            raise Misuse("rule", rule, "an instance of a rule, such as fv.rules.FeedbackAlignment()")
        if (targets is None) == (error is None):
            found = "both" if error is not None else "neither"
            raise Misuse("targets, error", found, "one of them: targets Y of the squared loss, or error(t, f)")
        if error is not None and not callable(error):
            raise Misuse("error", error, "a function of t and f, such as lambda t, f: -2 * f")
        object.__setattr__(self, "data", self._read())

    @property
    def samples(self) -> int:
        return len(self.data["x"][0])

    def _read(self) -> dict[str, Rows]:
        net = self.net
        data = named(self.weights, "weights", [f"W{k}" for k in net.labels])
        if self.biases is not None:
            if not net.bias:
                raise Misuse("biases", "given", "a network with biases: fv.MLP(…, bias=True)")
            data |= named(self.biases, "biases", [f"b{k}" for k in net.labels])
        for name, dims in net.shapes().items():
            if name not in data and name[0] == "b":
                raise Misuse(
                    "biases", "none", f"b_1 … b_L, since the network trains them: {name} has {dims[0]} entries"
                )
        data |= {name: rows for name, rows in self._feedback().items() if name not in data}
        data["x"] = matrix(self.inputs, "inputs")
        if self.targets is not None:
            data["y"] = matrix(self.targets, "targets")
        check_shapes(net, data)
        return data

    def _feedback(self) -> dict[str, Rows]:
        depth, listed = self.net.depth, self.feedback
        if not isinstance(listed, Mapping) and listed is not None and not hasattr(listed, "__len__"):
            raise Misuse("feedback", listed, "a list B_2 … B_L or F_1 … F_{L−1}, or a dict by name")
        if not isinstance(listed, Mapping) and listed is not None and len(listed):
            direct = direct_or_back(self.net, self.rule, listed) == "F"
            names = [f"F{k}" for k in range(1, depth)] if direct else [f"B{k}" for k in range(2, depth + 1)]
            return named(listed, "feedback", names)
        return named(listed or {}, "feedback", [])

    def to_dict(self) -> dict[str, Any]:
        """A record for JSON that `from_dict` reads back; a rule must be the library's, and the loss the squared one."""
        if self.error is not None:
            raise Misuse("error", self.error, "targets: a function cannot be written to JSON")
        record: dict[str, Any] = {"widths": list(self.net.widths), "samples": self.samples}
        record |= {"activation": self.net.activation.name, "rule": rule_text(self.rule), "bias": self.net.bias}
        record |= {"inputs": texts(self.data["x"]), "targets": texts(self.data["y"])}
        record["weights"] = [texts(self.data[f"W{k}"]) for k in self.net.labels]
        if self.net.bias:
            record["biases"] = [texts(self.data[f"b{k}"]) for k in self.net.labels]
        others = {n: texts(rows) for n, rows in self.data.items() if n not in "xy" and n[0] not in "Wb"}
        back = [f"B{k}" for k in list(self.net.labels)[1:]]
        direct = [f"F{k}" for k in list(self.net.labels)[:-1]]
        listed = next((names for names in (back, direct) if set(names) == set(others)), None)
        by_name = {unmarked(name): rows for name, rows in others.items()}
        record["feedback"] = by_name if listed is None else [others[name] for name in listed]
        return record

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> FlowProblem:
        """The problem of a record with the keys widths, activation, rule, inputs, targets, weights, feedback, biases.

        Raises: Misuse where one is missing.
        """
        if not isinstance(record, Mapping):
            raise Misuse("record", record, "a dict with the keys widths, rule, inputs, targets, weights")
        missing = [key for key in ("widths", "rule", "inputs", "targets", "weights") if key not in record]
        if missing:
            raise Misuse("record", sorted(record), f"the key {missing[0]!r}")
        if not isinstance(record["widths"], (list, tuple)):
            raise Misuse("widths", record["widths"], "a list n_0, …, n_L such as [3, 4, 1]")
        if not isinstance(record["rule"], str):
            raise Misuse("rule", record["rule"], "the name of a rule of the library, such as 'feedback-alignment'")
        net = MLP(tuple(record["widths"]), record.get("activation", "relu"), record.get("bias", "biases" in record))
        parts = {key: record[key] for key in ("inputs", "targets", "weights", "feedback", "biases") if record.get(key)}
        found = cls(net, rule_named(record["rule"]), **parts)
        if record.get("samples", found.samples) != found.samples:
            raise Misuse("samples", record["samples"], f"{found.samples}, the number of columns of the inputs")
        return found

    @classmethod
    def from_json(cls, path: Any) -> FlowProblem:
        """The problem in a JSON file."""
        try:
            record = json.loads(Path(path).read_text(encoding="utf-8"), parse_float=Fraction)
        except (OSError, TypeError, ValueError) as error:
            why = getattr(error, "strerror", None) or error  # without the number of the error and the path once more
            raise Misuse("path", str(path), f"a JSON file with a problem: {why}") from error
        if not isinstance(record, dict):
            raise Misuse("path", str(path), "a JSON object with the keys widths, rule, inputs, targets, weights")
        return cls.from_dict(record)


def rule_text(rule: Any) -> str:
    """The name of a rule of the library with its default constants."""
    from ..model.names import kebab
    from ..model.rules import LIBRARY

    name = kebab(type(rule).__name__)
    if LIBRARY.get(name) is not type(rule) or rule != LIBRARY[name]():
        raise Misuse("rule", rule, "a rule of the library with its default constants: others have no name in JSON")
    return name


def direct_or_back(net: Any, rule: Any, listed: Iterable[Any]) -> str:
    """Whether a list of feedback matrices is F_1 … F_{L−1}, for a rule that reads F, or B_2 … B_L."""
    from .recorders import read_by

    letters = {name[0] for name in read_by(net, rule)}
    if letters & {"F", "B"} and not {"F", "B"} <= letters:
        return "F" if "F" in letters else "B"
    shapes = [(len(part), len(part[0]) if len(part) else 0) for part in map(list, listed)]
    back = [(net.widths[k], net.widths[k - 1]) for k in range(2, net.depth + 1)]
    return "B" if shapes == back else "F"


def named(given: Any, argument: str, names: list[str]) -> dict[str, Rows]:
    """Matrices by name, of a list in the order of the names or of a dict."""
    if isinstance(given, Mapping):
        for name in given:
            if not isinstance(name, str) or name in ("x", "y"):
                raise Misuse(argument, name, "names such as 'W1' or 'B2'; data are inputs and targets")
        pairs = {marked(name): value for name, value in given.items()}
        missing = [name for name in names if name not in pairs] if argument != "feedback" else []
        if missing:
            raise Misuse(argument, ", ".join(map(str, given)), f"{missing[0]} as well")
    elif isinstance(given, (str, bytes)) or not hasattr(given, "__len__"):
        raise Misuse(argument, type(given).__name__, f"a list {names[0]} … {names[-1]}, or a dict by name")
    elif len(given) != len(names):
        raise Misuse(argument, f"{len(given)} matrices", f"{len(names)}: {', '.join(names)}")
    else:
        pairs = dict(zip(names, given, strict=True))
    return {name: matrix(value, unmarked(name), KINDS.get(name[0]) == "bias") for name, value in pairs.items()}


def matrix(value: Any, name: str, column: bool = False) -> Rows:
    """A matrix of Fractions: of a NumPy array, nested lists, numbers and strings."""
    rows = value.tolist() if hasattr(value, "tolist") else value
    if not isinstance(rows, (list, tuple)) or not rows:
        raise Misuse(name, type(value).__name__, "a matrix: rows of numbers")
    if column and not isinstance(rows[0], (list, tuple)):
        rows = [[entry] for entry in rows]
    if not all(isinstance(row, (list, tuple)) for row in rows):
        raise Misuse(name, rows, "a matrix: a list of rows, with samples as columns")
    found = [[number(entry, name) for entry in row] for row in rows]
    if len({len(row) for row in found}) != 1 or not found[0]:
        raise Misuse(name, f"rows of {sorted({len(row) for row in found})} entries", "rows of one length")
    return found


def number(value: Any, where: str) -> Fraction:
    """The rational number that an entry stands for."""
    if isinstance(value, (bool, bytes)):
        raise Misuse(where, value, "numbers")
    if isinstance(value, (int, Fraction)):
        return Fraction(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NonFiniteError(value, where)
        return Fraction(value)
    if isinstance(value, str):
        return from_text(value, where)
    if type(value).__name__ == "mpf" and hasattr(value, "_mpf_"):
        sign, man, exp, _ = value._mpf_
        if not man and exp:
            raise NonFiniteError(value, where)
        return Fraction(-int(man) if sign else int(man)) * Fraction(2) ** int(exp)
    names = ("p", "q") if hasattr(value, "q") else ("numerator", "denominator")
    try:
        return Fraction(*(int(getattr(value, name)) for name in names))
    except (AttributeError, TypeError, ValueError):
        pass
    try:
        return number(float(value), where)
    except (TypeError, ValueError):
        raise Misuse(where, value, "integers, floats, Fractions or strings such as '0.1'") from None


def from_text(value: str, where: str) -> Fraction:
    if len(value) <= LONGEST:
        try:
            if "/" not in value and not Decimal(value).is_finite():
                raise NonFiniteError(value, where)
            if "/" in value or abs(Decimal(value).adjusted()) <= LONGEST:
                return Fraction(value.strip())
        except (ValueError, ZeroDivisionError, InvalidOperation):
            pass
    raise Misuse(where, value, "a number such as '0.1', '1e-3' or '1/3'")


def check_problem(problem: Any) -> None:
    if not isinstance(problem, FlowProblem):
        raise Misuse("problem", problem, "a fv.FlowProblem")


def check_shapes(net: Any, data: dict[str, Rows]) -> None:
    """Every matrix has the shape that its name says."""
    known = net.shapes()
    samples = len(data["x"][0])
    for name, rows in data.items():
        dims = (len(rows), len(rows[0]))
        found = re.fullmatch(r"([WBVFbv])([1-9]\d*)", name)
        if name == "x":
            wanted = (net.inputs, samples)
        elif name == "y":
            wanted = (net.outputs, samples)
        elif found is None:
            continue  # a rule's own constant: the rule says its shape when it reads it
        elif f"W{found[2]}" not in known:
            raise Misuse("weights and feedback", name, f"a name of one of the {net.depth} layers")
        else:
            rows_of, cols_of = known[f"W{found[2]}"]
            wanted = {"weight": (rows_of, cols_of), "bias": (rows_of, 1), "direct": (net.outputs, rows_of)}[
                KINDS[found[1]]
            ]
        if dims != wanted:
            raise ShapeError(unmarked(name), dims, wanted, "give it the shape on the right; samples are columns")


def texts(rows: Rows) -> list[list[Any]]:
    """Entries for JSON: where decimal text and binary value are both exact, numbers; others are quotients."""

    def text(value: Fraction) -> Any:
        if value.denominator == 1 and abs(value) < 2**53:
            return int(value)
        try:
            near = float(value)
        except OverflowError:
            return str(value)
        return near if Fraction(repr(near)) == Fraction(near) == value else str(value)

    return [[text(value) for value in row] for row in rows]
