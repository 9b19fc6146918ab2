"""What a release says of itself: one version, files that name what exists, and errors for what is not installed."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import faverify as fv

ROOT = Path(__file__).parents[1]
# The keys of CFF 1.2.0; the first four must be there.
REQUIRED = {"cff-version", "message", "title", "authors"}
ALLOWED = REQUIRED | {"abstract", "commit", "contact", "date-released", "doi", "identifiers", "keywords", "license"}
ALLOWED |= {"license-url", "preferred-citation", "references", "repository", "repository-artifact", "repository-code"}
ALLOWED |= {"type", "url", "version"}


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_version_stands_in_one_place():
    project = tomllib.loads(text("pyproject.toml"))
    assert project["project"]["dynamic"] == ["version"]
    assert "version" not in project["project"]
    assert project["tool"]["hatch"]["version"]["path"] == "faverify/__init__.py"
    assert re.search(r"^version: (.+)$", text("CITATION.cff"), re.MULTILINE)[1] == fv.__version__
    assert re.search(r"^## (\S+)", text("CHANGELOG.md"), re.MULTILINE)[1] == fv.__version__


def test_the_citation_has_the_keys_of_its_schema():
    keys = re.findall(r"^([a-z-]+):", text("CITATION.cff"), re.MULTILINE)
    assert len(keys) == len(set(keys))
    assert set(keys) >= REQUIRED
    assert set(keys) <= ALLOWED
    yaml = pytest.importorskip("yaml", reason="the citation is parsed where PyYAML is installed")
    found = yaml.safe_load(text("CITATION.cff"))
    assert (found["cff-version"], found["type"], found["license"]) == ("1.2.0", "software", "BSD-3-Clause")
    assert all(set(author) <= {"name", "family-names", "given-names"} for author in found["authors"])
    for reference in found["references"]:
        assert {"type", "title", "authors"} <= set(reference)
        assert all({"type", "value"} <= set(each) for each in reference["identifiers"])


def test_contributing_is_a_page_that_names_what_exists():
    page = text("CONTRIBUTING.md")
    assert len(page.splitlines()) <= 60
    named = set(re.findall(r"`((?:faverify|tests|proofs|examples)/[\w/]*(?:\.\w+)?)`", page))
    assert len(named) > 15
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_classifiers_are_the_interpreters_that_the_changelog_names():
    project = tomllib.loads(text("pyproject.toml"))["project"]
    named = [c.rpartition(" ")[2] for c in project["classifiers"] if re.search(r":: 3\.\d+$", c)]
    assert f"Python {', '.join(named[:-1])} and {named[-1]}" in text("CHANGELOG.md")
    assert project["requires-python"] == f">={named[0]}"


def test_strategies_say_what_they_need():
    code = "import sys; sys.modules['hypothesis'] = None; import faverify; import faverify.strategies"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert found.stderr.strip().endswith("faverify.strategies needs hypothesis: pip install hypothesis")


@pytest.mark.skipif(not (ROOT / ".ci" / "lowest.py").exists(), reason="no .ci here")
def test_the_lowest_versions_are_exact():
    words = [sys.executable, ROOT / ".ci" / "lowest.py", ROOT / "pyproject.toml"]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert {"numpy==2.0", "sympy==1.13", "python-flint==0.7", "pytest==8.0"} <= set(lines)
    assert all(re.fullmatch(r"[a-z0-9-]+==[\d.]+", line) for line in lines)
