"""Networks beyond the chain in PyTorch, trained with feedback alignment: what their groups conserve, measured in steps.

Method. Autograd differentiates the forward pass as it is written; only a trained map has a backward of its own, which
sends the error through B in the place of W. Where the flow conserves Q = ½ Σ_into ‖W‖² − Σ_out ⟨W, B⟩, the terms of
first order of a step cancel, so that N steps of gradient descent move it by exactly

    Q_N − Q_0 = ½ Σ_steps Σ_into ‖ΔW‖²,

which is O(η) over a fixed stretch of time: it halves with η. A law that fails drifts to a limit that is not zero. The
forward passes are written anew, in terms of PyTorch alone, so that they share nothing with what is proved of
`fv.networks`; the names of the maps are the same. As with `measure`, nothing here is a proof.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np

from ..errors import Misuse, NonFiniteError
from .measurements import LayerDrift, drift_of
from .states import Array, Arrays, finite, norm

PRECISIONS = ("float64", "float32")
Forward = Callable[[Callable[[str, Any], Any], Callable[[Any], Any], Any], Any]


@cache
def torch_module() -> Any:
    """PyTorch, which only this file asks for."""
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise Misuse("torch", "not installed", "PyTorch: pip install 'faverify[torch]'") from error


# Forward passes: `w(name, a)` applies a trained map, `phi` is the activation


def residual(blocks: int = 2) -> Forward:
    """a ← a + V_l φ(W_l a) between a stem and a head; columns are samples. The maps of `fv.networks.Residual`."""

    def forward(w: Any, phi: Any, x: Any) -> Any:
        a = w("stem", x)
        for k in range(1, blocks + 1):
            a = a + w(f"V{k}", phi(w(f"W{k}", a)))
        return w("head", a)

    return forward


def one_matrix_residual(blocks: int = 2) -> Forward:
    """a ← a + φ(W_l a) between a stem and a head. The maps of `fv.networks.OneMatrixResidual`."""

    def forward(w: Any, phi: Any, x: Any) -> Any:
        a = w("stem", x)
        for k in range(1, blocks + 1):
            a = a + phi(w(f"W{k}", a))
        return w("head", a)

    return forward


def convolution(layers: int = 3) -> Forward:
    """h_l = K_l ∗ a_{l−1}, the last of which is the output: a head that sees all positions is a kernel as long as they.

    Shapes: x is samples × channels × positions, K_l is n_l × n_{l−1} × taps.
    """

    def forward(w: Any, phi: Any, x: Any) -> Any:
        a = x
        for k in range(1, layers):
            a = phi(w(f"K{k}", a))
        return w(f"K{layers}", a)

    return forward


def relu(h: Any) -> Any:
    """max(h, 0), with φ′(0) = 0."""
    return torch_module().relu(h)


def ungated(h: Any) -> Any:
    """max(h, 0) whose error goes back as if φ were linear: the mistake that a law must notice."""
    return h + (torch_module().relu(h) - h).detach()


# Laws


@dataclass(frozen=True)
class Balance:
    """Q = ½ Σ_into ‖W‖² − Σ_out ⟨W, B⟩ of the maps into and out of one or more layers."""

    into: tuple[str, ...]
    out: tuple[str, ...]
    feedback: Mapping[str, Array]

    def __call__(self, weights: Arrays) -> float:
        taken = sum(float(np.vdot(weights[name], weights[name])) for name in self.into) / 2
        return taken - sum(float(np.vdot(weights[name], self.feedback[name])) for name in self.out)

    def squares(self, updates: Arrays) -> float:
        """½ Σ_into ‖ΔW‖²: what one step adds to Q, if the flow conserves it."""
        return sum(float(np.vdot(updates[name], updates[name])) for name in self.into) / 2

    def rounding(self, weights: Arrays) -> float:
        """How far Q may move when every weight moves by a part of itself, divided by that part."""
        taken = sum(norm(weights, [name]) ** 2 for name in self.into)
        return taken + sum(norm(weights, [name]) * norm(dict(self.feedback), [name]) for name in self.out)


def residual_laws(blocks: int, feedback: Mapping[str, Array]) -> dict[str, Balance]:
    """The law of the trunk, those inside of the blocks, and for each map into the trunk the law of that layer alone.

    Of these the last are false: what is read above a layer was written by the others too. φ stands inside of the
    blocks, so that the law of the trunk holds whatever φ and its gate are; those inside do not.
    """
    numbers = range(1, blocks + 1)
    laws = {
        "trunk": Balance(("stem", *(f"V{k}" for k in numbers)), (*(f"W{k}" for k in numbers), "head"), dict(feedback))
    }
    laws |= {f"inside {k}": Balance((f"W{k}",), (f"V{k}",), dict(feedback)) for k in numbers}
    for k in range(blocks + 1):
        above = (*(f"W{m}" for m in range(k + 1, blocks + 1)), "head")
        laws[f"layer V{k}" if k else "layer stem"] = Balance((f"V{k}" if k else "stem",), above, dict(feedback))
    return laws


def one_matrix_laws(blocks: int, feedback: Mapping[str, Array]) -> dict[str, Balance]:
    """The law of the trunk, which each W_l both reads and writes."""
    maps = tuple(f"W{k}" for k in range(1, blocks + 1))
    return {"trunk": Balance(("stem", *maps), (*maps, "head"), dict(feedback))}


def convolution_laws(layers: int, feedback: Mapping[str, Array]) -> dict[str, Balance]:
    """½‖K_l‖² − ⟨K_{l+1}, B_{l+1}⟩ for every l but the last."""
    return {f"layer K{k}": Balance((f"K{k}",), (f"K{k + 1}",), dict(feedback)) for k in range(1, layers)}


# Training


@cache
def aligned_map() -> Any:
    """(a, W, B) ↦ W a, or W ∗ a for kernels, whose error goes back through B."""
    torch = torch_module()

    class Aligned(torch.autograd.Function):  # type: ignore[misc, name-defined]  # loaded late
        @staticmethod
        def forward(ctx: Any, a: Any, weight: Any, feedback: Any) -> Any:
            ctx.save_for_backward(a, weight, feedback)
            return weight @ a if weight.ndim == 2 else torch.nn.functional.conv1d(a, weight)

        @staticmethod
        def backward(ctx: Any, error: Any) -> Any:
            a, weight, feedback = ctx.saved_tensors
            if weight.ndim == 2:
                return feedback.T @ error, error @ a.T, None
            back = torch.nn.functional.conv_transpose1d(error, feedback)
            return back, torch.nn.grad.conv1d_weight(a, weight.shape, error), None

    return Aligned


@dataclass(frozen=True)
class Trained:
    """One training run: by law |Q − Q_0| at most and Q − Q_0 at the end, and ½ Σ_steps Σ_into ‖ΔW‖².

    `rounding`: by law, what the precision of the weights may cause at worst; `moved`: the distance from the start;
    `losses`: at the start and at the end.
    """

    drifts: Mapping[str, float]
    ends: Mapping[str, float]
    squares: Mapping[str, float]
    rounding: Mapping[str, float]
    moved: float
    losses: tuple[float, float]
    weights: Arrays


def train(
    forward: Forward,
    weights: Mapping[str, Array],
    feedback: Mapping[str, Array],
    x: Array,
    y: Array,
    laws: Mapping[str, Balance],
    *,
    eta: float,
    steps: int,
    phi: Callable[[Any], Any] = relu,
    precision: str = "float64",
) -> Trained:
    """Gradient descent by `torch.optim.SGD` on ½ ‖f − y‖² over the full batch, with `feedback` in the backward pass.

    Laws are evaluated in float64 from the weights as they are stored. The first map needs no feedback.

    Raises: Misuse if PyTorch is not installed or feedback does not fit; NonFiniteError if the run diverges.
    """
    torch = torch_module()
    if precision not in PRECISIONS:
        raise Misuse("precision", precision, " or ".join(map(repr, PRECISIONS)))
    for name in weights.keys() & feedback.keys():
        if np.shape(weights[name]) != np.shape(feedback[name]):
            raise Misuse(f"feedback[{name!r}]", np.shape(feedback[name]), f"the shape of {name}: {weights[name].shape}")
    dtype = getattr(torch, precision)
    maps = {name: torch.tensor(w, dtype=dtype, requires_grad=True) for name, w in weights.items()}
    back = {name: torch.tensor(b, dtype=dtype) for name, b in feedback.items()}
    inputs, targets = torch.tensor(x, dtype=dtype), torch.tensor(y, dtype=dtype)
    # What the backward pass sends through is what the laws read, in the precision in which it is sent.
    laws = {name: Balance(law.into, law.out, _stored(law.feedback, precision)) for name, law in laws.items()}

    def w(name: str, a: Any) -> Any:
        if name not in back and a.requires_grad:
            raise Misuse("feedback", ", ".join(back), f"{name}, which stands above a trained map")
        return aligned_map().apply(a, maps[name], back.get(name, maps[name].detach()))

    optimizer = torch.optim.SGD(maps.values(), lr=eta)

    def loss() -> Any:
        return ((forward(w, phi, inputs) - targets) ** 2).sum() / 2

    with _one_thread():
        now = start = _arrays(maps)
        first = {name: law(start) for name, law in laws.items()}
        losses = [loss().item()]
        drifts, ends, squares, sizes = (dict.fromkeys(laws, 0.0) for _ in range(4))
        moved = 0.0
        for count in range(1, steps + 1):
            optimizer.zero_grad()
            loss().backward()
            optimizer.step()
            last, now = now, _arrays(maps)
            for name, array in now.items():
                finite(array, f"{name} after {count} steps of η = {eta:g} (try a smaller eta or time)")
            updates = {name: now[name] - last[name] for name in now}
            moved = max(moved, norm({name: now[name] - start[name] for name in now}))
            for name, law in laws.items():
                ends[name] = law(now) - first[name]
                drifts[name] = max(drifts[name], abs(ends[name]))
                squares[name] += law.squares(updates)
                sizes[name] = max(sizes[name], law.rounding(now))
        losses.append(loss().item())
    eps = float(np.finfo(precision).eps)
    if not np.isfinite(losses).all():
        raise NonFiniteError(losses[-1], "the loss")
    rounding = {name: steps * eps * size for name, size in sizes.items()}
    return Trained(drifts, ends, squares, rounding, moved, (losses[0], losses[1]), now)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Sums are added in one order, and threads would cost more than such small maps."""
    torch = torch_module()
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _arrays(maps: Mapping[str, Any]) -> Arrays:
    return {name: np.array(w.detach().numpy(), dtype=np.float64) for name, w in maps.items()}


