"""The weights of a measured rule: what moves, what stands fixed, and a layer as a law sees it over NumPy arrays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import LawError, Misuse, NonFiniteError, RuleError, ShapeError, called, name_of, whole_number
from ..kernel.layers import KINDS

Array = NDArray[np.float64]
Arrays = dict[str, Array]
PRECISIONS = "numbers in float64, float32 or float16; in PyTorch, tensor.double()"


class Layer:
    """A layer as a law sees it: its parameters, now and at the start, its constants, and the layer above; read-only."""

    __slots__ = ("_now", "_origin", "index")

    def __init__(self, origin: Start, now: Arrays, index: int) -> None:
        self._origin, self._now, self.index = origin, now, index

    @property
    def above(self) -> Layer | None:
        return Layer(self._origin, self._now, self.index + 1) if self.index < self._origin.depth else None

    @property
    def start(self) -> Layer:
        return Layer(self._origin, self._origin.moving, self.index)

    @property
    def name(self) -> str:
        return f"W{self.index}"

    def constant(self, name: str, of: str = "weight") -> Array:
        return self._found(name)

    def __getattr__(self, key: str) -> Array:
        if key not in KINDS:
            readable = f"{', '.join(KINDS)}, constant, start, index, name and above"
            raise AttributeError(f"a law reads {readable} of a layer, not {key!r}")
        return self._found(key)

    def _found(self, key: str) -> Array:
        name = f"{key}{self.index}"
        arrays = self._origin.fixed if name in self._origin.fixed else self._now
        if name not in arrays and key == "b":
            return np.zeros((len(self.W), 1))
        if name not in arrays:
            given = ", ".join([*self._origin.moving, *self._origin.fixed])
            asked = f"{name}, which the law reads: feedback={{'{name}': …}}, or in weights if it moves"
            raise Misuse("weights and feedback", given, asked)
        found = arrays[name].reshape(-1, 1) if KINDS.get(key) == "bias" else arrays[name].view()
        found.flags.writeable = False
        return found


class Start:
    """Where every run begins: the arrays that move, those that do not, and the form in which step gets them."""

    def __init__(self, moving: Arrays, fixed: Arrays, listed: bool, layer: int | None) -> None:
        self.moving, self.fixed, self.listed = moving, fixed, listed
        self.maps = [name for name in moving if re.fullmatch(r"W\d+", name)]
        self.depth = len(self.maps)
        _check_shapes(moving | fixed, self.depth)
        self.hidden = _hidden(layer, self.depth)

    def present(self, copies: Arrays) -> Any:
        """The weights in the form that the user gave them."""
        return list(copies.values()) if self.listed else dict(copies)

    def read(self, found: Any, step: str, whole: bool) -> tuple[Arrays, float]:
        """What step returned, by name, and the rounding of its coarsest numbers."""
        kind = "the new weights" if whole else "the updates"
        form = f"a list of {self.depth} arrays, or a dict by name" if self.listed else "a dict by name"
        if self.listed and isinstance(found, (list, tuple)) and len(found) == self.depth:
            found = dict(zip(self.moving, found, strict=True))
        if not isinstance(found, Mapping):
            what = f"{len(found)} arrays" if isinstance(found, (list, tuple)) else type(found).__name__
            raise RuleError(step, f"returned {what}", f"return {kind}: {form}")
        unknown = [name for name in found if name not in self.moving]
        if unknown:
            remedy = f"put all that moves into weights, which now hold {', '.join(self.moving)}"
            raise RuleError(step, f"returned {unknown[0]!r}", remedy)
        answer, eps = {}, 0.0
        for name, value in found.items():
            shown = name if whole else f"Δ{name}"
            array, rounding = numbers(value)
            if array is None:
                raise RuleError(step, f"returned {type(value).__name__} for {shown}", f"return {PRECISIONS}")
            if array.shape != self.moving[name].shape:
                remedy = f"return {shown} in the shape of {name}"
                raise ShapeError(f"{step}: {shown}", array.shape, self.moving[name].shape, remedy)
            finite(array, f"{shown}, returned by {step},")
            answer[name], eps = array, max(eps, rounding)
        return answer, eps

    def near(self, number: int) -> list[str]:
        """What moves among the parameters of a layer and of the one above it."""
        kinds = [f"{kind}{index}" for kind in KINDS for index in (number, number + 1)]
        return [name for name in kinds if name in self.moving]


def start_of(weights: Any, feedback: Any, layer: int | None) -> Start:
    """The arguments of `measure`, validated."""
    listed = isinstance(weights, (list, tuple))
    if not listed and not isinstance(weights, Mapping):
        raise Misuse("weights", type(weights).__name__, "a list W_1, …, W_L or a dict {'W1': …, 'b1': …}")
    pairs = zip((f"W{k}" for k in range(1, len(weights) + 1)), weights, strict=True) if listed else weights.items()
    moving = {name: _given(value, name) for name, value in pairs}
    maps = sorted(name for name in moving if re.fullmatch(r"W\d+", str(name)))
    if len(maps) < 2 or set(maps) != {f"W{k}" for k in range(1, len(maps) + 1)}:
        raise Misuse("weights", ", ".join(map(str, moving)), "W1, W2, … up to the output, at least two, without a gap")
    moving = {name: moving[name] for name in sorted(moving, key=lambda name: (name not in maps, len(name), name))}
    fixed = _feedback(feedback, moving, len(maps))
    twice = sorted(set(fixed) & set(moving))
    if twice:
        raise Misuse("feedback", twice[0], "what does not move; weights hold it already")
    return Start(moving, fixed, listed, layer)


def _given(value: Any, name: Any) -> Array:
    if not isinstance(name, str):
        raise Misuse("weights", name, "names such as 'W1'")
    array, _ = numbers(value)
    if array is None:
        raise Misuse(name, type(value).__name__, f"an array of {PRECISIONS}")
    finite(array, name)
    return array


def _feedback(feedback: Any, moving: Arrays, depth: int) -> Arrays:
    if isinstance(feedback, Mapping):
        found = {name: _given(value, name) for name, value in feedback.items()}
    elif not isinstance(feedback, (list, tuple)):
        raise Misuse("feedback", type(feedback).__name__, "a list B_2, …, B_L or F_1, …, F_{L−1}, or a dict {'B2': …}")
    elif not feedback:
        return {}
    elif len(feedback) != depth - 1:
        raise Misuse("feedback", f"{len(feedback)} arrays", f"{depth - 1}: one for each map but the first")
    else:
        arrays = [_given(value, f"feedback[{k}]") for k, value in enumerate(feedback)]
        outputs = len(moving[f"W{depth}"])
        back = all(a.shape == moving[f"W{k}"].shape for k, a in enumerate(arrays, 2))
        direct = all(a.shape == (outputs, len(moving[f"W{k}"])) for k, a in enumerate(arrays, 1))
        if back and direct and depth > 2:
            raise Misuse("feedback", "arrays that could be B or F", "a dict, {'B2': …} or {'F1': …}")
        found = {f"B{k}": a for k, a in enumerate(arrays, 2)} if back or not direct else {}
        found |= {f"F{k}": a for k, a in enumerate(arrays, 1)} if direct else {}
    for name in found:
        if not re.fullmatch(r"[^\W\d_]+[1-9]\d*", name) or int(re.sub(r"\D", "", name)) > depth:
            raise Misuse("feedback", name, f"names such as 'B2' or 'F1', up to layer {depth}")
    return found


def _check_shapes(arrays: Arrays, depth: int) -> None:
    """A chain: W_{l+1} takes what W_l gives; feedback has the shape of what it replaces."""
    for name, array in arrays.items():
        kind, number = KINDS.get(name[:1]), name[1:]
        if kind is None or not re.fullmatch(r"[1-9]\d*", number):
            continue  # memory and constants of other names have any shape
        if int(number) > depth:
            raise Misuse("weights", name, f"a name of one of the {depth} layers")
        rows, cols = arrays[f"W{number}"].shape if arrays[f"W{number}"].ndim == 2 else ("n_l", "n_{l−1}")
        wanted = {"weight": (rows, cols), "direct": (len(arrays[f"W{depth}"]), rows), "bias": (rows, 1)}[kind]
        if array.shape != wanted and not (kind == "bias" and array.shape == (rows,)):
            raise ShapeError(name, array.shape, wanted, "give it the shape on the right")
        below = f"W{int(number) - 1}"
        if name[0] == "W" and below in arrays and cols != len(arrays[below]):
            remedy = f"{name} takes what {below} gives; W_l is n_l × n_{{l−1}}: transpose kernels stored in × out"
            raise ShapeError(name, array.shape, arrays[below].shape, remedy)


def _hidden(layer: Any, depth: int) -> tuple[int, ...]:
    if layer is None:
        return tuple(range(1, depth))
    expected = f"a hidden layer: 1 … {depth - 1}, or −1 for the last"
    found = whole_number("layer", layer, -1, depth - 1, expected)
    if not found:
        raise Misuse("layer", layer, expected)
    return (depth - 1 if found == -1 else found,)


def numbers(value: Any) -> tuple[Array | None, float]:
    """A float64 copy of anything that holds numbers, and how coarsely they were rounded; None for anything else."""
    try:
        for method in ("detach", "cpu"):  # a tensor that is being differentiated, or that lives elsewhere
            value = getattr(value, method)() if hasattr(value, method) else value
        found = np.asarray(value)
    except Exception:  # ragged lists, and number types that NumPy does not know
        return None, 0.0
    if found.dtype.kind not in "fiu":
        return None, 0.0
    rounding = float(np.finfo(found.dtype).eps) if found.dtype.kind == "f" else 0.0
    return np.array(found, dtype=np.float64), rounding


def finite(array: Array, where: str) -> None:
    if not np.isfinite(array).all():
        raise NonFiniteError(float(array[~np.isfinite(array)].flat[0]), where)


def norm(arrays: Arrays, names: Iterable[str] | None = None) -> float:
    """The Euclidean norm of all entries of the arrays named."""
    chosen = arrays if names is None else list(names)
    return float(np.sqrt(sum(float(np.vdot(arrays[name], arrays[name])) for name in chosen)))


def value_at(law: Any, start: Start, state: Arrays, number: int, when: str = "") -> Array:
    """Q at a layer, as an array of floats."""
    here = Layer(start, state, number)
    with np.errstate(all="ignore"):  # a value that is not finite is told below
        found = called(law, "formula", here, here.above)
    array, _ = numbers(found)
    if array is None or found is None or isinstance(found, (bool, list, tuple, dict, str)):
        remedy = "return a number, a column or a matrix made of the layers' W, b, B and F"
        raise LawError(name_of(law), f"returned {type(found).__name__}", remedy)
    finite(array, f"{name_of(law)} at layer {number}{when}")
    return array
