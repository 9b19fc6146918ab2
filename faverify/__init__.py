"""faverify proves or refutes conservation laws of learning rules that do not back-propagate.

Three verbs (`check`, `prove`, `refute`), three verdicts (`Proved`, `Refuted`, `Undecided`), and the mathematics they
speak of: `rules`, `laws`, `MLP`, `Activation`, and the helpers of formulas. Names load on first use.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "claims": ("claim",),
    "errors": (
        "ActivationError", "DoesNotFollow", "ExactnessError", "FaverifyError", "LawError", "Misuse", "NetworkError",
        "Misplaced", "NonFiniteError", "NonUnique", "NotProved", "NotRefuted", "RuleError", "ShapeError",
        "SweepStopped", "UnknownName", "UnsupportedOperation",
    ),
    "experiments.alignment_matrices": ("AlignmentMatrices", "alignment_matrices"),
    "experiments.audits": ("Audit", "audit"),
    "experiments.measuring": ("measure",),
    "experiments.measurements": ("Measurement",),
    "experiments.examples": ("replay",),
    "experiments.posters": ("experiment",),
    "experiments.degeneracies": ("UnstableDirections", "unstable_directions"),
    "experiments.online_training": ("Gaps", "finite_size", "simulate"),
    "experiments.order_parameters": ("OrderParameters", "order_parameters"),
    "experiments.sign_selection": ("SignSelection", "sign_selection"),
    "experiments.steps": ("rule_step",),
    "experiments.sweeps": ("Sweep", "sweep"),
    "experiments.teachers": ("TeacherStudent", "small_start"),
    "experiments.trials": ("Trial",),
    "experiments.two_phases": ("TwoPhases", "two_phases"),
    "flows.batch": ("Batch", "integrate_many"),
    "flows.curves": ("Curve", "Moment", "Stepped", "disproved"),
    "flows.enclosure": ("Enclosure", "enclose"),
    "flows.integrate": ("integrate",),
    "flows.limits": ("Limit", "enclose_limit"),
    "flows.paths": ("Event", "Path"),
    "flows.problems": ("FlowProblem",),
    "flows.solutions": ("Solution", "ends_at"),
    "flows.training": ("Training", "steps"),
    "kernel.arguments": ("Argument", "Fact", "Flow"),
    "kernel.words": ("letter",),
    "kernel.verdicts": ("Proved", "Refuted", "Scope", "Undecided", "Verdict"),
    "model.activations": (
        "Activation", "activation_named", "erf", "exp", "homogeneous", "leaky_relu", "log", "pi", "power", "sqrt",
        "tanh",
    ),
    "model.formulas": (
        "absolute", "diag", "identity", "inner", "inverse", "logdet", "norm1", "norm2", "parameter", "phi", "pinv",
        "primitive", "sign", "sum_samples", "symmetrize", "trace",
    ),
    "model.laws": ("Law", "law", "total"),
    "model.names": ("law_named", "rule_named"),
    "model.networks": ("MLP", "Network", "Repeated"),
    "model.assumptions": ("Assumption", "assumption"),
    "model.combinators": ("per_layer",),
    "model.rules": ("LearningRule",),
    "proving.check": ("check", "prove", "refute"),
    "proving.derivatives": ("derivative",),
    "discovery.discovered": ("Discovery", "FoundLaw"),
    "discovery.search": ("discover",),
    "proving.given": ("refute_at",),
    "proving.increments": ("increment",),
    "proving.potentials": ("law_of",),
    "proving.witnesses": ("Witness",),
}  # fmt: skip
_PLACES = {name: home for home, names in _HOMES.items() for name in names}
_ROOMS = {
    "assumptions": "model.assumptions",
    "laws": "model.laws",
    "networks": "model.architectures",
    "plot": "experiments.plots",
    "rules": "model.rules",
    "activations": "model.activations",
}

__all__ = [*sorted(_PLACES), *sorted(_ROOMS)]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f".{_ROOMS[name]}", __name__)
    if name not in _PLACES:
        raise AttributeError(f"module 'faverify' has no attribute {name!r}", name=name, obj=sys.modules[__name__])
    value = getattr(importlib.import_module(f".{_PLACES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
