"""The rooms of the house: imports point one way, the kernel is small, and only the kernel constructs Proved."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import faverify

PACKAGE = Path(faverify.__file__).parent
ROOMS = [
    "errors",
    "presenting",
    "kernel",
    "model",
    "proving",
    "discovery",
    "flows",
    "experiments",
    "judging",
    "collecting",
    "writing",
    "claims",
    "strategies",
    "pytest_plugin",
    "scaffold",
    "cli",
]
# They call the writers, since printing is not believed; potentials for a text that is checked to stand for its word.
PRINTING = {"presenting.py", "kernel/arguments.py", "proving/witnesses.py", "proving/potentials.py"}


def imports(path: Path):
    """The rooms that a file imports, imports inside functions included."""
    package = ["faverify", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            parts = [*package[: len(package) - node.level + 1], *(node.module or "").split(".")]
            names = [parts[1]] if len(parts) > 1 and parts[1] else [alias.name for alias in node.names]
            yield from names
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("faverify."):
            yield (node.module or "").split(".")[1]


def test_imports_point_one_way():
    wrong = []
    for path in PACKAGE.rglob("*.py"):
        place = path.relative_to(PACKAGE)
        room = place.parts[0].removesuffix(".py")
        if room not in ROOMS:
            continue
        for other in imports(path):
            allowed = other == "writing" and str(place) in PRINTING
            if other in ROOMS and ROOMS.index(other) > ROOMS.index(room) and not allowed:
                wrong.append(f"{place} imports {other}")
    assert wrong == []


def test_every_file_has_a_room():
    found = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")}
    assert found - {"__init__"} <= set(ROOMS)


def test_only_the_kernel_constructs_proved():
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == "Proved":
                found.append(path.relative_to(PACKAGE).parts[0])
    assert set(found) == {"kernel"}


def test_the_kernel_is_small():
    sizes = {
        path.stem: len(path.read_text(encoding="utf-8").splitlines()) for path in (PACKAGE / "kernel").glob("*.py")
    }
    chains = ("words", "carriers", "verdicts", "states", "questions", "cuts", "passes", "layers")
    readme = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    stated = re.search(r"at most ([\d,]+) lines for a chain and ([\d,]+) for everything", readme)
    assert stated, "README.md says how many lines are believed"
    chain, everything = (int(number.replace(",", "")) for number in stated.groups())
    assert sum(sizes[name] for name in chains) <= chain <= 2000  # what a proof about chains rests on
    assert sum(sizes.values()) <= everything  # and any network, random directions, arguments, ranks


def test_rechecking_shares_nothing_with_the_prover():
    names = set()
    for file in ("rechecking.py", "grids.py", "retracing.py", "tapes.py", "piles.py"):
        for node in ast.walk(ast.parse((PACKAGE / "proving" / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                names |= {(node.module, alias.name) for alias in node.names}
    kernel = {pair for pair in names if "kernel" in (pair[0] or "")}
    assert kernel == {("kernel.words", "letter_name")}  # the name of a letter in a constant
    others = {"errors", "grids", "piles", "retracing", "tapes", "witnesses", "kernel.words", "model", "model.names"}
    assert {module for module, _ in names} == others


def test_a_proof_loads_no_heavy_library():
    code = (
        "import sys, faverify as fv; v = fv.check(fv.laws.feedback_balance, fv.rules.FeedbackAlignment());"
        "v.derivation.text(), v.derivation.latex();"
        "assert not {'numpy', 'sympy', 'flint', 'rich', 'click'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_loads():
    for name in faverify.__all__:
        assert getattr(faverify, name) is not None
