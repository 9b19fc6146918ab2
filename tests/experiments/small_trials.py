"""Trials that take no time, in a module that spawned processes can import; `command` runs faverify with one of them."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from faverify.experiments.trials import TRIALS, Trial, generator


def draws(case, seed, digits):
    """Draws a number below 20: 0 does not hold, 1 is undecided, 2 raises."""
    time.sleep(float(os.environ.get("SMALL_TRIALS_SLEEP", "0")))
    if "SMALL_TRIALS_PIDS" in os.environ:
        Path(os.environ["SMALL_TRIALS_PIDS"], str(os.getpid())).touch()
    number = int(generator(seed, case).integers(20))
    if number == 2:
        raise ValueError(f"drew {number}")
    return {"case": case, "digits": digits, **again({"number": number}), "example": {"number": number}}


def again(example):
    number = example["number"]
    status = "odd — ungerade" if number % 2 else "ok"
    return {"status": status, "holds": None if number == 1 else number != 0, "measures": {"drift": f"{number}e-60"}}


def dies_once(case, seed, digits):
    """Case 5 takes its process with it, unless it did so before."""
    flag = Path(os.environ["SMALL_TRIALS_FLAG"])
    if case == 5 and not flag.exists():
        flag.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return draws(case, seed, digits)


DRAWS = Trial("DRAWS", "no number drawn is 0", draws, again)
DIES = Trial("DRAWS", "no number drawn is 0", dies_once, again)


def command():
    from faverify.cli import main

    TRIALS["DRAWS"] = DRAWS
    main()
