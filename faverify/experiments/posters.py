"""The experiments that have a name: each takes a seed and what else it knows, and returns what it found."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import Misuse, UnknownName

EXPERIMENTS = {
    "conservation": ("poster_conservation", "the conserved quantity along training, in flow and in exact steps"),
    "conditioning": ("poster_conditioning", "the angle of direct feedback to the gradient, by the data's spectrum"),
    "convergence": ("poster_convergence", "linear networks against the minimum-norm solution, and how fast"),
    "align-then-memorise": ("align_then_memorise", "networks that learn images: alignment, layer by layer, and loss"),
}
TRAININGS = {"align-then-memorise"}  # in floating point, with data and settings of their own
LEAST, MOST, MOST_SEED = 20, 500, 2**63 - 1


def experiment(name: str, *, digits: int | None = None, seed: int = 0, **options: Any) -> Any:
    """Run one of the experiments by its name. Evidence, never a proof.

    They are conservation, convergence, conditioning and align-then-memorise.

    Units: `digits` of the flows, from 20 on, 50 if left out; steps are exact. `seed` draws networks and data.
    align-then-memorise takes `data` and the settings of `experiments.align_then_memorise` instead of digits.

    Returns: a result with `holds`, `to_dict()`, `figure(path)` (which needs matplotlib) and a text as its str.

    Raises: UnknownName, Misuse.

    Examples
    --------
    >>> import faverify as fv
    >>> fv.experiment("convergense")
    Traceback (most recent call last):
    faverify.errors.UnknownName: no experiment is called 'convergense'; did you mean 'convergence'?
    """
    if name not in EXPERIMENTS:
        raise UnknownName("experiment", name, EXPERIMENTS)
    if name in TRAININGS:
        if digits is not None:
            raise Misuse("digits", digits, f"nothing: {name} is trained in floating point; leave digits out")
        if "data" not in options:
            raise Misuse("data", None, "digits, or a folder with the files of MNIST or CIFAR-10")
    elif options:
        told = f"nothing: {name} takes digits and seed; {', '.join(sorted(TRAININGS))} takes others"
        raise Misuse(sorted(options)[0], options[sorted(options)[0]], told)
    else:
        digits = options["digits"] = 50 if digits is None else digits
    for argument, value, least, most in (("digits", digits, LEAST, MOST), ("seed", seed, 0, MOST_SEED)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most):
            raise Misuse(argument, value, f"a whole number from {least} to {most}")
    module = EXPERIMENTS[name][0]
    run = getattr(import_module(f".{module}", __package__), name.replace("-", "_"))
    return run(seed=seed, **options)
