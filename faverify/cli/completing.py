"""Names on the command line: what the shell completes, and the nearest one where none is known.

The shell asks `faverify` itself, by click's protocol: _FAVERIFY_COMPLETE=bash_source faverify prints the script.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import click
from click.shell_completion import CompletionItem

from ..errors import UnknownName


class Named(click.Choice):  # type: ignore[type-arg, unused-ignore]  # not generic in the lowest version of click
    """One of a few names; another one is told with the nearest of them."""

    def __init__(self, kind: str, names: Iterable[str]) -> None:
        super().__init__(tuple(names))
        self.kind = kind

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if value not in self.choices:
            raise UnknownName(self.kind, str(value), map(str, self.choices))
        return value


def _completed(names: Callable[[], Iterable[str]]) -> Callable[[Any, Any, str], list[CompletionItem]]:
    """Names that begin so; files, where none does."""

    def complete(context: Any, parameter: Any, incomplete: str) -> list[CompletionItem]:
        found = [CompletionItem(name) for name in names() if name.startswith(incomplete)]
        return found or [CompletionItem(incomplete, type="file")]

    return complete


def _rules() -> Iterable[str]:
    from ..model.rules import LIBRARY

    return LIBRARY


def _laws() -> Iterable[str]:
    from ..model.laws import LIBRARY, TOTALS

    return [*LIBRARY, *TOTALS]


def _networks() -> Iterable[str]:
    from ..model.architectures import LIBRARY

    return LIBRARY


def _activations() -> Iterable[str]:
    from ..model.activations import LIBRARY

    return LIBRARY


def _assumptions() -> Iterable[str]:
    from ..model.assumptions import LIBRARY

    return LIBRARY


def _trials() -> Iterable[str]:
    from ..experiments.trials import TRIALS

    return TRIALS


def _experiments() -> Iterable[str]:
    from ..experiments.posters import EXPERIMENTS

    return EXPERIMENTS


rules, laws, networks = _completed(_rules), _completed(_laws), _completed(_networks)
activations, assumptions = _completed(_activations), _completed(_assumptions)
trials, experiments = _completed(_trials), _completed(_experiments)
