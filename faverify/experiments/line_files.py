"""Files that grow by whole lines of JSON, and that one process writes at a time: what journals and epochs stand on."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from ..errors import Misuse

if sys.platform != "win32":
    import fcntl

SYNC = 5.0  # seconds of work that a power cut may cost


def opened(path: Path, out: Path) -> int:
    """The descriptor of a file that is read anywhere and written at its end; it is made if it is not there.

    Raises: Misuse, about `out`, where it cannot be written.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags, 0o666)
    except OSError as error:
        raise Misuse("out", str(out), f"a place that can be written ({error.strerror})") from error


def locked(descriptor: int) -> bool:
    """Whether the lock is ours; true as well on systems and file systems that have none."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def append(descriptor: int, line: bytes) -> None:
    """The whole line, however few bytes the system takes at a time."""
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_folder(path: Path) -> None:
    """A name is on the disk when its folder is, where the system lets a folder be asked for that."""
    with suppress(OSError):
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def json_line(record: dict[str, Any]) -> bytes:
    """Raises: ValueError for a number that JSON has not."""
    return json.dumps(record, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"


def parsed(line: bytes) -> dict[str, Any]:
    """The JSON object of a whole line; empty if there is none."""
    try:
        found = json.loads(line) if line.endswith(b"\n") else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
