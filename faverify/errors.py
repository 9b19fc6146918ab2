"""What misuse raises. Mathematics never raises: it returns a verdict.

Every message says what was asked, what was found and what to do; the data stand beside it as attributes.
"""

from __future__ import annotations

import difflib
import math
import os
import sys
import traceback
from collections.abc import Iterable
from numbers import Integral, Real
from types import FrameType
from typing import Any

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_MATHEMATICS = os.path.join(_PACKAGE, "model")


OBSERVERS: list[list[BaseException]] = []  # whoever must know of errors that user code swallows


class FaverifyError(Exception):
    """Base of everything that faverify raises on purpose."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        for observer in OBSERVERS:
            observer.append(self)


class ShapeError(FaverifyError, ValueError):
    """Two values that do not conform met in one operation.

    Attributes: `operation`, `left` and `right` (the shapes found).
    """

    def __init__(self, operation: str, left: Any, right: Any, remedy: str) -> None:
        self.operation, self.left, self.right, self.remedy = operation, left, right, remedy
        super().__init__(f"{operation}: {show_shape(left)} does not conform with {show_shape(right)}; {remedy}")


class ExactnessError(FaverifyError, TypeError):
    """A rounded number was offered to exact algebra. Attribute: `value`."""

    def __init__(self, value: Any, where: str = "exact algebra") -> None:
        self.value = value
        super().__init__(
            f"{where} was given {value!r} ({type(value).__name__}), which is not an exact number; "
            f"write Fraction(...), an integer or a decimal string such as '0.1'"
        )


class NonFiniteError(FaverifyError, ValueError):
    """A number that is infinite or not a number was offered as data. Attribute: `value`."""

    def __init__(self, value: Any, where: str) -> None:
        self.value = value
        super().__init__(f"{where} holds {value!r}; every entry must be a finite number")


class UnsupportedOperation(FaverifyError, TypeError):
    """An operation that this carrier does not know. Attributes: `operation`, `carrier`."""

    def __init__(self, operation: str, carrier: str, remedy: str) -> None:
        self.operation, self.carrier = operation, carrier
        super().__init__(f"{operation} is not known over {carrier}; {remedy}")


class UserCodeError(FaverifyError):
    """A rule, law or activation failed, or returned what it must not. Attributes: `subject`, `found`."""

    def __init__(self, subject: str, found: str, remedy: str) -> None:
        self.subject, self.found = subject, found
        super().__init__(f"{subject}: {found}; {remedy}")


class RuleError(UserCodeError):
    """A learning rule raised, returned the wrong shape or key, or is not pure."""


class LawError(UserCodeError):
    """A law raised, read what a law may not read, or is not pure."""


class Misplaced(LawError):
    """A law speaks of what its place has not: a partner where nothing is multiplied, the F of several layers."""


class NetworkError(UserCodeError):
    """A forward pass raised, did what no network may, or contradicts its shapes."""


class ActivationError(UserCodeError):
    """An activation contradicts what it declares, or cannot be evaluated."""


class UnknownName(FaverifyError, LookupError):
    """A name that the library does not know. Attributes: `name`, `nearest`, `known`."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.name, self.known = name, tuple(known)
        name = name if isinstance(name, str) else told(name)
        folded = {each.casefold(): each for each in self.known}  # rk-t1 is near RK-T1
        initials = [each for each in folded if "".join(part[:1] for part in each.split("-")) == name.casefold()]
        near = initials or difflib.get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)  # FA, DFA, BP
        self.nearest = folded[near[0]] if near else None
        hint = f"did you mean {self.nearest!r}?" if self.nearest else f"known are: {', '.join(self.known)}"
        super().__init__(f"no {kind} is called {self.name!r}; {hint}")


def told(value: Any) -> str:
    """The repr of a user's value, cut where it is long; its type, where there is none."""
    try:
        text = repr(value)
    except Exception:  # a __repr__ that fails, an integer of more digits than Python prints
        return type(value).__name__
    return text if len(text) <= 400 else f"{text[:400]}…"


class Misuse(FaverifyError, ValueError):
    """An argument outside what a function accepts. Attributes: `argument`, `found`, `expected`."""

    def __init__(self, argument: str, found: Any, expected: str) -> None:
        self.argument, self.found, self.expected = argument, found, expected
        super().__init__(f"{argument} = {told(found)}: expected {expected}")


def whole_number(argument: str, value: Any, least: float, most: float = math.inf, expected: str = "") -> int:
    """An argument that must be a whole number from `least` to `most`, Python's or NumPy's, as an int.

    Raises: Misuse, with `expected` if given, or else with the bounds.
    """
    found = int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None
    if found is None or not least <= found <= most:
        bounds = f", at least {least}" if most == math.inf else f" from {least} to {most}"
        raise Misuse(argument, value, expected or f"a whole number{bounds}")
    return found


