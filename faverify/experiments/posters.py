"""The experiments that have a name: each takes a seed and what else it knows, and returns what it found."""

from __future__ import annotations

from importlib import import_module
from typing import Any, NamedTuple

from ..errors import Misuse, UnknownName, whole_number

LEAST, MOST, MOST_SEED = 20, 500, 2**63 - 1
IMAGES = ("data", "hidden", "activation", "scale", "rate", "batch", "epochs", "seeds", "samples", "single", "out",
          "progress")  # fmt: skip


class Named(NamedTuple):
    """Where an experiment is, what it is about, and what it takes besides a seed."""

    module: str
    function: str
    about: str
    takes: tuple[str, ...]


EXPERIMENTS = {
    "conservation": Named(
        "poster_conservation", "conservation", "the conserved quantity along training, in flow and in steps",
        ("digits",),
    ),
    "conditioning": Named(
        "poster_conditioning", "conditioning", "the angle of direct feedback to the gradient, by the data", ("digits",)
    ),
    "convergence": Named(
        "poster_convergence", "convergence", "linear networks against the minimum-norm solution", ("digits",)
    ),
    "align-then-memorise": Named(
        "align_then_memorise", "align_then_memorise", "networks that learn images: alignment by layer, and loss", IMAGES
    ),
    "two-phases": Named(
        "online_posters", "phases", "order parameters: first v aligns with F, then it memorises",
        ("scale", "rate", "seeds"),
    ),
    "sign-selection": Named(
        "online_posters", "selections", "order parameters: which sign copy training ends in", ("scale", "rate", "seeds")
    ),
    "order-parameters": Named(
        "online_posters", "limits", "online training at finite N against the equations, right and wrong",
        ("rate", "seeds"),
    ),
}  # fmt: skip


def experiment(name: str, *, digits: int | None = None, seed: int = 0, **options: Any) -> Any:
    """Run one of the experiments by its name. Evidence, never a proof.

    They are conservation, convergence, conditioning, align-then-memorise, two-phases, sign-selection and
    order-parameters.

    Units: `digits` of the flows, from 20 on, 50 if left out; steps are exact. `seed` draws networks and data.
    align-then-memorise takes `data` and the settings of `experiments.align_then_memorise`; those of order parameters
    take `seeds`, how many, the step size `rate` and the `scale` of the start.

    Returns: a result with `holds`, `to_dict()`, `figure(path)` (which needs matplotlib) and a text as its str.

    Raises: UnknownName, Misuse.

    Examples
    --------
    >>> import faverify as fv
    >>> fv.experiment("convergense")
    Traceback (most recent call last):
    faverify.errors.UnknownName: no experiment is called 'convergense'; did you mean 'convergence'?
    """
    if not isinstance(name, str) or name not in EXPERIMENTS:
        raise UnknownName("experiment", name, EXPERIMENTS)
    known = EXPERIMENTS[name]
    given = options if digits is None else options | {"digits": digits}
    for option in sorted(given.keys() - set(known.takes)):
        raise Misuse(option, given[option], f"nothing: {name} takes seed, {', '.join(known.takes)}; leave it out")
    if "data" in known.takes and "data" not in options:
        raise Misuse("data", None, "digits, or a folder with the files of MNIST or CIFAR-10")
    if "digits" in known.takes:
        given["digits"] = whole_number("digits", 50 if digits is None else digits, LEAST, MOST)
    seed = whole_number("seed", seed, 0, MOST_SEED)
    return getattr(import_module(f".{known.module}", __package__), known.function)(seed=seed, **given)
