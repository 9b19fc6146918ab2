"""Sweeps end with the same bytes wherever their cases run and however often they are killed."""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

import faverify as fv
from faverify.experiments import journals, line_files, pools
from faverify.experiments.trials import TRIALS, generator, judged, outcome, trial_named

from ..conftest import contents

HERE = Path(__file__).parent
CASES = 60
COMMAND = [sys.executable, "-c", "from small_trials import command; command()"]
needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals are sent")


@pytest.fixture
def trials(monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    module = importlib.import_module("small_trials")
    monkeypatch.setitem(TRIALS, "DRAWS", module.DRAWS)
    return module


@pytest.fixture
def unbroken(trials, tmp_path):
    """The file of a sweep that nothing happened to, and its failing examples."""
    folder = tmp_path / "unbroken"
    folder.mkdir()
    fv.sweep("DRAWS", cases=CASES, out=folder / "results.jsonl")
    return contents(folder)


def environment(**more):
    path = os.pathsep.join([str(HERE), str(Path(fv.__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, **more}


def run(*words, **more):
    found = subprocess.run(
        [*COMMAND, *map(str, words)], capture_output=True, text=True, check=False, env=environment(**more)
    )
    assert "Traceback" not in found.stdout + found.stderr, found.stderr
    return found


def counting(trials, calls):
    """The same trial, which tells its cases."""

    def draws(case, seed, digits):
        calls.append(case)
        return trials.draws(case, seed, digits)

    return fv.Trial("DRAWS", trials.DRAWS.statement, draws, trials.again)


# What a sweep says


def test_a_summary_counts_and_keeps_the_worst(trials):
    found = fv.sweep("DRAWS", cases=CASES)
    records = list(found.records)
    assert [record["case"] for record in records] == list(range(CASES))
    assert found.counts == {
        "holds": sum(r["holds"] is True for r in records),
        "fails": len(found.failures),
        "undecided": sum(r["holds"] is None for r in records),
        "missing": 0,
    }
    assert min(found.counts["fails"], found.counts["undecided"], found.statuses["error"]) > 0
    assert sum(found.statuses.values()) == CASES
    values = [(Decimal(r["measures"]["drift"]), -r["case"]) for r in records if "measures" in r]
    assert found.measures["drift"] == {"value": "19e-60", "case": -max(values)[1]}
    assert found.failures == tuple(r["case"] for r in records if r["holds"] is False)
    assert found.holds is False
    record = json.loads(json.dumps(found.to_dict()))
    assert (record["schema"], record["kind"], record["holds"], record["out"]) == (1, "evidence", False, None)
    assert record["example"]["example"] == {"number": 0}
    text = str(found)
    assert text.startswith("DRAWS: no number drawn is 0\n  60 cases, 50 digits, seed 0: ")
    assert "largest drift: 1.9e-59 (case " in text
    assert "status: error " in text
    assert f"does not hold at case {found.failures[0]}" in text
    assert "nothing" not in text


@pytest.mark.parametrize(("holds", "whole"), [((True, True), True), ((True, None), None), ((False, None), False)])
def test_one_failure_decides_and_one_gap_leaves_open(holds, whole):
    def told(case, seed, digits):
        return {"case": case, "status": "ok", "holds": holds[case], "example": {}}

    assert fv.sweep(fv.Trial("T", "t", told, dict), cases=2).holds is whole


def test_a_case_draws_its_own_numbers():
    assert generator(3, 5).random(4).tolist() == generator(3, 5).random(4).tolist()
    assert generator(3, 5).random() != generator(3, 6).random()
    assert generator(3, 5).random() != generator(5, 3).random()


# Where the cases run


class Late(Executor):
    """Runs what it is given after a while, the last first, and counts what it holds at most."""

    def __init__(self):
        self.held, self.most, self.later = [], 0, threading.Lock()

    def submit(self, function, /, *arguments, **options):
        asked: Future = Future()
        with self.later:
            self.held.append((asked, function, arguments))
            self.most = max(self.most, len(self.held))
            if len(self.held) == 1:
                threading.Timer(0.05, self.run).start()
        return asked

    def run(self):
        with self.later:
            held, self.held = self.held[::-1], []
        for future, function, arguments in held:
            future.set_result(function(*arguments))


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_bytes_do_not_depend_on_the_number_of_processes(unbroken, tmp_path, jobs):
    folder = tmp_path / "jobs"
    folder.mkdir()
    fv.sweep("DRAWS", cases=CASES, jobs=jobs, out=folder / "results.jsonl")
    assert contents(folder) == unbroken


def test_nor_on_the_executor(unbroken, tmp_path):
    late = Late()
    with ThreadPoolExecutor(3) as threads:
        for name, executor in (("threads", threads), ("late", late)):
            folder = tmp_path / name
            folder.mkdir()
            found = fv.sweep("DRAWS", cases=CASES, jobs=2, out=folder / "results.jsonl", executor=executor)
            assert contents(folder) == unbroken
            assert found.counts["missing"] == 0
    assert late.most == 8  # four times two jobs
    threads_are_ours = ThreadPoolExecutor(1)
    fv.sweep("DRAWS", cases=2, executor=threads_are_ours)
    assert threads_are_ours.submit(int, "3").result() == 3  # not shut down
    threads_are_ours.shutdown()


def test_no_sweep_asks_what_another_asked(trials):
    """Dask takes equal calls for one: where a sweep was interrupted, the next one would find its calls cancelled."""
    asked = []

    class Asked(Executor):
        def submit(self, function, /, *arguments, **options):
            asked.append((function, *arguments))
            future: Future = Future()
            future.set_result(function(*arguments))
            return future

    fv.sweep("DRAWS", cases=9, executor=Asked())
    fv.sweep("DRAWS", cases=9, executor=Asked())
    assert len(set(asked)) == len(asked) == 18


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Dask's own dependencies
def test_a_cluster_of_dask(unbroken, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install 'faverify[dask]'")
    monkeypatch.setenv("SMALL_TRIALS_SLEEP", "0.01")  # so that some cases wait when the first sweep stops
    folder = tmp_path / "dask"
    folder.mkdir()

    def stop(known, cases, failing):
        if known == 7:
            raise KeyboardInterrupt

    options = {"processes": True, "n_workers": 2, "threads_per_worker": 1, "dashboard_address": None}
    with (
        distributed.LocalCluster(host="127.0.0.1", **options) as cluster,
        distributed.Client(cluster) as client,
        client.get_executor() as executor,
    ):
        stopped = fv.sweep("DRAWS", cases=CASES, executor=executor, out=folder / "results.jsonl", progress=stop)
        assert stopped.counts["missing"] > 0
        fv.sweep("DRAWS", cases=CASES, executor=executor, out=folder / "results.jsonl")
    assert contents(folder) == unbroken


def test_a_trial_that_no_process_finds(trials):
    with pytest.raises(fv.Misuse, match="a function of a module, or jobs = 1"):
        fv.sweep(counting(trials, []), cases=9, jobs=2)


@needs_signals
def test_a_worker_that_is_killed(unbroken, trials, tmp_path, monkeypatch):
    monkeypatch.setenv("SMALL_TRIALS_FLAG", str(tmp_path / "flag"))
    folder = tmp_path / "killed"
    folder.mkdir()
    with pytest.raises(fv.SweepStopped, match=r"BrokenProcessPool.*they are kept, and the same sweep goes on") as stop:
        fv.sweep(trials.DIES, cases=CASES, jobs=2, out=folder / "results.jsonl")
    assert 5 in stop.value.under_way
    assert stop.value.sweep.counts["missing"] > 0
    known = [record["case"] for record in stop.value.sweep.records]
    assert len(known) == CASES - stop.value.sweep.counts["missing"]
    assert "the same sweep goes on" in str(stop.value.sweep)
    assert not (folder / "results.jsonl").exists()
    fv.sweep(trials.DIES, cases=CASES, jobs=2, out=folder / "results.jsonl")
    assert contents(folder) == unbroken


def test_a_script_without_a_guard_is_told_of_it(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import faverify as fv, small_trials\nfv.sweep(small_trials.DRAWS, cases=9, jobs=2)\n")
    found = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, env=environment())
    assert found.returncode == 1
    assert 'a script that starts processes needs `if __name__ == "__main__":`' in found.stderr


def test_an_interrupt_takes_back_what_an_executor_did_not_start(trials, tmp_path):
    def stop(known, cases, failing):
        if known == 5:
            raise KeyboardInterrupt

    with ThreadPoolExecutor(1) as threads:
        found = fv.sweep("DRAWS", cases=10**6, executor=threads, progress=stop, out=tmp_path / "results.jsonl")
    assert 5 <= 10**6 - found.counts["missing"] < 10**6 // 2
    assert [record["case"] for record in found.records][:5] == [0, 1, 2, 3, 4]


def test_what_waits_reaches_the_disk_while_no_result_comes(trials, tmp_path, monkeypatch):
    monkeypatch.setenv("SMALL_TRIALS_SLEEP", "0.1")
    monkeypatch.setattr(pools, "TICK", 0.01)
    monkeypatch.setattr(journals, "SYNC", 0.02)
    synced, fsync = [], os.fsync
    monkeypatch.setattr(journals.os, "fsync", lambda descriptor: (synced.append(descriptor), fsync(descriptor)))
    with ThreadPoolExecutor(1) as threads:
        fv.sweep("DRAWS", cases=3, executor=threads, out=tmp_path / "results.jsonl")
    assert len(synced) >= 6  # the header and its folder, at least two of three lines, the file and its folder


def test_an_executor_that_fails(trials):
    class Full(Executor):
        def submit(self, function, /, *arguments, **options):
            raise RuntimeError("no more")

    with pytest.raises(
        fv.SweepStopped, match=r"RuntimeError: no more.*0 of 3 cases are known; give a file \(out\) to keep them$"
    ):
        fv.sweep("DRAWS", cases=3, executor=Full())


# What trials do wrong


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (None, "a dict with its own"),
        ({"case": 1, "status": "ok", "holds": True}, "a dict with its own"),
        ({"case": 0, "status": "ok"}, "a dict with its own"),
        ({"case": 0, "status": "ok", "holds": 1}, "a dict with its own"),
        ({"case": 0, "status": 3, "holds": True}, "a dict with its own"),
        ({"case": 0, "status": "ok", "holds": False}, "a dict with its own"),
        ({"case": 0, "status": "ok", "holds": True, "measures": {"drift": 0.5}}, "decimal strings"),
        ({"case": 0, "status": "ok", "holds": True, "measures": {"drift": "nan"}}, "decimal strings"),
        ({"case": 0, "status": "ok", "holds": True, "measures": {"drift": "small"}}, "decimal strings"),
        ({"case": 0, "status": "ok", "holds": True, "value": float("nan")}, "not JSON compliant"),
        ({"case": 0, "status": "ok", "holds": True, "value": {1}}, "not JSON serializable"),
        ({"case": 0, "status": "\ud800", "holds": True}, "surrogates not allowed"),
    ],
)
def test_records_that_are_none(found, text):
    record = json.loads(outcome(lambda case, seed, digits: found, 0, 15, 0))
    assert (record["case"], record["status"], record["holds"]) == (0, "error", None)
    assert text in record["error"]


class Mute(Exception):
    def __str__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no"), "ValueError: no"),
        (SystemExit(3), "SystemExit: 3"),
        (Mute(), "Mute"),
        (OSError("\ud800"), "\\ud"),
    ],
)
def test_whatever_a_trial_raises_is_told(error, text):
    def raises(case, seed, digits):
        raise error

    found = fv.sweep(fv.Trial("T", "t", raises, dict), cases=1)
    (record,) = found.records
    assert text in record["error"]
    assert "(test_sweeps.py:" in record["error"]
    assert (found.holds, found.statuses) == (None, {"error": 1})


def test_a_record_in_order_is_kept_as_it_is():
    record = {"case": 2, "status": "ok", "holds": True, "measures": {"a": "Infinity"}, "more": ["1.5"]}
    assert judged(record, 2) == record


# Kills and crashes


def whole_journal(trials, folder, monkeypatch):
    """What stands on the disk at the last moment before the sorted file is written."""
    folder.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(journals.Journal, "finish", lambda self, failures: None)
        with ThreadPoolExecutor(3) as threads:
            fv.sweep("DRAWS", cases=CASES, out=folder / "results.jsonl", executor=threads)
    return (folder / "results.jsonl.journal").read_bytes()


def test_a_journal_cut_at_any_byte(unbroken, trials, tmp_path, monkeypatch):
    journal = whole_journal(trials, tmp_path / "journal", monkeypatch)
    header = journal.index(b"\n")
    monkeypatch.setattr(journals.os, "fsync", lambda descriptor: None)
    for cut in [0, 1, header - 1, header, header + 1, *range(header + 2, len(journal), 131), len(journal) - 1]:
        folder = tmp_path / f"cut-{cut}"
        folder.mkdir()
        (folder / "results.jsonl.journal").write_bytes(journal[:cut])
        calls: list[int] = []
        fv.sweep(counting(trials, calls), cases=CASES, out=folder / "results.jsonl")
        assert contents(folder) == unbroken
        assert len(calls) == CASES - max(journal[:cut].count(b"\n") - 1, 0)


@pytest.mark.parametrize(
    "tail",
    [
        b'{"case": 3, "sta',
        b"\0" * 600,
        b"\0" * 600 + b"\n",
        b"nonsense\n",
        b'{"case": -1}\n',
        b"[1]\n",
        b'{"case": "3"}\n',
    ],
)
def test_what_a_power_cut_leaves_is_run_again(unbroken, trials, tmp_path, monkeypatch, tail):
    lines = whole_journal(trials, tmp_path / "journal", monkeypatch).splitlines(keepends=True)
    folder = tmp_path / "cut"
    folder.mkdir()
    torn = b"".join(lines[:10]) + tail + (b"".join(lines[12:20]) if tail.endswith(b"\n") else b"")
    (folder / "results.jsonl.journal").write_bytes(torn)
    calls: list[int] = []
    fv.sweep(counting(trials, calls), cases=CASES, out=folder / "results.jsonl")
    assert contents(folder) == unbroken
    assert len(calls) == CASES - (9 + 8 * tail.endswith(b"\n"))


def test_a_case_written_twice_counts_once(unbroken, trials, tmp_path, monkeypatch):
    lines = whole_journal(trials, tmp_path / "journal", monkeypatch).splitlines(keepends=True)
    folder = tmp_path / "twice"
    folder.mkdir()
    (folder / "results.jsonl.journal").write_bytes(b"".join(lines + lines[1:9]))
    found = fv.sweep("DRAWS", cases=CASES, out=folder / "results.jsonl")
    assert contents(folder) == unbroken
    assert sum(found.counts.values()) == CASES


@pytest.mark.parametrize("moment", ["replace", "_remove", "sync_folder"])
def test_a_crash_around_the_final_file(unbroken, trials, tmp_path, monkeypatch, moment):
    folder = tmp_path / "crash"
    folder.mkdir()
    out = folder / "results.jsonl"
    fv.sweep("DRAWS", cases=20, out=out)

    def crash(*_):
        raise RuntimeError("the lights went out")

    with monkeypatch.context() as patch:
        if moment == "replace":
            patch.setattr(journals.os, "replace", lambda a, b: crash() if str(b) == str(out) else os.rename(a, b))
        else:
            patch.setattr(journals.Journal if moment == "_remove" else journals, moment, crash)
        with pytest.raises(RuntimeError, match="the lights"):
            fv.sweep("DRAWS", cases=CASES, out=out)
    if moment != "sync_folder":
        assert (folder / "results.jsonl.journal").exists()
    calls: list[int] = []
    fv.sweep(counting(trials, calls), cases=CASES, out=out)
    assert contents(folder) == unbroken
    assert calls == [] or moment == "sync_folder"


def test_a_kill_before_an_example_is_written(unbroken, trials, tmp_path, monkeypatch):
    folder = tmp_path / "example"
    folder.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(journals.Examples, "write", lambda self, record: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fv.sweep("DRAWS", cases=CASES, out=folder / "results.jsonl")
    fv.sweep("DRAWS", cases=CASES, out=folder / "results.jsonl")
    assert contents(folder) == unbroken


def lines_in(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


@needs_signals
def test_killed_at_random_moments(unbroken, tmp_path):
    folder = tmp_path / "kills"
    folder.mkdir()
    out, journal, moments = folder / "results.jsonl", folder / "results.jsonl.journal", random.Random(0)
    words = [*COMMAND, "sweep", "DRAWS", "--cases", str(CASES), "--jobs", "2", "--out", str(out)]
    pids = tmp_path / "pids"
    pids.mkdir()
    options = environment(SMALL_TRIALS_SLEEP="0.02", SMALL_TRIALS_PIDS=str(pids))
    kills = 0
    for _ in range(5):
        target = lines_in(journal) + moments.randint(1, 14)
        process = subprocess.Popen(words, env=options, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while process.poll() is None and lines_in(journal) < target:
            time.sleep(0.001)
        time.sleep(moments.random() / 50)
        kills += process.poll() is None
        process.kill()
        process.wait()
    assert kills >= 3
    deadline = time.monotonic() + 10
    while any(alive(int(path.name)) for path in pids.iterdir()):  # workers end with the process that started them
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert run(*words[len(COMMAND) :]).returncode == 1
    assert contents(folder) == unbroken


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return (
        "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[-1].split()[:1]
        if Path("/proc").exists()
        else True
    )


@needs_signals
def test_ctrl_c_keeps_what_is_known(unbroken, tmp_path):
    folder = tmp_path / "interrupted"
    folder.mkdir()
    out, journal = folder / "results.jsonl", folder / "results.jsonl.journal"
    words = [*COMMAND, "sweep", "DRAWS", "--cases", str(CASES), "--jobs", "2", "--out", str(out)]
    process = subprocess.Popen(
        words,
        env=environment(SMALL_TRIALS_SLEEP="0.1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while process.poll() is None and lines_in(journal) < 4:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers as well
    text, errors = process.communicate(timeout=20)
    assert process.returncode in (1, 3)
    assert errors == ""
    assert "incomplete: the same sweep goes on from here" in text
    assert lines_in(journal) >= 4
    assert run(*words[len(COMMAND) :]).returncode == 1
    assert contents(folder) == unbroken


def test_an_interrupt_in_this_process(trials, tmp_path):
    def interrupted(case, seed, digits):
        if case == 5:
            raise KeyboardInterrupt
        return trials.draws(case, seed, digits)

    found = fv.sweep(fv.Trial("DRAWS", "t", interrupted, trials.again), cases=9)
    assert found.counts["missing"] == 4
    assert "incomplete: without a file to keep them" in str(found)
    assert found.holds is not True


# Files that are there


def test_more_cases_go_on_and_a_finished_file_is_read(unbroken, trials, tmp_path):
    folder = tmp_path / "more"
    folder.mkdir()
    out, calls = folder / "results.jsonl", []
    fv.sweep("DRAWS", cases=20, out=out)
    more = fv.sweep(counting(trials, calls), cases=CASES, out=out)
    assert calls == list(range(20, CASES))
    assert contents(folder) == unbroken
    before = out.stat()
    again = fv.sweep(counting(trials, calls), cases=CASES, out=out)
    assert (again, len(calls)) == (more, CASES - 20)
    assert list(again.records) == list(more.records)
    assert (out.stat().st_mtime_ns, out.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    with pytest.raises(fv.Misuse, match="at least the 60 that"):
        fv.sweep("DRAWS", cases=20, out=out)
    assert contents(folder) == unbroken


def test_a_journal_with_more_cases_is_kept(trials, tmp_path, monkeypatch):
    journal = whole_journal(trials, tmp_path / "journal", monkeypatch)
    with pytest.raises(fv.Misuse, match=r"cases = 10: expected more than \d+, which .*results.jsonl.journal holds"):
        fv.sweep("DRAWS", cases=10, out=tmp_path / "journal" / "results.jsonl")
    assert (tmp_path / "journal" / "results.jsonl.journal").read_bytes() == journal


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    ("other", "text"),
    [
        ({"seed": 1}, "has seed 0, not 1"),
        ({"digits": 30}, "has digits 50, not 30"),
        ({"claim": "X"}, "claim DRAWS, not X"),
    ],
)
def test_the_file_of_another_question_is_refused(trials, tmp_path, monkeypatch, finished, other, text):
    folder = tmp_path / "journal"
    whole_journal(trials, folder, monkeypatch)
    if finished:
        fv.sweep("DRAWS", cases=CASES, out=folder / "results.jsonl")
    before = contents(folder)
    asked = {"claim": "DRAWS", "cases": CASES, "out": folder / "results.jsonl"} | other
    trial = fv.Trial(asked.pop("claim"), "t", trials.draws, trials.again)
    with pytest.raises(fv.Misuse, match=text):
        fv.sweep(trial, **asked)
    assert contents(folder) == before


@pytest.mark.parametrize("name", ["results.jsonl", "results.jsonl.journal"])
@pytest.mark.parametrize("text", ["my notes", "my notes\n", '{"kind": "notes"}\n', "[]\n"])
def test_files_of_others_are_never_written_to(trials, tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(fv.Misuse, match="is there and holds no sweep"):
        fv.sweep("DRAWS", cases=3, out=tmp_path / "results.jsonl")
    assert contents(tmp_path) == {name: text.encode()}


@pytest.mark.parametrize(
    "harm", [lambda lines: lines[:-1], lambda lines: [*lines[:3], *lines[4:]], lambda lines: lines * 2]
)
def test_a_damaged_file_is_not_mended(unbroken, trials, tmp_path, harm):
    out = tmp_path / "results.jsonl"
    damaged = b"".join(harm(unbroken["results.jsonl"].splitlines(keepends=True)))
    out.write_bytes(damaged)
    for cases in (CASES, CASES + 1):
        with pytest.raises(fv.Misuse, match="is not as a sweep leaves it; move it away"):
            fv.sweep("DRAWS", cases=cases, out=out)
    assert out.read_bytes() == damaged
    assert not (tmp_path / "results.jsonl.journal").exists()


def test_an_empty_file_and_a_link_are_filled(unbroken, trials, tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "results.jsonl").touch()
    link = tmp_path / "link"
    link.symlink_to(folder / "results.jsonl")
    fv.sweep("DRAWS", cases=CASES, out=link)
    assert link.is_symlink()
    assert contents(folder) == unbroken


def test_examples_of_another_sweep_are_not_mixed(trials, tmp_path):
    out = tmp_path / "results.jsonl"
    fv.sweep("DRAWS", cases=CASES, out=out)
    out.unlink()
    with pytest.raises(fv.Misuse, match="a folder without examples of another question; move it away"):
        fv.sweep("DRAWS", cases=CASES, seed=1, out=out)
    assert not (tmp_path / "results.jsonl.journal").exists()
    fv.sweep("DRAWS", cases=CASES, out=out)


def test_two_sweeps_on_one_file(trials, tmp_path):
    out = tmp_path / "results.jsonl"

    def nested(case, seed, digits):
        if case == 1:
            with pytest.raises(fv.Misuse, match="a file that no other sweep is writing"):
                fv.sweep("DRAWS", cases=3, out=out)
            found = run("sweep", "DRAWS", "--cases", 3, "--out", out)
            assert (found.returncode, "no other sweep" in found.stderr) == (2, True)
        return trials.draws(case, seed, digits)

    found = fv.sweep(fv.Trial("DRAWS", "t", nested, trials.again), cases=3, out=out)
    assert [record.get("error") for record in found.records] == [None] * 3


def test_a_journal_that_goes_while_it_is_locked(unbroken, trials, tmp_path, monkeypatch):
    folder = tmp_path / "gone"
    folder.mkdir()
    out, locked, moments = folder / "results.jsonl", journals.locked, iter([1])

    def late(descriptor):
        if next(moments, 0):  # the sweep that had the lock ends: its file stands, its journal goes
            (folder / "results.jsonl.journal").unlink()
            out.write_bytes(unbroken["results.jsonl"])
            for name in unbroken:
                (folder / name).parent.mkdir(exist_ok=True)
                (folder / name).write_bytes(unbroken[name])
        return locked(descriptor)

    monkeypatch.setattr(journals, "locked", late)
    calls: list[int] = []
    fv.sweep(counting(trials, calls), cases=CASES, out=out)
    assert (calls, contents(folder)) == ([], unbroken)


@pytest.mark.skipif(sys.platform == "win32", reason="no locks")
def test_file_systems_without_locks(unbroken, trials, tmp_path, monkeypatch):
    def none(descriptor, kind):
        raise OSError("no locks available")

    monkeypatch.setattr(line_files.fcntl, "flock", none)
    (tmp_path / "free").mkdir()
    fv.sweep("DRAWS", cases=CASES, out=tmp_path / "free" / "results.jsonl")
    assert contents(tmp_path / "free") == unbroken


def test_places_that_cannot_be_written(trials, tmp_path):
    (tmp_path / "results.jsonl.journal").mkdir()
    with pytest.raises(fv.Misuse, match="a place that can be written"):
        fv.sweep("DRAWS", cases=3, out=tmp_path / "results.jsonl")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are forked")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of forks beside threads
def test_a_forked_process_does_not_keep_the_lock(trials, tmp_path):
    out = tmp_path / "results.jsonl"
    context = multiprocessing.get_context("fork")
    left = []

    def forks(case, seed, digits):
        left.append(context.Process(target=time.sleep, args=(60,)))
        left[0].start()
        raise KeyboardInterrupt

    fv.sweep(fv.Trial("DRAWS", "t", forks, trials.again), cases=3, out=out)
    time.sleep(0.5)  # until it runs
    assert left[0].is_alive()
    assert fv.sweep("DRAWS", cases=3, out=out).counts["missing"] == 0
    left[0].kill()
    left[0].join()


# Failing cases, once more


def test_a_failing_case_is_replayed(unbroken, trials, tmp_path, monkeypatch):
    folder = tmp_path / "unbroken" / "results.jsonl.failures"
    path = min(folder.iterdir())
    found = fv.replay(path)
    assert found.holds is False
    assert str(found).splitlines()[1] == f"  case {found.case} again: does not hold (evidence, not a proof)"
    assert found.before == {"digits": 50, **found.record}
    monkeypatch.setitem(
        TRIALS, "DRAWS", fv.Trial("DRAWS", "t", trials.draws, lambda example: trials.again({"number": 7}))
    )
    mended = fv.replay(json.loads(path.read_text(encoding="utf-8")))
    assert mended.holds is True
    assert "drift: 7e-60 (it was 0e-60)" in str(mended)
    assert mended.to_dict()["record"]["case"] == found.case
    monkeypatch.setitem(TRIALS, "DRAWS", fv.Trial("DRAWS", "t", trials.draws, lambda example: example["absent"]))
    assert fv.replay(path).holds is None
    assert "error: KeyError" in str(fv.replay(path))


def test_what_cannot_be_replayed(trials, tmp_path):
    path = tmp_path / "case-000001.json"
    for text in ("", "[1]", "{}", '{"claim": "DRAWS", "example": {}}'):
        path.write_text(text)
        with pytest.raises(fv.Misuse, match=r"a case-….json of a sweep"):
            fv.replay(path)
    with pytest.raises(fv.Misuse, match="a file that can be read"):
        fv.replay(tmp_path / "absent.json")
    with pytest.raises(fv.UnknownName, match="no claim with a trial is called 'X'"):
        fv.replay({"claim": "X", "example": {}, "case": 0})


# Misuse, and the command line


@pytest.mark.parametrize(
    ("argument", "value"),
    [("cases", 0), ("cases", 10**9), ("cases", True), ("digits", 14), ("digits", 50.0), ("seed", -1), ("jobs", 0)],
)
def test_numbers_out_of_range(trials, argument, value):
    with pytest.raises(fv.Misuse, match=f"{argument} = {value}: expected a whole number from"):
        fv.sweep("DRAWS", **{"cases": 3, argument: value})


def test_claims_without_a_trial(trials):
    with pytest.raises(fv.UnknownName, match="did you mean 'DRAWS'") as unknown:
        trial_named("DRAW")
    assert "DRAWS" in unknown.value.__notes__[0]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["DRAWS", "--cases", "2", "--seed", "3"], 0, "2 cases, 50 digits, seed 3: 2 hold (evidence, not a proof)"),
        (["DRAWS", "--cases", "60", "--jobs", "1"], 1, '"example": {\n    "number": 0\n  }'),
        (["DRAWS", "--cases", "60", "--jobs", "1", "--json"], 1, '"holds": false'),
        (["DRAW"], 2, "claims with a trial: "),
        (["DRAWS", "--cases", "0"], 2, "cases = 0: expected a whole number from 1"),
        (["DRAWS", "--cases", "x"], 2, "'x' is not a valid integer"),
        (["DRAWS", "--digits", "3"], 2, "digits = 3"),
        (["DRAWS", "--seed", "-1"], 2, "seed = -1"),
        (["DRAWS", "--jobs", "0"], 2, "jobs = 0"),
        (["DRAWS", "--out", "/no/such/folder/x.jsonl"], 2, "a file in a folder that exists"),
        (["DRAWS", "--out", "/"], 2, "a file, not a folder"),
        (["DRAWS", "--out", "/dev/null"], 2, "expected a file"),
    ],
)
def test_words(words, code, text):
    found = run("sweep", *words)
    assert found.returncode == code, found.stdout + found.stderr
    assert text in found.stdout + found.stderr
    if "--json" in words:
        record = json.loads(found.stdout)
        assert (record["kind"], record["example"]["case"]) == ("evidence", record["failures"][0])


def test_undecided_cases_and_replays_on_the_command_line(tmp_path):
    words = ("sweep", "DRAWS", "--jobs", 1, "--out", tmp_path / "results.jsonl")
    found = run(*words, "--cases", CASES)
    assert found.returncode == 1
    path = found.stdout.split("faverify replay ")[1].strip()
    again = run("replay", path)
    assert (again.returncode, "does not hold" in again.stdout) == (1, True)
    assert json.loads(run("replay", path, "--json").stdout)["holds"] is False
    assert run(*words, "--cases", CASES).stdout == found.stdout
    example = json.loads(Path(path).read_text(encoding="utf-8"))
    for number, code in ((5, 0), (1, 3)):
        Path(path).write_text(json.dumps(example | {"example": {"number": number}}), encoding="utf-8")
        assert run("replay", path).returncode == code
    assert run("replay", tmp_path / "absent").returncode == 2


def test_a_bar_is_for_terminals_only(tmp_path):
    quiet = run("sweep", "DRAWS", "--cases", 3, "--jobs", 1)
    forced = run("sweep", "DRAWS", "--cases", 3, "--jobs", 1, FORCE_COLOR="1", TERM="xterm")
    assert quiet.stderr == forced.stderr == ""
    pty = pytest.importorskip("pty", reason="no terminals of this kind on this system")
    parent, child = pty.openpty()
    words = [*COMMAND, "sweep", "DRAWS", "--cases", "3", "--jobs", "1"]
    seen: list[bytes] = []

    def look():
        with suppress(OSError):  # which Linux raises where the other end is closed
            while part := os.read(parent, 65536):
                seen.append(part)

    eyes = threading.Thread(target=look)
    eyes.start()
    shown = subprocess.run(words, stdout=subprocess.PIPE, stderr=child, check=False, env=environment(TERM="xterm"))
    answer = shown.stdout.decode()
    os.close(child)
    eyes.join(60)
    os.close(parent)
    assert "3/3" in b"".join(seen).decode()
    assert quiet.stdout == forced.stdout == answer


@pytest.mark.parametrize(("violated", "holds"), [([True, False], True), ([False, False], None), ([None, True], True)])
def test_a_control_that_never_fails_leaves_it_open(violated, holds):
    from faverify.experiments.sweeps import Tally

    tally = Tally()
    for case, seen in enumerate(violated):
        tally.add({"case": case, "status": "ok", "holds": True, "control": {"violated": seen}})
    told = tally.told(2)
    found = fv.Sweep("X", "x", 20, 0, 2, out=None, lines=lambda: iter(()), **told)
    assert found.holds is holds
    assert f"was seen to fail in {violated.count(True)} of" in str(found)


def test_numpys_whole_numbers_are_written_as_pythons(tmp_path, trials):
    own = fv.sweep("DRAWS", cases=3, seed=1, digits=20, out=tmp_path / "own.jsonl")
    seed, digits, cases, jobs = (np.int64(value) for value in (1, 20, 3, 1))
    found = fv.sweep("DRAWS", cases=cases, seed=seed, digits=digits, jobs=jobs, out=tmp_path / "numpy.jsonl")
    assert (tmp_path / "numpy.jsonl").read_bytes() == (tmp_path / "own.jsonl").read_bytes()
    assert json.dumps(found.to_dict() | {"out": None}) == json.dumps(own.to_dict() | {"out": None})


def test_what_is_no_place_is_told():
    with pytest.raises(fv.Misuse, match="out = 5: expected the name of a file"):
        fv.sweep("RK-T1", cases=1, out=5)
    with pytest.raises(fv.Misuse, match="the example = 5: expected a case"):
        fv.replay(5)
