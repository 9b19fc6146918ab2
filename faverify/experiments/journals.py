"""The results of a sweep on disk: a journal that grows, then one sorted file.

Method. FILE.journal holds a header, then a line a case in the order in which they end. A line is with the system before
the next case is looked at, so that a killed process loses nothing, and on the disk within seconds, so that a power cut
loses little. Whatever a crash leaves is either a whole line or no JSON: such lines are passed over and their cases run
again. A case that does not hold is an example as well, written after its line (`examples`). When every case is known
the lines are written in order to a third file, which takes the place of FILE in one step; then the journal goes. A kill
between the two leaves a whole FILE and a journal that has nothing to add. Since a line depends on its case alone, FILE
has the same bytes however often the sweep was killed.
"""

from __future__ import annotations

import json
import os
import sys
import time
import weakref
from array import array
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import Misuse
from .examples import Examples
from .line_files import SYNC, append, json_line, locked, opened, parsed, sync_folder
from .trials import judged

RESULTS, JOURNAL = "sweep", "sweep-journal"
Tell = Callable[[dict[str, Any]], None]


class Memory:
    """The results of a sweep that nobody keeps."""

    out: Path | None = None

    def __init__(self) -> None:
        self.known: dict[int, bytes] = {}

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def load(self, tell: Tell) -> None:
        pass

    def knows(self, case: int) -> bool:
        return case in self.known

    def add(self, record: dict[str, Any], line: bytes) -> None:
        self.known[record["case"]] = line

    def idle(self) -> None:
        pass

    def lines(self) -> Iterator[bytes]:
        """What is known, by case."""
        return (self.known[case] for case in sorted(self.known))

    def finish(self, failures: list[int]) -> None:
        pass


