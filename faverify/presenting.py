"""What a verdict shows: the writers are called from inside its methods, since printing is not believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NoReturn


def matrix_text(rows: Any, entry: Callable[[Any], str] = str) -> str:
    """A small matrix on one line: [[1, 2], [3, 4]]."""
    return "[" + ", ".join("[" + ", ".join(map(entry, row)) + "]" for row in rows) + "]"


def value_text(value: Any) -> str:
    """A number or an expression; a matrix as its rows."""
    return matrix_text(value) if isinstance(value, (list, tuple)) else str(value)


class Presentable:
    """Text, records and derivations of a verdict."""

    kind: ClassVar[str] = ""
    kinds: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls) -> None:
        """The kind of a verdict is the name of its class."""
        cls.kind = cls.__name__.lower()
        cls.kinds[cls.kind] = cls

    @property
    def derivation(self) -> Any:
        """The steps from the law's definition to the verdict: `.text()`, `.latex()`, and certificates, `.coq()`."""
        from .writing.derivations import derivation_of

        return derivation_of(self)

    @property
    def finding(self) -> dict[str, Any] | None:
        """What dQ/dt is where it is not what was asked: its kind, a line of text, and a rate if there is one."""
        from .writing.findings import finding_record

        read: dict[str, Any] | None = getattr(self, "found", None)
        return read or finding_record(self)

    def to_dict(self) -> dict[str, Any]:
        """Everything but the objects, ready for JSON."""
        from .writing.records import verdict_record

        return verdict_record(self)

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> Any:
        """The verdict that `to_dict` wrote; believe it as far as you believe the file."""
        from .writing.records import read_verdict

        return read_verdict(record, cls.kinds)

    def __str__(self) -> str:
        from .writing.text import verdict_text

        return verdict_text(self)

    def _repr_latex_(self) -> str:
        return str(self.derivation.latex())

    def _repr_html_(self) -> str:
        from .writing.cards import verdict_html

        return verdict_html(self)

    def __bool__(self) -> NoReturn:
        raise TypeError("a verdict is not true or false; ask isinstance(v, faverify.Proved)")