def _stored(arrays: Mapping[str, Array], precision: str) -> Arrays:
    return {name: np.asarray(a, dtype=precision).astype(np.float64) for name, a in arrays.items()}


@dataclass(frozen=True)
class Halved:
    """A training run at η, η/2, η/4, … over one stretch of time, by law what each step size made of it."""

    etas: tuple[float, ...]
    steps: tuple[int, ...]
    runs: tuple[Trained, ...]

    def drift(self, law: str) -> LayerDrift:
        """The order of the drift and what it speaks for, as in a `Measurement`."""
        drifts, ends, floors = (
            [getattr(run, kind)[law] for run in self.runs] for kind in ("drifts", "ends", "rounding")
        )
        still = min(run.moved for run in self.runs) == 0
        return drift_of(tuple(drifts), tuple(map(abs, ends)), tuple(floors), still, False)

    def ratios(self, law: str) -> tuple[float, ...]:
        """drift(η) / drift(η/2), and so on: 2 for a first integral, 1 for a law that fails, nan without drift."""
        drifts = [run.drifts[law] for run in self.runs]
        return tuple(a / b if b else math.nan for a, b in pairwise(drifts))

    def gaps(self, law: str) -> tuple[float, ...]:
        """|(Q_N − Q_0) − ½ Σ_steps Σ_into ‖ΔW‖²| as a part of the drift, for each step size; nan without any."""
        found = ((abs(run.ends[law] - run.squares[law]), run.drifts[law]) for run in self.runs)
        return tuple(gap / drift if drift else math.nan for gap, drift in found)


