"""Networks that learn images by direct feedback alignment, and by back-propagation as the null: alignment and loss.

Networks of one seed start from the same weights and see the same batches; the random feedback F that trains one of them
is held against both. Alignment and loss are measured at the start and four times an epoch, on the first 500 images:
`alignment_phases` says by what criteria they are judged. All of it follows from the settings: numbers are drawn from
the seed and the numbers of network and epoch alone, and sums are taken in one thread.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ..errors import Misuse, real_number, whole_number
from .alignment_lines import Lines, batches_and_marks
from .alignment_phases import AlignThenMemorise, Run
from .epochs import OVER, Epochs
from .image_files import CLASSES, Images, images
from .plain_networks import (
    ACTIVATIONS,
    RULES,
    Matrix,
    delta_alignment,
    drawn,
    forward,
    step,
    weight_alignment,
)

PROBE = 500
NAME = "align-then-memorise"
Progress = Callable[[int, int, int], None]


@dataclass(frozen=True)
class Settings:
    """What a run depends on besides its data; `scale` times 1/√n_{l−1} is the deviation of the initial weights."""

    hidden: tuple[int, ...] = (64, 64, 64)
    activation: str = "tanh"
    scale: float = 0.2
    rate: float = 0.02
    batch: int = 32
    epochs: int = 100
    seeds: int = 20
    seed: int = 0
    single: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.hidden, (tuple, list)) or not self.hidden:
            raise Misuse("hidden", self.hidden, "the widths of the hidden layers, at least one, such as (64, 64, 64)")
        object.__setattr__(self, "hidden", tuple(whole_number("hidden", width, 1, 10**5) for width in self.hidden))
        counts = (("batch", 1, 10**6), ("epochs", 1, 10**5), ("seeds", 1, 10**4), ("seed", 0, 2**63 - 1))
        for name, least, most in counts:
            object.__setattr__(self, name, whole_number(name, getattr(self, name), least, most))
        if self.activation not in ACTIVATIONS:
            raise Misuse("activation", self.activation, " or ".join(ACTIVATIONS))
        for name in ("rate", "scale"):
            value = real_number(name, getattr(self, name), "a finite number that is not negative", least=0)
            object.__setattr__(self, name, value)
        if not self.rate:
            raise Misuse("rate", self.rate, "a step size above 0: nothing is learnt without one")
        if self.activation == "relu" and not self.scale:
            raise Misuse("scale", self.scale, "a scale above 0 for ReLU: φ′(0) = 0, so that nothing leaves zero")

    @property
    def dtype(self) -> Any:
        return np.float32 if self.single else np.float64


def align_then_memorise(
    *, data: Any, out: Any = None, samples: int | None = None, progress: Progress | None = None, **settings: Any
) -> AlignThenMemorise:
    """Whether networks that learn by direct feedback alignment first align and then memorise, layer by layer.

    `data` is "digits", or a folder with the training files of MNIST or CIFAR-10 (`images`); `samples`: how many, from
    the first on. Settings: `hidden` widths, `activation` (tanh or relu), `scale` of the initial weights, `rate` η,
    `batch`, `epochs`, `seeds` (how many networks), `seed`, `single` (float32). The loss is ½‖f − y‖², y 1 at the label,
    else 0; inputs are shifted and scaled so that all pixels together have mean 0 and deviation 1. With `out`, a folder,
    the epochs are kept in align-then-memorise.jsonl there as they come, and a run that was killed goes on.

    Units: alignment is a cosine; moments are in epochs. `progress(known, epochs, 0)` is called after each epoch.

    Returns: AlignThenMemorise: fractions over the networks, by criteria that `alignment_phases` states. Evidence only.

    Raises: Misuse for data or settings that will not do, or an `out` that holds something else.

    Scope: the fractions depend on the data, the step size and the initial scale, which is always printed.

    References: Refinetti, d'Ascoli, Ohana & Goldt 2021; Nøkland 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from faverify.experiments.image_files import Images
    >>> rows = np.arange(80, dtype=np.uint8).reshape(20, 4) * 3
    >>> toy = Images("toy", rows, rows[:, 0] % 5)
    >>> found = align_then_memorise(data=toy, hidden=(5, 5), epochs=2, seeds=1)
    >>> found.holds, [run.rule for run in found.runs], [row["of"] for row in found.orders()]
    (None, ['dfa', 'bp'], [1, 1, 1, 1])
    """
    chosen = _settings(settings)
    shown = data if isinstance(data, Images) else images(data)
    if samples is not None:
        shown = shown.first(samples)
    header = described(shown, chosen)
    runs = [(seed, rule) for seed in range(chosen.seeds) for rule in RULES]
    expected = Lines(len(shown), chosen)
    with Epochs(_place(out), header, len(runs), chosen.epochs, expected.has) as epochs, threadpool_limits(1, "blas"):
        trainings = Trainings(shown, chosen, epochs)
        weights = epochs.load()
        while epochs.place[0] < len(runs):
            if progress is not None:
                progress(epochs.known, len(runs) * (chosen.epochs + 1), 0)
            weights = trainings.epoch(runs[epochs.place[0]], weights)
        if progress is not None:
            progress(epochs.known, epochs.known, 0)
        epochs.finish()
        settings_told = {name: value for name, value in header.items() if name not in ("schema", "kind")}
        return AlignThenMemorise(settings_told, tuple(_runs(epochs.records)))


def _settings(given: dict[str, Any]) -> Settings:
    unknown = sorted(given.keys() - Settings.__dataclass_fields__.keys())
    if unknown:
        raise Misuse(unknown[0], given[unknown[0]], f"a setting: {', '.join(Settings.__dataclass_fields__)}")
    return Settings(**given)


def _place(out: Any) -> Path | None:
    if out is None:
        return None
    if not isinstance(out, (str, Path)):
        raise Misuse("out", out, "a folder")
    try:
        Path(out).mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise Misuse("out", str(out), f"a folder that can be made ({error})") from error
    return Path(out) / f"{NAME}.jsonl"


def described(shown: Images, chosen: Settings) -> dict[str, Any]:
    """The question: two runs whose headers are the same have the same lines."""
    record = asdict(chosen)
    widths = [shown.pixels.shape[1], *record.pop("hidden"), CLASSES]
    data = {"name": shown.name, "samples": len(shown), "sha256": shown.digest}
    return {"schema": 1, "kind": f"{NAME}-epochs", "data": data, "widths": widths, **record}


class Trainings:
    """Epochs of networks, each of which follows from the weights before it and from its numbers."""

    def __init__(self, shown: Images, chosen: Settings, epochs: Epochs) -> None:
        self.images, self.chosen, self.epochs = shown, chosen, epochs
        self.scaling = shown.scaling()
        self.widths = (shown.pixels.shape[1], *chosen.hidden, CLASSES)
        self.x, self.y = shown.columns(np.arange(min(len(shown), PROBE)), self.scaling, chosen.dtype)
        self.batches, self.marks = batches_and_marks(len(shown), chosen.batch)

    def epoch(self, run: tuple[int, str], weights: list[Matrix] | None) -> list[Matrix]:
        """Train an epoch from these weights, or draw and measure those of a run that begins; its line is written."""
        (network, rule), (number, epoch), chosen = run, self.epochs.place, self.chosen
        start, feedback = drawn(np.random.default_rng([chosen.seed, network]), self.widths, chosen.scale, chosen.dtype)
        weights = start if epoch == 0 or weights is None else weights
        with np.errstate(all="ignore"):  # a run that diverges says so in its line
            if epoch == 0:
                measured = [self.measured(0.0, weights, feedback)]
            else:
                measured = self.trained(rule, network, epoch, weights, feedback)
        finite = all(moment["loss"] is not None for moment in measured)
        record = {"run": number, "network": network, "rule": rule, "epoch": epoch, "status": "ok" if finite else OVER}
        self.epochs.add({**record, "moments": measured}, weights)
        return weights

    def trained(
        self, rule: str, network: int, epoch: int, weights: list[Matrix], feedback: list[Matrix]
    ) -> list[dict[str, Any]]:
        """One epoch; the weights move in place."""
        chosen, measured = self.chosen, []
        order = np.random.default_rng([chosen.seed, network, epoch]).permutation(len(self.images))
        for count, part in enumerate(np.array_split(order, self.batches), 1):
            x, y = self.images.columns(part, self.scaling, chosen.dtype)
            for matrix, move in zip(
                weights, step(rule, weights, feedback, x, y, chosen.activation, chosen.rate), strict=True
            ):
                matrix += move
            if count in self.marks:
                measured.append(self.measured(epoch - 1 + count / self.batches, weights, feedback))
                if measured[-1]["loss"] is None:
                    break
        return measured

    def measured(self, moment: float, weights: list[Matrix], feedback: list[Matrix]) -> dict[str, Any]:
        """Loss, accuracy and both alignments; the loss is None where it is not finite."""
        run = forward(weights, self.x, self.chosen.activation)
        e = run.output - self.y
        loss = float((e.astype(np.float64) ** 2).sum() / (2 * e.shape[1]))
        right = float(np.mean(run.output.argmax(axis=0) == self.y.argmax(axis=0)))
        found: dict[str, Any] = {"t": moment, "loss": loss if math.isfinite(loss) else None, "accuracy": right}
        found["delta"] = delta_alignment(weights, feedback, run.slopes, e)
        return found | {"weights": weight_alignment(weights, feedback)}


def _runs(records: list[dict[str, Any]]) -> list[Run]:
    """The runs that lines of epochs, in order, are of."""
    starts = [k for k, record in enumerate(records) if record["epoch"] == 0]
    found = []
    for low, up in pairwise([*starts, len(records)]):
        lines = records[low:up]
        moments = [moment for line in lines for moment in line["moments"] if moment["loss"] is not None]
        first: dict[str, int] = {"delta": 1, "weights": 2}
        curves = {
            measure: {
                layer: tuple(moment[measure][layer - base] for moment in moments)
                for layer in range(base, base + len(lines[0]["moments"][0][measure]))
            }
            for measure, base in first.items()
        }
        times, losses, right = (tuple(moment[name] for moment in moments) for name in ("t", "loss", "accuracy"))
        found.append(Run(lines[0]["network"], lines[0]["rule"], lines[-1]["status"], times, losses, right, curves))
    return found
