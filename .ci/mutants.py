"""Mutation testing of the kernel: which changes of a line does no test notice?

    pip install -e '.[test]' 'mutmut==3.8.1'
    python .ci/mutants.py ranks words --jobs 2       # modules of faverify/kernel; all of them if none is named

mutmut writes the mutants, build/mutants/; here each runs in a fork of one pytest process that has collected the tests,
against the tests that reach its function, the fastest first. Results go to build/mutants.jsonl as they come, and a run
that was stopped goes on; "timeout" is what no test noticed within the time, a survivor in all likelihood. At the end
the survivors are printed as differences. Tests that name the file of a caller are left out: a mutant is called by way
of mutmut.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

PLACE = Path("build/mutants")
TESTS = [
    "tests/kernel",
    "tests/proving",
    "tests/networks",
    "tests/test_attacks.py",
    "tests/test_attacks_on_verdicts.py",
]
LEFT_OUT = [
    "tests/networks/test_random_graphs.py", "tests/proving/test_finite_fields.py",  # a minute each
    "tests/kernel/test_cuts.py::test_a_rule_that_peeks_is_refuted_never_proved",  # names the file of a caller
    "tests/kernel/test_cuts.py::test_only_at_hidden_width_two",  # ten seconds
    "tests/networks/test_bad_networks.py::test_signals_are_linear_where_a_skip_leaves",  # names the file of a caller
]  # fmt: skip
SECONDS = 25  # of a processor, for one mutant


def generate() -> None:
    """Copies of the kernel in which every function calls one of its mutants."""
    PLACE.mkdir(parents=True)
    for name in ("tests", "proofs", "README.md", "docs", "examples", "benchmarks"):
        (PLACE / name).symlink_to(Path(name).resolve())
    shutil.copytree("faverify", PLACE / "faverify")
    shutil.copy("pyproject.toml", PLACE)
    settings = '\n[tool.mutmut]\nsource_paths = ["faverify"]\nonly_mutate = ["faverify/kernel/*.py"]\n'
    messages = (
        r"""do_not_mutate_patterns = ['^\s*raise ', '^\s*(remedy|what|found|why|expected) = f?"', '^\s*return f?"']"""
    )
    with open(PLACE / "pyproject.toml", "a", encoding="utf-8") as file:
        file.write(settings + messages + "\n")
    code = "from mutmut.__main__ import *; os.makedirs('mutants'); copy_src_dir(); setup_source_paths();"
    code += "store_lines_covered_by_tests(); create_mutants(os.cpu_count() or 1)"
    subprocess.run([sys.executable, "-c", code], cwd=PLACE, check=True)
    shutil.rmtree(PLACE / "faverify")
    (PLACE / "mutants/faverify").rename(PLACE / "faverify")


# The plugin, inside of pytest


def pytest_runtestloop(session: Any) -> bool | None:
    """In place of one run, a run for each mutant, or the run that finds which test reaches which function."""
    if "MUTANTS" not in os.environ:
        return None
    from mutmut.mutation.trampoline import set_mutant_under_test
    from mutmut.state import state

    asked, reached, items = json.loads(os.environ["MUTANTS"]), Path("reached.json"), session.items
    if asked["part"] is None:
        set_mutant_under_test("stats")
        found, times = defaultdict(list), []
        for number, item in enumerate(items):
            state()._stats.clear()
            start = time.perf_counter()
            if not passes(item):
                raise SystemExit(f"{item.nodeid} fails without a mutant")
            times.append(time.perf_counter() - start)
            for function in state()._stats:
                found[function].append(number)
        reached.write_text(json.dumps({"found": found, "times": times}), encoding="utf-8")
        return True
    known = json.loads(reached.read_text(encoding="utf-8"))
    out = Path(asked["out"])
    for mutant in asked["mutants"][asked["part"] :: asked["jobs"]]:
        function = mutant.rpartition("__mutmut_")[0]
        tests = sorted(known["found"].get(function, []), key=known["times"].__getitem__)
        status = fate(mutant, [items[k] for k in tests], set_mutant_under_test) if tests else "no tests"
        with open(out, "a", encoding="utf-8") as file:  # a line is short enough to be written at once
            file.write(json.dumps({"mutant": mutant, "status": status}) + "\n")
    return True


def fate(mutant: str, items: list[Any], use: Any) -> str:
    """killed, survived or timeout."""
    start, child = time.monotonic(), os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
        sink = os.open(os.devnull, os.O_WRONLY)
        os.dup2(sink, 1), os.dup2(sink, 2)
        use(mutant)
        try:
            os._exit(0 if all(map(passes, items)) else 1)
        except BaseException:
            os._exit(1)
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return {0: "survived", 1: "killed"}.get(os.waitstatus_to_exitcode(status), "timeout")
        if time.monotonic() - start > 5 * SECONDS:
            os.kill(child, 9)
        time.sleep(0.01)


def passes(item: Any) -> bool:
    from _pytest.runner import runtestprotocol

    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


# What survived


def difference(mutant: str) -> str:
    """What a mutant changes."""
    module, function = mutant.split(".", 2)[2].split(".", 1)
    tree = ast.parse((PLACE / f"faverify/kernel/{module}.py").read_text(encoding="utf-8"))
    code = {
        node.name: ast.unparse(node).splitlines()[1:] for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)
    }
    base = function.rpartition("__mutmut_")[0]
    lines = difflib.unified_diff(code.get(f"{base}__mutmut_orig", []), code.get(function, []), lineterm="", n=0)
    return "\n".join([mutant, *(f"  {line}" for line in lines if line[:2] not in ("--", "++", "@@"))])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=sorted(p.stem for p in Path("faverify/kernel").glob("[a-z]*.py")))
    parser.add_argument("--jobs", type=int, default=1)
    asked = parser.parse_args()
    if not PLACE.exists():
        generate()
    out = Path("build/mutants.jsonl").resolve()
    done = {json.loads(line)["mutant"] for line in out.read_text().splitlines()} if out.exists() else set()
    mutants = []
    for module in asked.modules:
        meta = PLACE / f"faverify/kernel/{module}.py.meta"
        mutants += json.loads(meta.read_text(encoding="utf-8"))["exit_code_by_key"] if meta.exists() else []
    words = [sys.executable, "-m", "pytest", "-q", "-p", "mutants", "-p", "no:cacheprovider", *TESTS]
    words += [f"--ignore={name}" if name.endswith(".py") else f"--deselect={name}" for name in LEFT_OUT]
    paths = os.pathsep.join([str(PLACE.resolve()), str(Path(__file__).parent.resolve())])
    todo = {"mutants": [name for name in mutants if name not in done], "jobs": asked.jobs, "out": str(out)}

    def started(part: int | None) -> subprocess.Popen[bytes]:
        told = {**os.environ, "PYTHONPATH": paths, "MUTANTS": json.dumps(todo | {"part": part})}
        return subprocess.Popen(words, cwd=PLACE, env=told)

    if not (PLACE / "reached.json").exists() and started(None).wait():
        sys.exit("the tests do not pass as they are")
    for process in [started(part) for part in range(asked.jobs)]:
        process.wait()
    fates = {row["mutant"]: row["status"] for row in map(json.loads, out.read_text(encoding="utf-8").splitlines())}
    chosen = {name: fates[name] for name in mutants if name in fates}
    print(*(f"[{fates[n]}] {difference(n)}" for n, status in chosen.items() if status != "killed"), sep="\n")
    counts = {status: list(chosen.values()).count(status) for status in ("killed", "survived", "timeout", "no tests")}
    print(f"{len(chosen)} mutants: {counts}")


if __name__ == "__main__":
    main()
