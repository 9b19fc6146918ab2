"""The wheel and the sdist, each in an empty environment: a `proofs/` folder made there, and the sdist's own, run."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*words, cwd=None):
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")}
    wide = clean | {"COLUMNS": "240", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, cwd=cwd, env=wide, check=False)


def pip(python, *words):
    found = run(python, "-m", "pip", "-q", *words)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.fixture(scope="module", autouse=True)
def index(tmp_path_factory):
    """Only here may it be skipped: where pip gets neither the build tool nor pytest, there is no index."""
    place = tmp_path_factory.mktemp("probe")
    probe = run(sys.executable, "-m", "pip", "-q", "download", "--no-deps", "-d", place, "hatchling", "pytest")
    if probe.returncode:
        pytest.skip(f"pip cannot fetch hatchling and pytest: {(probe.stderr.strip() or 'no reason').splitlines()[-1]}")


def test_the_sdist_in_an_empty_environment(tmp_path):
    made = run(sys.executable, "-m", "venv", tmp_path / "venv")
    assert made.returncode == 0, made.stdout + made.stderr
    scripts = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    pip(scripts / "python", "install", "hatchling")
    built = run(scripts / "python", "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path / "dist", cwd=ROOT)
    assert built.returncode == 0, built.stdout + built.stderr
    (sdist,) = (tmp_path / "dist").glob("faverify-*.tar.gz")
    pip(scripts / "python", "install", sdist, "pytest>=8.0")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (root,) = (tmp_path / "unpacked").iterdir()
    for name in (
        "CHANGELOG.md",
        "CITATION.cff",
        "CONTRIBUTING.md",
        "LICENSE",
        "README.md",
        "examples",
        "tests",
        "docs",
    ):
        assert (root / name).exists(), name
    found = run(scripts / "pytest", "proofs/rk_theorem_1.py", cwd=root)  # .ci/run runs them all
    assert found.returncode == 0, found.stdout + found.stderr
    assert "RK-T1" in found.stdout
    example = run(scripts / "python", root / "examples" / "new_rule.py", cwd=tmp_path)
    assert example.returncode == 0, example.stdout + example.stderr


def test_the_wheel_in_an_empty_environment(tmp_path):
    pip(sys.executable, "wheel", "--no-deps", "-w", tmp_path / "wheels", ROOT)
    (wheel,) = (tmp_path / "wheels").glob("faverify-*.whl")
    made = run(sys.executable, "-m", "venv", tmp_path / "venv")
    assert made.returncode == 0, made.stdout + made.stderr
    scripts = tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin")
    pip(scripts / "python", "install", wheel, "pytest>=8.0")

    place = run(scripts / "python", "-c", "import faverify; print(faverify.__file__)", cwd=tmp_path)
    assert Path(place.stdout.strip()).is_relative_to(tmp_path)

    project = tmp_path / "project"
    written = run(scripts / "faverify", "init", project, cwd=tmp_path)
    assert written.returncode == 0, written.stdout + written.stderr

    found = run(scripts / "pytest", "proofs/", cwd=project)
    assert found.returncode == 0, found.stdout + found.stderr
    assert "3 passed, 1 xfailed" in found.stdout
    table = found.stdout[found.stdout.index("= claims =") :]
    for text in (
        "theorem_my_balance",
        "proved",
        "all widths, all depths",
        "counterexample_feedback_balance",
        "refuted",
    ):
        assert text in table
