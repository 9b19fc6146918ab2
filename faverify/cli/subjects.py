"""RULE and LAW of the command line: library names, or names in a file, which is run."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import click

from ..collecting import within
from ..errors import Overtime

LONGEST = 10**7  # seconds
PROOF_PATIENCE = 600.0  # seconds for one proof of a folder


@contextmanager
def guarded(seconds: float, what: str) -> Iterator[None]:
    """Run a user's code: what it prints goes to stderr, and it is stopped where the system has interval timers."""
    if not 0 <= seconds <= LONGEST:
        raise click.BadParameter(f"{seconds}: seconds, at most {LONGEST}; 0 for no limit", param_hint="--time-limit")
    try:
        with redirect_stdout(sys.stderr), within(seconds):
            yield
    except Overtime as event:
        raise click.ClickException(f"{what} did not return within {seconds:g} s; --time-limit gives it more") from event


def in_file(name: str) -> bool:
    """Whether a name is meant to be one in a file, be it written well or not."""
    return ".py" in name or ":" in name


def found_rule(name: str) -> Any:
    """A rule of the library, or NAME in a file: a class without arguments, or an instance."""
    from ..model.names import rule_named

    return _made(from_file(name) if in_file(name) else rule_named(name), name)


def _made(found: Any, name: str) -> Any:
    """An instance of what was named."""
    if not isinstance(found, type):
        return found
    try:
        return found()
    except (KeyboardInterrupt, Overtime):
        raise
    except BaseException as error:
        raise click.ClickException(
            f"{name}() failed: {type(error).__name__}: {error}; give its fields defaults"
        ) from error


def found_law(name: str) -> Any:
    from ..model.names import law_named

    return from_file(name) if in_file(name) else law_named(name)


def found_network(name: str) -> Any:
    """A network of the library, or NAME in a file: a class without arguments, or an instance."""
    from ..errors import UnknownName
    from ..model.architectures import LIBRARY
    from ..model.names import kebab

    if not in_file(name) and kebab(name) not in LIBRARY:
        raise UnknownName("network", name, LIBRARY)
    return _made(from_file(name) if in_file(name) else LIBRARY[kebab(name)], name)


def from_file(name: str) -> Any:
    """NAME of FILE.py:NAME, after running the file."""
    import importlib.util

    path, _, attribute = name.rpartition(":")
    file = Path(path or attribute)
    if not path or not attribute.isidentifier():
        raise click.ClickException(f"{name!r}: write FILE.py:NAME")
    if not file.is_file():
        near = difflib.get_close_matches(file.name, [p.name for p in file.parent.glob("*.py")], n=1, cutoff=0.7)
        raise click.ClickException(
            f"there is no file {file}" + (f"; did you mean {file.with_name(near[0])}?" if near else "")
        )
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise click.ClickException(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(file.stem, module)
    try:
        spec.loader.exec_module(module)
    except (KeyboardInterrupt, Overtime):
        raise
    except BaseException as error:
        line = next((f"line {e.lineno}" for e in trace(error) if Path(e.filename) == file), "")
        raise click.ClickException(f"{file} failed when run, {line}: {type(error).__name__}: {error}") from error
    if not hasattr(module, attribute):
        near = difflib.get_close_matches(attribute, vars(module), n=1)
        raise click.ClickException(f"{file} has no {attribute!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return getattr(module, attribute)


def trace(error: BaseException) -> list[Any]:
    import traceback

    return list(reversed(traceback.extract_tb(error.__traceback__)))
