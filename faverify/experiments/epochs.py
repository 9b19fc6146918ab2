"""The epochs of a training on disk: a file that grows by whole lines, and a checkpoint of the weights beside it.

Method. FILE holds a header, then a line an epoch, run after run, in one order; a line is with the system before the
next epoch begins, and on the disk within seconds. FILE.checkpoint holds the weights at the end of an epoch, and takes
its place in one step. Whoever goes on reads whole lines as long as each follows the one before, cuts off the rest, and
then goes back to the epoch of the checkpoint, or where that is missing, damaged or of another run, to the start of the
run. Every epoch depends on the weights and on its numbers alone, so that FILE ends with the same bytes however often
it was cut. When the last run is over, the checkpoint goes.
"""

from __future__ import annotations

import hashlib
import io
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import Misuse
from .line_files import SYNC, append, json_line, locked, opened, parsed, sync_folder
from .plain_networks import Matrix

SAVE = 2.0  # seconds of training that a kill may cost, besides the epoch under way
OVER = "diverged"  # the status of an epoch that is the last of its run, whichever it is


class Epochs:
    """Lines of epochs in memory, and in a file if `out` is given; `records` are those that are known.

    A line has "run" and "epoch", from 0 to `epochs`; a run ends there, or with a line of "status" diverged. `is_line`
    says of a record whether it can be one of the training at its run and epoch: what was not written so is cut off.
    """

    def __init__(
        self,
        out: Path | None,
        header: dict[str, Any],
        runs: int,
        epochs: int,
        is_line: Callable[[dict[str, Any]], bool] = lambda record: True,
    ) -> None:
        self.out, self.header, self.runs, self.epochs, self.is_line = out, header, runs, epochs, is_line
        self.records: list[dict[str, Any]] = []
        self.ends: list[int] = []  # where the line of each record ends in the file
        self.descriptor, self.start = -1, 0
        self.synced = self.saved = time.monotonic()

    def __enter__(self) -> Epochs:
        return self

    def __exit__(self, *_: object) -> None:
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    @property
    def checkpoint(self) -> Path | None:
        return None if self.out is None else self.out.with_name(self.out.name + ".checkpoint")

    @property
    def place(self) -> tuple[int, int]:
        """Run and epoch of the next line; (runs, 0) after the last."""
        if not self.records:
            return 0, 0
        last = self.records[-1]
        if last["epoch"] == self.epochs or last["status"] == OVER:
            return last["run"] + 1, 0
        return last["run"], last["epoch"] + 1

    @property
    def known(self) -> int:
        """How many epochs are done with, those that a diverged run leaves out included."""
        run, epoch = self.place
        return run * (self.epochs + 1) + epoch

    # What earlier runs left

    def load(self) -> list[Matrix] | None:
        """Read what is known; the weights at its end, or None where a run is to begin.

        Raises: Misuse where the file cannot be written, is being written, or belongs to another question.
        """
        if self.out is None:
            return None
        self.descriptor = opened(self.out, self.out)
        if not locked(self.descriptor):
            raise Misuse("out", str(self.out), "a file that nothing else is writing: another training holds it")
        own = json_line(self.header)
        with open(self.out, "rb") as file:
            first = file.readline()
            if own.startswith(first) and first != own:  # new, or killed while this was written
                os.ftruncate(self.descriptor, 0)
                append(self.descriptor, own)
                os.fsync(self.descriptor)
                sync_folder(self.out)
            elif first != own:
                raise self._other(parsed(first))
            self.start = end = len(own)
            for line in file:
                record, (run, epoch) = parsed(line), self.place
                place = record.get("run"), record.get("epoch"), record.get("status") in ("ok", OVER)
                if run == self.runs or place != (run, epoch, True) or not self.is_line(record):
                    break
                end += len(line)
                self.records.append(record)
                self.ends.append(end)
        weights = None if self.place[1] == 0 else self._saved_weights()
        if weights is None:
            while self.place[1]:
                self._drop()
        self._cut()
        return weights

    def _other(self, found: dict[str, Any]) -> Misuse:
        kind = self.header["kind"]
        if found.get("kind") != kind:
            return Misuse("out", str(self.out), f"a new file: it is there and holds no {kind}")
        names = {**found, **self.header}
        others = [f"{n} {found.get(n)}, not {self.header.get(n)}" for n in names if found.get(n) != self.header.get(n)]
        return Misuse("out", str(self.out), f"a new folder, or the same question: it has {'; '.join(others)}")

    def _saved_weights(self) -> list[Matrix] | None:
        """The weights of the checkpoint, after the lines beyond it are dropped; None if it is of no use."""
        assert self.checkpoint is not None
        run, epoch = self.place
        try:
            content = io.BytesIO(self.checkpoint.read_bytes())  # of a torn file np.load leaves the handle open
            with np.load(content, allow_pickle=False) as found:
                if str(found["question"]) != self._question() or int(found["run"]) != run:
                    return None
                reached = int(found["epoch"])
                weights = [found[f"W{k}"] for k in range(1, len(found.files) - 2)]
        except Exception:  # a torn file fails in many ways, and none of them says more than the others
            return None
        if not 0 <= reached < epoch:
            return None
        while self.place[1] != reached + 1:
            self._drop()
        return weights

    def _question(self) -> str:
        return hashlib.sha256(json_line(self.header)).hexdigest()

    def _drop(self) -> None:
        self.records.pop()
        self.ends.pop()

    def _cut(self) -> None:
        os.ftruncate(self.descriptor, self.ends[-1] if self.ends else self.start)

    # What this run adds

    def add(self, record: dict[str, Any], weights: Sequence[Matrix]) -> None:
        """The line of the next epoch, and the weights at its end."""
        line = json_line(record)
        self.records.append(record)
        self.ends.append((self.ends[-1] if self.ends else self.start) + len(line))
        if self.out is None:
            return
        append(self.descriptor, line)
        now = time.monotonic()
        if now - self.saved >= SAVE and self.place[1]:
            self._save(weights)
            self.saved = time.monotonic()
        if now - self.synced >= SYNC:
            os.fsync(self.descriptor)
            self.synced = time.monotonic()

    def _save(self, weights: Sequence[Matrix]) -> None:
        assert self.checkpoint is not None
        last, ready = self.records[-1], self.checkpoint.with_name(self.checkpoint.name + ".new")
        named: dict[str, Any] = {f"W{k}": matrix for k, matrix in enumerate(weights, 1)}
        with open(ready, "wb") as file:
            np.savez(file, question=self._question(), run=last["run"], epoch=last["epoch"], **named)
        os.replace(ready, self.checkpoint)

    def finish(self) -> None:
        """Everything is known: bring it to the disk, and remove the checkpoint."""
        if self.out is None or self.checkpoint is None:
            return
        os.fsync(self.descriptor)
        for path in (self.checkpoint, self.checkpoint.with_name(self.checkpoint.name + ".new")):
            path.unlink(missing_ok=True)