class Journal:
    """The results of a sweep in a file, and in its journal until all are known.

    The first `base` cases are in the file; of the others, `places` holds where their lines begin in the journal, or 0.
    """

    def __init__(self, out: Path, header: dict[str, Any], cases: int) -> None:
        self.out, self.header, self.cases = out, header, cases
        self.path, self.examples = out.with_name(out.name + ".journal"), Examples(out, header)
        self.base, self.places = 0, array("q", bytes(8 * cases))
        self.descriptor = -1
        self.end, self.synced, self.behind = 0, time.monotonic(), False

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the journal, and of the lock with it."""
        _OPEN.discard(self)
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    # What earlier runs left

    def load(self, tell: Tell) -> None:
        """Read what is known, and tell each record of it.

        A file that answers the question, and that no journal stands beside, is read without a lock.
        """
        if self.path.exists() or self._header_of_out().get("cases") != self.cases:
            self._lock()
        try:
            self._read_out(tell)
            if self.descriptor >= 0:
                self._read_journal(tell)
        except BaseException:
            if self.descriptor >= 0 and not os.fstat(self.descriptor).st_size:
                self._remove()  # it was made for the lock alone
            raise

    def _lock(self) -> None:
        """Open the journal for this sweep alone, which is over when the process is, however it ends."""
        while True:
            self.descriptor = opened(self.path, self.out)
            _OPEN.add(self)
            if not locked(self.descriptor):
                self.close()
                raise Misuse("out", str(self.out), "a file that no other sweep is writing: one holds its journal")
            try:
                if os.path.samestat(os.fstat(self.descriptor), os.stat(self.path)):
                    return
            except FileNotFoundError:
                pass
            self.close()  # the sweep that held the lock removed this journal when it was done

    def _header_of_out(self) -> dict[str, Any]:
        """The header of a file that belongs to this question; empty where there is no file, or nothing in it."""
        if not self.out.exists() or (self.out.is_file() and not self.out.stat().st_size):
            return {}
        if not self.out.is_file():
            raise Misuse("out", str(self.out), "a file")
        with open(self.out, "rb") as file:
            found = parsed(file.readline())
        self._refuse_other(self.out, found, RESULTS)
        cases = found.get("cases")
        if type(cases) is not int or cases < 1:
            raise self._damaged(self.out)
        if cases > self.cases:
            raise Misuse("cases", self.cases, f"at least the {cases} that {self.out} holds; or choose another file")
        return found

    def _read_out(self, tell: Tell) -> None:
        header, count = self._header_of_out(), 0
        if not header:
            return
        with open(self.out, "rb") as file:
            for line in islice(file, 1, None):
                record = record_of(line)
                if record is None or record["case"] != count:
                    raise self._damaged(self.out)
                tell(record)
                count += 1
        if count != header["cases"]:
            raise self._damaged(self.out)
        self.base = count

    def _read_journal(self, tell: Tell) -> None:
        own = json_line({**self.header, "kind": JOURNAL})
        with open(self.path, "rb") as file:
            first = file.readline()
            if own.startswith(first) and first != own:  # new, or killed while this was written
                os.ftruncate(self.descriptor, 0)
                if not self.base:
                    self.examples.refuse_others()
                self._append(own)
                os.fsync(self.descriptor)
                sync_folder(self.path)
                return
            self._refuse_other(self.path, parsed(first), JOURNAL)
            self.end = place = len(first)
            for line in file:
                record = record_of(line)
                if record is not None:
                    self._place(record, place, tell)
                    self.end = place + len(line)
                place += len(line)
        os.ftruncate(self.descriptor, self.end)

    def _place(self, record: dict[str, Any], place: int, tell: Tell) -> None:
        case = record["case"]
        if case >= self.cases:
            raise Misuse("cases", self.cases, f"more than {case}, which {self.path} holds; or choose another file")
        if not self.knows(case):
            self.places[case] = place
            tell(record)

    def _refuse_other(self, path: Path, found: dict[str, Any], kind: str) -> None:
        """Nothing that belongs to another question, or to no sweep at all, is ever written to."""
        if found.get("kind") != kind:
            raise Misuse("out", str(self.out), f"a new file: {path} is there and holds no {kind}")
        others = [
            f"{name} {found.get(name)}, not {value}" for name, value in self.header.items() if found.get(name) != value
        ]
        if others:
            raise Misuse("out", str(self.out), f"a new file, or the same question: {path} has {'; '.join(others)}")

    def _damaged(self, path: Path) -> Misuse:
        return Misuse("out", str(self.out), f"a new file: {path} is not as a sweep leaves it; move it away")

    # What this run adds

    def knows(self, case: int) -> bool:
        return case < self.base or self.places[case] > 0

    def add(self, record: dict[str, Any], line: bytes) -> None:
        place = self.end
        self._append(line)
        self.places[record["case"]] = place
        self.behind = True
        if record["holds"] is False:
            self.examples.write(record)
        self.idle()

    def _append(self, line: bytes) -> None:
        try:
            append(self.descriptor, line)
        finally:
            self.end = os.fstat(self.descriptor).st_size  # of a line that was cut by Ctrl-C as well

    def idle(self) -> None:
        """Bring to the disk what the system has, if it waited long enough."""
        if self.behind and time.monotonic() - self.synced >= SYNC:
            os.fsync(self.descriptor)
            self.synced, self.behind = time.monotonic(), False

    def lines(self) -> Iterator[bytes]:
        """What is known, by case."""
        if self.base:
            with open(self.out, "rb") as file:
                yield from islice(file, 1, self.base + 1)
        if self.base < self.cases:
            with open(self.path, "rb") as file:
                for case in range(self.base, self.cases):
                    if self.places[case]:
                        file.seek(self.places[case])
                        yield file.readline()

    def finish(self, failures: list[int]) -> None:
        """Put the sorted file in place, then remove the journal."""
        if self.descriptor < 0:
            return
        self.examples.complete(failures, (json.loads(line) for line in self.lines()))
        if self.base < self.cases:
            ready = self.path.with_name(self.path.name + ".sorted")
            with open(ready, "wb") as file:
                file.write(json_line({**self.header, "kind": RESULTS, "cases": self.cases}))
                file.writelines(self.lines())
                file.flush()
                os.fsync(file.fileno())
            os.replace(ready, self.out)
            sync_folder(self.out)
            self.base = self.cases
        self._remove()

    def _remove(self) -> None:
        """Remove the journal while it is locked: a sweep that waits for it must not find it there."""
        if sys.platform == "win32":
            self.close()  # an open file stays, there
        self.path.unlink(missing_ok=True)
        self.close()


def record_of(line: bytes) -> dict[str, Any] | None:
    """The record of a case, if the line is one."""
    record = parsed(line)
    try:
        return judged(record, record["case"]) if record.get("case", -1) >= 0 else None
    except (Misuse, TypeError):
        return None


# A lock belongs to an open file, which forked processes share: those that outlive this one would keep it.
_OPEN: weakref.WeakSet[Journal] = weakref.WeakSet()


def _let_go() -> None:
    for journal in list(_OPEN):
        journal.close()


if sys.platform != "win32":
    os.register_at_fork(after_in_child=_let_go)
