"""The pages of docs/: every claim and every public name is there, links lead somewhere, examples run, and it builds.

Examples with prompts are doctests of their own (`pytest docs`); here is what else must hold, with or without Sphinx.
"""

from __future__ import annotations

import ast
import html
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import pytest

import faverify as fv
from faverify.claims import REGISTRY
from faverify.cli import main

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def read(path):
    return path.read_text(encoding="utf-8")


def proofs():
    """Every function of proofs/, by file.function, with the id of its claim or None."""
    found = {}
    for path in (ROOT / "proofs").glob("*.py"):
        for node in ast.parse(read(path)).body:
            if isinstance(node, ast.FunctionDef):
                ids = [d.args[0].value for d in node.decorator_list if isinstance(d, ast.Call) and d.args]
                found[f"{path.stem}.{node.name}"] = next((i for i in ids if i in REGISTRY), None)
    return found


def linked(text):
    """The functions of proofs/ that a text links to."""
    return set(re.findall(r"\]\(#proofs\.([\w.]+)\)", text))


def test_every_claim_is_explained_and_linked_to_all_that_settles_it():
    rows = [line for path in (DOCS / "theory").glob("*.md") for line in read(path).splitlines()]
    settling = proofs()
    for name, claim in REGISTRY.items():
        (row,) = [line for line in rows if line.startswith(f"| **{name}** |")]
        assert row.split("|")[2].strip() == claim.status, name
        assert linked(row), name
        assert {place for place, tied in settling.items() if tied == name} <= linked(row), name


def test_a_row_links_to_no_function_of_another_claim():
    settling = proofs()
    for path in (DOCS / "theory").glob("*.md"):
        for row in re.findall(r"^\| \*\*(\S+)\*\* \|(.*)$", read(path), re.MULTILINE):
            assert {settling[place] for place in linked(row[1])} <= {row[0], None}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_links_lead_somewhere(path):
    text = re.sub(r"^```.*?^```$", "", read(path), flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"`[^`\n]*`", "", text)  # what is quoted as code is no link
    assert linked(text) <= set(proofs())
    for target in re.findall(r"\]\(([^)#\s]+)\)", text):
        assert (path.parent / target).is_file(), target
    for target in re.findall(r"\]\(#faverify\.(\w+)\)", text):
        assert target in fv.__all__


def test_every_public_name_is_in_the_reference():
    text = "\n".join(read(path) for path in (DOCS / "reference").glob("*.md"))
    told = re.findall(r"^\.\. auto(?:function|class|exception):: (\w+)$", text, re.MULTILINE)
    assert sorted(told) == sorted(set(told))
    rooms = {name for name in fv.__all__ if type(getattr(fv, name)).__name__ == "module"}
    assert set(told) == set(fv.__all__) - rooms
    for name in rooms:
        assert f"`fv.{name}`" in text, name


def test_every_file_of_proofs_is_in_the_reference():
    text = read(DOCS / "reference" / "proofs.md")
    assert set(re.findall(r"automodule:: proofs\.(\w+)", text)) == {
        path.stem for path in (ROOT / "proofs").glob("*.py")
    }


def test_every_command_is_in_the_reference():
    text = read(DOCS / "reference" / "command-line.md")
    assert set(re.findall(r"^\| `faverify (\w+)", text, re.MULTILINE)) == set(main.commands)


def test_the_trust_page_names_the_whole_kernel_and_the_bounds_of_the_readme():
    text = read(DOCS / "trust.md")
    files = {path.stem for path in (ROOT / "faverify" / "kernel").glob("*.py")} - {"__init__"}
    assert files <= set(re.findall(r"`(\w+)`", text))
    bounds = re.search(r"at most ([\d,]+) lines for a chain and ([\d,]+) for everything", read(ROOT / "README.md"))
    assert [number.replace(",", "") for number in bounds.groups()] == re.findall(r"<= (\d{4})", text)


def test_the_picture_of_a_derivation_is_not_cut():
    svg = read(DOCS / "images" / "derivation.svg")
    height = re.search(r'viewBox="0 0 \d+ (\d+)"', svg)
    assert max(float(y) for y in re.findall(r' y="([\d.]+)"', svg)) + 5 < float(height[1])


def leading_nowhere(site):
    """The links and anchors of a built site that are not there, and those that leave it."""
    pages = {path: html.unescape(read(path)) for path in site.rglob("*.html")}
    anchors = {path: set(re.findall(r'id="([^"]+)"', text)) for path, text in pages.items()}
    for path, text in pages.items():
        for link in re.findall(r'(?:href|src)="([^"]+)"', text):
            file, _, anchor = unquote(link).partition("#")
            target = Path(os.path.normpath(path.parent / file.split("?")[0])) if file else path
            if not target.exists() or (anchor and anchor not in anchors[target]):
                yield f"{path.relative_to(site)}: {link}"


SCRIPTS = [(path, text) for path in PAGES for text in BLOCK.findall(read(path)) if ">>>" not in text]


@pytest.mark.parametrize(("path", "text"), SCRIPTS, ids=lambda found: getattr(found, "stem", ""))
def test_examples_without_prompts_run(path, text, tmp_path):
    for name in re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"{name} is not installed")
    (tmp_path / "example.py").write_text(text, encoding="utf-8")
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "example.py"]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert found.returncode == 0, found.stdout + found.stderr


def test_the_pages_build_without_a_warning_and_need_no_network(tmp_path):
    pytest.importorskip("sphinx", reason="Sphinx is not installed: pip install 'faverify[docs]'")
    pytest.importorskip("myst_parser", reason="MyST is not installed: pip install 'faverify[docs]'")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-d",
        tmp_path / "trees",
        DOCS,
        tmp_path / "html",
    ]
    found = subprocess.run([str(word) for word in command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    loading = re.compile(
        r"""<(?:script|link|img|iframe)\b[^>]*(?:src|href)=["'](?:https?:)?//|url\(["']?(?:https?:)?//|@import"""
    )
    for path in (tmp_path / "html").rglob("*"):
        if path.suffix in (".html", ".css"):
            assert not loading.search(read(path)), path
    assert list(leading_nowhere(tmp_path / "html")) == []
    theory = read(tmp_path / "html" / "theory" / "conservation.html")
    assert 'href="../reference/proofs.html#proofs.rk_theorem_1.theorem_feedback_balance"' in theory
    assert "words.py" in read(tmp_path / "html" / "trust.html")
    for page, listed in (("rules", fv.rules.LIBRARY), ("networks", fv.networks.LIBRARY)):
        names = re.findall(
            r'class="sig-name descname"><span class="pre">(\w+)<', read(tmp_path / f"html/reference/{page}.html")
        )
        assert {found.__name__ for found in listed.values()} <= set(names)
    assert all(
        f'<span class="pre">{name}</span>' in read(tmp_path / "html/reference/laws.html") for name in fv.laws.LIBRARY
    )
