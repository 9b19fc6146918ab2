"""How fast the total law of a network beyond the chain is settled, and what words cost the chain since there are more.

`python benchmarks/networks.py [--quick]` prints the table and writes benchmarks/networks.json. Networks are timed in
turn, in one process, each beside the one that it is compared with; a ratio is the median of those of the rounds, with
the least and the greatest. Seconds of a machine say little, so that the chain is compared by counts: of the operations
on words that one check makes in a process of its own, with this package and with the last one that knew chains only.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import io
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from pathlib import Path

import faverify as fv

ROOT = Path(__file__).parents[1]
CHAINS = "b39a1f229d678f37ab52d754ac7d5e5aca8176e4"  # the last commit that knew chains only
METHODS = (
    "__init__", "__add__", "__neg__", "__mul__", "__matmul__", "__truediv__", "mT", "_scaled", "_mapped", "normal"
)  # fmt: skip
FUNCTIONS = ("_beside", "_quotient", "_collect", "_canonical")
CHECKS = {"(3, 4, 3, 1)": (3, 4, 3, 1), "all widths and depths": None}


def counted(widths: tuple[int, ...] | None) -> dict[str, int]:
    """The operations on words of one check of Theorem 1, and on their graphs: glued, joined, brought to normal form."""
    from faverify.kernel import words

    found: Counter[str] = Counter()

    def counting(name, method):
        if isinstance(method, property):
            return property(counting(name, method.fget))

        def called(*arguments, **named):
            found[name] += 1
            return method(*arguments, **named)

        return called

    places = [(words.Word, name) for name in METHODS] + [(words, name) for name in FUNCTIONS]
    kept = [(place, name, vars(place)[name]) for place, name in places]
    try:
        for place, name, method in kept:
            setattr(place, name, counting(name, method))
        law, rule = fv.laws.feedback_balance, fv.rules.FeedbackAlignment()
        verdict = fv.check(law, rule, fv.MLP(widths)) if widths else fv.check(law, rule)
        assert verdict.kind == "proved"
    finally:
        for place, name, method in kept:
            setattr(place, name, method)
    return {name: found[name] for _, name in places}


def repeated(widths: tuple[int, ...] | None) -> dict[str, float]:
    """Seconds of one check of Theorem 1 in a warm process, at best and in the median."""
    law, rule = fv.laws.feedback_balance, fv.rules.FeedbackAlignment()
    times = []
    for _ in range(200):
        start = time.perf_counter()
        fv.check(law, rule, fv.MLP(widths)) if widths else fv.check(law, rule)
        times.append(time.perf_counter() - start)
    return {"least": min(times), "median": statistics.median(times)}


def elsewhere(package: Path, option: str, name: str) -> dict[str, float]:
    """What this file answers in a new process, since letters are kept, with the package in a folder."""
    environment = os.environ | {"PYTHONPATH": str(package), "PYTHONHASHSEED": "0"}
    code = [sys.executable, __file__, option, name]
    answer = json.loads(subprocess.run(code, check=True, capture_output=True, text=True, env=environment).stdout)
    if Path(answer.pop("package")).resolve() != (package / "faverify").resolve():
        raise RuntimeError(f"the process did not import faverify of {package}")
    return answer


def unpacked(commit: str, folder: str) -> Path | None:
    """The package as it was at a commit, or None where there is no such history."""
    archive = subprocess.run(["git", "archive", commit, "faverify"], cwd=ROOT, capture_output=True)
    if archive.returncode:
        return None
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return Path(folder)


def settled(net) -> float:
    """Seconds until the total law of feedback alignment is proved for a network."""
    start = time.perf_counter()
    verdict = fv.check(fv.total(fv.laws.feedback_balance), fv.rules.FeedbackAlignment(), net)
    seconds = time.perf_counter() - start
    assert verdict.kind == "proved", verdict
    return seconds


def in_turn(nets: dict[str, object], rounds: int) -> dict[str, list[float]]:
    """Seconds of each network, one after another in every round."""
    found: dict[str, list[float]] = {name: [] for name in nets}
    for _ in range(rounds):
        for name, net in nets.items():
            found[name].append(settled(net))
    return found


def ratios(above: list[float], below: list[float]) -> list[float]:
    return [a / b for a, b in zip(above, below, strict=True)]


def against_chains(report, name: str, chains: Path | None, rounds: int) -> None:
    """One check of Theorem 1: its operations, and its seconds in turn, now and when there were chains only."""
    now, before = elsewhere(ROOT, "--count", name), elsewhere(chains, "--count", name) if chains else {}
    for label, keys in {**{key: [key] for key in now}, "all operations": [*now]}.items():
        value = [sum(found[key] for key in keys) if found else None for found in (now, before)]
        text = f"{value[0]}, chains only {value[1]}" if before else f"{value[0]}, no history here"
        report(f"words, MLP, {name}: {label}", value, text, "≤ chains only" if len(keys) > 1 else "")
    if not chains:
        return
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(elsewhere(ROOT, "--time", name)["median"])
        theirs.append(elsewhere(chains, "--time", name)["median"])
    for label, times in {"now": ours, "chains only": theirs}.items():
        report(f"MLP, {name}, {label}, seconds", statistics.median(times), _spread(times, 1e3, " ms"))
    found = ratios(ours, theirs)
    value = [statistics.median(found), min(found), max(found)]
    report(f"ratio: MLP, {name}, now / chains only", value, _spread(found, 1, " ×"), "≈ 1")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="small sizes only, for a smoke test")
    parser.add_argument("--count", choices=CHECKS, help="print the operations of one check and stop")
    parser.add_argument("--time", choices=CHECKS, help="print the seconds of one check and stop")
    options = parser.parse_args()
    quick = options.quick
    if options.count or options.time:
        found = counted(CHECKS[options.count]) if options.count else repeated(CHECKS[options.time])
        print(json.dumps({"package": str(Path(fv.__file__).parent), **found}))
        return
    record: dict[str, object] = {}

    def report(name: str, value: object, text: str, target: str = "") -> None:
        record[name] = value
        print(f"{name:<66} {text:<34} {target}", flush=True)

    many, rounds = (10, 3) if quick else (100, 9)
    kinds = {"Residual": fv.networks.Residual, "OneMatrixResidual": fv.networks.OneMatrixResidual}
    for name, kind in kinds.items():
        nets = {"1 block": kind(1), f"{many} blocks": kind(many), "any number of blocks": kind()}
        in_turn(nets, 1)  # imports, and letters that are made once
        times = in_turn(nets, rounds)
        for which, found in times.items():
            report(f"{name}, {which}, seconds", statistics.median(found), _spread(found, 1e3, " ms"))
        one, all_, any_ = times.values()
        for label, found in {
            f"{many} blocks / 1 block": ratios(all_, one),
            "any number / 1 block": ratios(any_, one),
            f"{many} blocks / any number": ratios(all_, any_),
        }.items():
            report(
                f"ratio: {name}, {label}", [statistics.median(found), min(found), max(found)], _spread(found, 1, " ×")
            )

    steps = 8 if quick else 64
    nets = {f"{steps} steps": fv.networks.Recurrent(steps - 1), "any number of steps": fv.networks.Recurrent()}
    in_turn(nets, 1)
    times = in_turn(nets, 3 if quick else 7)
    for which, found in times.items():
        target = "≤ 3 s" if which == "64 steps" else ""
        report(f"Recurrent, {which}, seconds", statistics.median(found), _spread(found, 1e3, " ms"), target)
    found = ratios(*times.values())
    label = f"ratio: Recurrent, {steps} steps / any number"
    report(label, [statistics.median(found), min(found), max(found)], _spread(found, 1, " ×"))

    growth: dict[str, dict[int, float]] = {}
    sizes = (1, 3, 10) if quick else (1, 3, 10, 30, 100)
    for name, kind in kinds.items():
        times = in_turn({str(blocks): kind(blocks) for blocks in sizes}, 3 if quick else 5)
        growth[name] = {blocks: statistics.median(times[str(blocks)]) for blocks in sizes}
        for blocks in sizes:
            report(
                f"growth: {name}, blocks = {blocks}, seconds",
                growth[name][blocks],
                _spread(times[str(blocks)], 1e3, " ms"),
            )
        few, most = sizes[-2:]
        order = math.log(growth[name][most] / growth[name][few]) / math.log(most / few)
        report(f"growth: {name}, order from {few} to {most} blocks", order, f"blocks^{order:.2f}")

    with tempfile.TemporaryDirectory() as folder:
        chains = unpacked(CHAINS, folder)
        for name in CHECKS:
            against_chains(report, name, chains, 3 if quick else 9)

    if not quick:
        versions = {"python-flint": importlib.metadata.version("python-flint"), "python": platform.python_version()}
        record["versions"] = versions
        Path(__file__).with_suffix(".json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def _spread(values: list[float], unit: float, name: str) -> str:
    median, least, most = (f"{unit * value:.3g}" for value in (statistics.median(values), min(values), max(values)))
    return f"{median}{name} ({least}–{most})"


if __name__ == "__main__":
    main()