def halve(*arguments: Any, eta: float, time: float, halvings: int = 3, **options: Any) -> Halved:
    """`train` for η, η/2, …, each over the same `time`, which is η times the number of steps."""
    first = round(time / eta)
    if first < 4:
        raise Misuse("time", time, f"at least four steps of eta = {eta}")
    steps = tuple(first << k for k in range(halvings + 1))
    etas = tuple(time / count for count in steps)
    runs = (train(*arguments, eta=size, steps=count, **options) for size, count in zip(etas, steps, strict=True))
    return Halved(etas, steps, tuple(runs))


# Small networks to train


@dataclass(frozen=True)
class Example:
    """A network with its weights, feedback and data, drawn once."""

    forward: Forward
    weights: Arrays
    feedback: Arrays
    x: Array
    y: Array

    def halve(self, laws: Mapping[str, Balance], **options: Any) -> Halved:
        """`halve` of this network; `feedback` may be another than the one that the laws read."""
        back = options.pop("feedback", self.feedback)
        return halve(self.forward, self.weights, back, self.x, self.y, laws, **options)


def residual_example(blocks: int = 2, seed: int = 0, one_matrix: bool = False) -> Example:
    """3 inputs, 5 in the trunk, 4 inside of a block, 2 outputs, 6 samples."""
    inner = {"W": (5, 5)} if one_matrix else {"W": (4, 5), "V": (5, 4)}
    shapes: dict[str, tuple[int, ...]] = {"stem": (5, 3)}
    shapes |= {f"{name}{k}": shape for k in range(1, blocks + 1) for name, shape in inner.items()}
    forward = one_matrix_residual(blocks) if one_matrix else residual(blocks)
    return _drawn(forward, shapes | {"head": (2, 5)}, (3, 6), (2, 6), seed)


def convolution_example(seed: int = 0) -> Example:
    """9 positions, kernels of 3 and 3 taps, and a head of the 5 positions that are left; 4 samples."""
    return _drawn(convolution(3), {"K1": (4, 2, 3), "K2": (3, 4, 3), "K3": (2, 3, 5)}, (4, 2, 9), (4, 2, 1), seed)


def _drawn(forward: Forward, shapes: Mapping[str, Any], inputs: Any, targets: Any, seed: int) -> Example:
    rng = np.random.default_rng(seed)

    def scaled(shape: Any) -> Array:
        return np.asarray(rng.normal(size=shape) / np.sqrt(np.prod(shape[1:])), dtype=np.float64)

    weights = {name: scaled(shape) for name, shape in shapes.items()}
    feedback = {name: scaled(shape) for name, shape in list(shapes.items())[1:]}
    samples = inputs[1] if len(inputs) == 2 else inputs[0]
    x, y = rng.normal(size=inputs) / np.sqrt(samples), rng.normal(size=targets) / np.sqrt(samples)
    return Example(forward, weights, feedback, x, y)