def real_number(
    argument: str,
    value: Any,
    expected: str,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    most: float = math.inf,
) -> float:
    """An argument that must be a finite number beyond `above`, from `least` to `most`, Python's or NumPy's, as a float.

    Raises: Misuse, with `expected`.
    """
    try:
        found = float(value) if isinstance(value, Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        found = math.nan
    if not (math.isfinite(found) and above < found and least <= found <= most):
        raise Misuse(argument, value, expected)
    return found


class NotProved(FaverifyError):
    """`prove` did not reach a proof. Attribute: `verdict`, the Refuted or Undecided that it reached."""

    def __init__(self, verdict: Any) -> None:
        self.verdict = verdict
        super().__init__(f"not proved.\n{verdict}")


class NotRefuted(FaverifyError):
    """`refute` found no witness. Attribute: `verdict`, the Proved or Undecided that it reached."""

    def __init__(self, verdict: Any) -> None:
        self.verdict = verdict
        super().__init__(f"not refuted.\n{verdict}")


class DoesNotFollow(FaverifyError):
    """A line of an argument is not equal to, or not bounded by, what it is said to be."""

    def __init__(self, line: str, why: str) -> None:
        super().__init__(f"{line} does not follow: {why}")


class SweepStopped(FaverifyError):
    """The workers of a sweep were lost before its last case. Attributes: `sweep`, what is known; `under_way`, cases."""

    def __init__(self, sweep: Any, under_way: Iterable[int], reason: str, remedy: str) -> None:
        self.sweep, self.under_way = sweep, tuple(under_way)
        shown = ", ".join(map(str, self.under_way[:8])) + ", …" * (len(self.under_way) > 8)
        super().__init__(f"{sweep.claim}: the workers were lost ({reason}) with cases {shown} under way; {remedy}")


class NonUnique(FaverifyError):
    """A flow can go on in several ways. Attribute: `path`, up to where it does."""

    def __init__(self, path: Any, found: str) -> None:
        self.path = path
        remedy = "on_nonunique='follow' takes one and records it"
        super().__init__(f"the solution is not unique beyond {found}; {remedy}")


class Undecidable(BaseException):
    """Code asked exact algebra a question without an answer: the value of a letter, a width, a layer's number.

    Not an `Exception`, so that user code cannot swallow it by accident; the provers turn it into Undecided.
    Attributes: `question`, `line` (where it was asked).
    """

    def __init__(self, question: str) -> None:
        self.question = question
        self.line = user_frame(sys._getframe(1))
        super().__init__(question)
        for observer in OBSERVERS:
            observer.append(self)


class Overtime(BaseException):
    """Code did not return in time; not an `Exception`, so that a loop cannot swallow it by accident."""


class BeyondHorizon(Undecidable):
    """Code looked at a layer further up than a local cut holds."""


def show_shape(shape: Any) -> str:
    """A shape as a reader writes it: `(n_l × m)`."""
    return f"({' × '.join(str(d) for d in shape)})" if isinstance(shape, tuple) else str(shape)


# Where user code failed


def user_frame(frame: FrameType | None) -> str:
    """`file:line` of the innermost frame that is mathematics rather than engine."""
    while frame is not None:
        name = frame.f_code.co_filename
        if frame.f_globals.get("__name__", "").startswith("click."):  # from there on up there is no mathematics
            return "called by faverify"
        if not name.startswith(_PACKAGE) or name.startswith(_MATHEMATICS):
            return f"{os.path.basename(name)}:{frame.f_lineno}"
        frame = frame.f_back
    return "an unknown line"


def where(error: BaseException) -> str:
    """`file:line` of the mathematics that led to an error."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return user_frame(frames[-1] if frames else sys._getframe(1))


def name_of(subject: Any) -> str:
    """What a rule or a law is called in messages: a name of its own if it is a string, else its class."""
    own = vars(subject).get("name", vars(type(subject)).get("name")) if hasattr(subject, "__dict__") else None
    return own if isinstance(own, str) and own else type(subject).__name__


def called(subject: Any, method: str, *arguments: Any) -> Any:
    """The user's method, its failures told as ours: what was asked, what was found, at which line."""
    try:
        return getattr(subject, method)(*arguments)
    except FaverifyError as error:
        if method != "velocities" and not getattr(error, "__notes__", None):
            error.add_note(f"in {name_of(subject)}.{method}, {where(error)}")
        raise
    except (KeyboardInterrupt, Undecidable, Overtime):
        raise
    except BaseException as error:
        kind = {"formula": LawError, "forward": NetworkError, "shapes": NetworkError}.get(method, RuleError)
        found = f"raised {type(error).__name__}: {error} ({where(error)})"
        values = "use @, +, −, *, .mT, fv.phi, w.fixed, w.mask, w.free on the values and parameters that it is given"
        remedy = values if kind is NetworkError else "it must run over the matrices of every carrier"
        remedy = "a method without `return` gives None" if "'NoneType'" in str(error) else remedy
        raise kind(f"{name_of(subject)}.{method}", found, remedy) from error
