"""The experiments that have a name: each takes digits and a seed, and returns what it found."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ..errors import Misuse, UnknownName

EXPERIMENTS = {
    "conservation": ("poster_conservation", "the conserved quantity along training, in flow and in exact steps"),
    "conditioning": ("poster_conditioning", "the angle of direct feedback to the gradient, by the data's spectrum"),
    "convergence": ("poster_convergence", "linear networks against the minimum-norm solution, and how fast"),
}
LEAST, MOST, MOST_SEED = 20, 500, 2**63 - 1


def experiment(name: str, *, digits: int = 50, seed: int = 0) -> Any:
    """Run one of the experiments by its name: conservation, convergence, conditioning. Evidence, never a proof.

    Units: `digits` of the flows, from 20 on; steps are exact. `seed` draws networks and data.

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
    for argument, value, least, most in (("digits", digits, LEAST, MOST), ("seed", seed, 0, MOST_SEED)):
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Misuse(argument, value, f"a whole number from {least} to {most}")
    return getattr(import_module(f".{EXPERIMENTS[name][0]}", __package__), name)(digits=digits, seed=seed)
