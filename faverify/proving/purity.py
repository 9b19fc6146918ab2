"""That a rule or a law has no memory, since what a call leaves behind could change the next; and its names are spelt.

A proof runs user code a few times and speaks of every run. So the state that the code can reach is read before and
after: attributes of the object and its classes, and what their methods close over, default to or name as globals.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from types import CodeType, FunctionType, ModuleType
from typing import Any

from ..errors import LawError, NetworkError, RuleError, UserCodeError, name_of
from ..kernel.carriers import Silent
from ..kernel.layers import Layer
from ..kernel.passes import Run

PURE = "rules, laws and networks are pure: the same layer must give the same answer at every call"
PROTOCOL = ("feedback", "error", "update", "signal", "activity", "velocities")
NEAR = 0.88  # feedbak, feed_back and Feedback are near feedback; update_B, which may be a helper, is not near update
TRUSTED = {"faverify", "builtins", "numpy", "fractions", "abc", "typing", "math", "sympy", "functools", "dataclasses"}


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _reachable(value: Any, depth: int, seen: dict[int, Any]) -> Iterator[str]:
    """The content of whatever `value` leads to, in an order that does not depend on it."""
    if id(value) in seen or depth > 6:
        return
    seen[id(value)] = value  # kept alive, so that no other object gets its id
    if isinstance(value, (FunctionType, type)) and str(value.__module__).partition(".")[0] in TRUSTED:
        if isinstance(value, type):  # a counter hung on a class of the library
            yield repr(sorted((k, v) for k, v in vars(value).items() if isinstance(v, (int, list)) and k[:2] != "__"))
        return
    if isinstance(value, Iterator):
        yield _position(value)
    if type(value) is ModuleType:
        return
    if isinstance(value, (Layer, Run)) or issubclass(type(value), Silent):
        yield f"{type(value).__name__} {id(value)}"  # a value that was kept
        return
    yield from (repr(state) for state in _generator_state(value))
    if isinstance(value, FunctionType):
        names = sorted({name for code in _codes(value.__code__) for name in code.co_names})
        inside = [value.__globals__[name] for name in names if name in value.__globals__]
        for module in [part for part in inside if type(part) is ModuleType]:
            if module.__name__.partition(".")[0] not in TRUSTED:
                inside += [vars(module)[name] for name in names if name in vars(module)]
        cells = [cell.cell_contents for cell in value.__closure__ or () if cell != type(cell)()]
        parts = [*inside, *cells, *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values(), value.__dict__]
    elif isinstance(value, type):
        parts = [*value.__mro__[1:], *vars(value).values()]
    elif isinstance(value, dict):
        parts = [part for pair in value.items() for part in pair]
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = list(value)
    else:
        slots = [getattr(value, name, None) for base in type(value).__mro__ for name in getattr(base, "__slots__", ())]
        parts = [getattr(value, "__dict__", {}), type(value), getattr(value, "__func__", None), *slots]
        yield f"{type(value).__name__} {value!r}" if "__dict__" not in dir(value) else type(value).__name__
    yield str(len(parts))
    for part in parts:
        yield from _reachable(part, depth + 1, seen)


def _position(value: Any) -> str:
    """How far an iterator has come, where it can be told without moving it."""
    try:
        frame = getattr(value, "gi_frame", None)
        return repr(value.__reduce__() if frame is None else frame.f_lasti)
    except Exception:  # an iterator that tells nothing of itself, or fails when asked
        return type(value).__name__


def _generator_state(value: Any) -> Iterator[Any]:
    """The state of a random generator, Python's or NumPy's."""
    if type(value).__module__ == "random" and hasattr(value, "getstate"):
        with suppress(NotImplementedError):  # a system's generator has no state
            yield value.getstate()
    if type(value).__module__.startswith("numpy.random") and hasattr(value, "bit_generator"):
        yield value.bit_generator.state


def _draws() -> dict[str, Any]:
    """The state of the global random generators: Python's, which the code may be the first to load, and NumPy's."""
    found: dict[str, Any] = {"random": random.getstate()}
    if "numpy.random" in sys.modules:
        _, keys, *rest = sys.modules["numpy.random"].get_state()
        found["numpy"] = (keys.tobytes(), rest)
    return found


@contextmanager
def memoryless(rule: Any, law: Any, net: Any = None) -> Iterator[None]:
    """Raise if running the code inside left a trace that a later run could read."""
    subjects = [(rule, RuleError), (law, LawError), *[(net, NetworkError)] * (net is not None)]
    before = [list(_reachable(subject, 0, {})) for subject, _ in subjects]
    draws = _draws()
    failure = None
    try:
        yield
    except UserCodeError as error:  # a trace that was left explains more than what it led to
        failure = error
    for (subject, kind), state in zip(subjects, before, strict=True):
        if list(_reachable(subject, 0, {})) != state:
            raise kind(name_of(subject), "a call changed its own state or a global that it reads", PURE)
    after = _draws()
    if any(after[name] != state for name, state in draws.items()):
        raise RuleError(f"{name_of(rule)} or {name_of(law)}", "a call drew from a global random generator", PURE)
    if failure:
        raise failure


def spelt(rule: Any) -> None:
    """Refuse a method that is called by nobody, if its name is nearly that of one which the rule leaves as it is.

    Raises: RuleError.
    """
    kinds = [kind for kind in type(rule).__mro__ if not kind.__module__.startswith("faverify.")]
    own = {name for kind in kinds for name in vars(kind)}
    if "velocities" in own:  # it calls what it likes
        return
    for name in sorted(own - set(PROTOCOL)):
        meant = get_close_matches(name.lower(), set(PROTOCOL) - own, n=1, cutoff=NEAR)
        if meant and callable(getattr(rule, name)):
            found = f"has a method {name!r}, and no {meant[0]!r}"
            raise RuleError(type(rule).__name__, found, f"did you mean {meant[0]!r}? A helper needs another name")
