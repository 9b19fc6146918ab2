"""Networks that learn images: steps against finite differences and the library's rules, resumed runs, criteria."""

from __future__ import annotations

import json
import os
import random
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import faverify as fv
from faverify.cli import main
from faverify.experiments import epochs as epochs_module
from faverify.experiments.align_then_memorise import align_then_memorise
from faverify.experiments.alignment_phases import AlignThenMemorise, Run, share_of_orders
from faverify.experiments.image_files import Images
from faverify.experiments.plain_networks import cosine, delta_alignment, drawn, forward, step, weight_alignment

from ..conftest import contents

SMALL = runpy.run_path(str(Path(__file__).with_name("small_images.py")))
WIDTHS = (3, 5, 4, 4, 2)
ASKED = {"hidden": (6, 5), "epochs": 4, "seeds": 2, "batch": 8, "scale": 0.5, "rate": 0.1}
OPTIONS = ["--hidden", "6,5", "--epochs", "4", "--seeds", "2", "--batch", "8", "--scale", "0.5", "--rate", "0.1"]
COMMAND = "import sys; from faverify.cli import main; main(sys.argv[1:])"


@pytest.fixture
def folder(tmp_path):
    SMALL["write_mnist"](tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture
def shown():
    pixels, labels = SMALL["drawn"]()
    return Images("toy", pixels.reshape(len(pixels), -1), labels)


def problem(seed=0, samples=6):
    draw = np.random.default_rng(seed)
    weights, feedback = drawn(draw, WIDTHS, 1.0, np.float64)
    return weights, feedback, draw.standard_normal((3, samples)), draw.standard_normal((2, samples))


# One step


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_back_propagation_is_the_gradient(activation):
    weights, feedback, x, y = problem()

    def loss():
        return float(((forward(weights, x, activation).output - y) ** 2).sum()) / (2 * x.shape[1])

    found = step("bp", weights, feedback, x, y, activation, 1.0)
    for matrix, move in zip(weights, found, strict=True):
        for place in np.ndindex(matrix.shape):
            value, sides = matrix[place], []
            for h in (1e-6, -1e-6):
                matrix[place] = value + h
                sides.append(loss())
            matrix[place] = value
            assert (sides[1] - sides[0]) / 2e-6 == pytest.approx(move[place], rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("rule", ["dfa", "bp"])
def test_steps_are_those_of_the_librarys_rules(rule, activation):
    weights, feedback, x, y = problem()
    theirs = fv.rules.DirectFeedbackAlignment() if rule == "dfa" else fv.rules.BackPropagation()
    fixed = {f"F{k}": matrix for k, matrix in enumerate(feedback, 1)}
    expected = fv.rule_step(theirs, fv.MLP(WIDTHS, activation), x, y, fixed)(weights, 0.3 / x.shape[1])
    for k, move in enumerate(step(rule, weights, feedback, x, y, activation, 0.3), 1):
        assert np.abs(move).max() > 1e-4
        assert np.allclose(move, expected[f"W{k}"], rtol=1e-12, atol=1e-14)


def test_single_precision_stays_single():
    weights, feedback = drawn(np.random.default_rng(0), WIDTHS, 1.0, np.float32)
    x, y = np.ones((3, 2), np.float32), np.ones((2, 2), np.float32)
    assert {move.dtype for move in step("dfa", weights, feedback, x, y, "tanh", 0.3)} == {np.dtype(np.float32)}


# Alignment


def test_alignment_is_one_where_the_stand_ins_are_the_weights():
    weights, _, x, y = problem()
    feedback = [weights[3] @ weights[2] @ weights[1], weights[3] @ weights[2], weights[3]]
    e = forward(weights, x, "tanh").output - y
    ones = [np.ones((n, x.shape[1])) for n in WIDTHS[1:-1]]  # a linear network
    assert delta_alignment(weights, feedback, ones, e) == pytest.approx([1, 1, 1])
    aligned = [weights[0], feedback[1].T @ feedback[0], -2 * feedback[2].T @ feedback[1], feedback[2]]
    assert weight_alignment(aligned, feedback) == pytest.approx([1, -1, 1])


def test_a_cosine_with_nothing_is_undefined():
    a = np.array([[3.0, 4.0]])
    assert cosine(a, 0 * a) is None
    assert cosine(a, a * np.inf) is None
    assert cosine(a * 1e-200, a * 1e200) == pytest.approx(1)  # whose squares under- and overflow


# Criteria


def run_of(curve, losses, peaks=None, rule="dfa"):
    moments = tuple(range(len(losses)))
    layers = {2: curve} if peaks is None else {k: tuple(float(t == top) for t in moments) for k, top in peaks.items()}
    layers = {layer: tuple(values) for layer, values in layers.items()}
    return Run(0, rule, "ok", moments, tuple(losses), (0.0,) * len(losses), {"delta": layers, "weights": layers})


@pytest.mark.parametrize(
    ("curve", "losses", "aligns", "phases"),
    [
        ((0, 0.5, 0.9, 0.7), (1, 0.8, 0.5, 0.05), True, True),
        ((0, 0.5, 0.9, 0.7), (1, 0.8, 0.49, 0.05), True, False),  # late
        ((0, 0.5, 0.9, 0.7), (1, 0.8, 0.6, 0.06), True, None),  # never gets to 5 %
        ((0, 0.5, 0.7, 0.9), (1, 0.8, 0.6, 0.5), True, None),
        ((0, 0.5, 0.7, 0.9), (1, 0.8, 0.6, 0.05), True, False),  # no decline
        ((0, 0.5, 0.9, 0.9), (1, 0.8, 0.6, 0.05), True, False),
        ((0.05, 0.04, 0.03, 0.02), (1, 0.8, 0.6, 0.05), False, False),  # a null that falls from its start
        ((0, None, 0.9, 0.7), (1, 0.8, 0.5, 0.05), None, None),
    ],
)
def test_two_phases(curve, losses, aligns, phases):
    found = run_of(curve, losses)
    assert found.aligns("weights", 2) is aligns
    assert found.two_phases("weights", 2) is phases
    assert found.as_stated("weights", 2) is (True if aligns is False else phases)  # which the null passes


def test_bottom_to_top_is_counted_beside_shuffled_layers():
    losses = (1.0, 0.5, 0.2, 0.1)
    runs = [run_of(None, losses, dict(enumerate(peaks))) for peaks in ((0, 1, 2), (1, 1, 2), (2, 1, 0))]
    rows = AlignThenMemorise({"seeds": 3}, tuple(runs)).orders()
    assert rows[0] == {
        "measure": "delta",
        "rule": "dfa",
        "bottom_to_top": 2,
        "shuffled": 1 / 6 + 1 / 3 + 1 / 6,
        "of": 3,
    }
    assert run_of((0, 1, 2, 3), losses).peaks("delta") is None  # one layer has no order
    assert share_of_orders([5, 5, 5]) == 1


def test_what_a_trained_network_shows(shown):
    found = align_then_memorise(data=shown, **{**ASKED, "epochs": 30, "seeds": 1})
    ours, null = found.runs
    assert found.complete
    assert found.holds is None
    assert ours.ratios[-1] < 0.2
    assert null.ratios[-1] < 0.5
    assert ours.aligns("weights", 2)
    assert ours.moments[:6] == (0.0, 0.2, 0.4, 0.8, 1.0, 1.2)
    assert ours.losses[0] == null.losses[0]  # from the same weights
    text = str(found)
    assert "initial scale 0.5" in text
    assert "1 network; the criteria ask for 20" in text
    assert "no verdict" in text
    record = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (record["kind"], record["holds"], record["settings"]["scale"]) == ("evidence", None, 0.5)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_run_that_diverges_says_so(shown, tmp_path, activation):
    asked = {**ASKED, "rate": 1e300, "activation": activation, "data": shown}
    found = align_then_memorise(**asked, out=tmp_path)
    assert {run.status for run in found.runs} == {"diverged"}
    assert not found.complete
    assert "2 diverged" in str(found)
    json.dumps(found.to_dict(), allow_nan=False)
    assert align_then_memorise(**asked, out=tmp_path).to_dict() == found.to_dict()


@pytest.mark.parametrize(
    ("scale", "rate", "fault"), [(1e300, 0.1, "scale"), (1e30, 0.1, "rate or scale"), (0.5, 1e300, "rate")]
)
def test_what_is_at_fault_where_a_run_diverges(shown, scale, rate, fault):
    text = str(align_then_memorise(data=shown, **{**ASKED, "scale": scale, "rate": rate, "activation": "relu"}))
    assert f"diverged (try a smaller {fault})" in text


def test_from_zero_a_cosine_is_undefined_and_relu_is_refused(shown):
    found = align_then_memorise(data=shown, **{**ASKED, "scale": 0, "epochs": 1})
    assert found.runs[0].curves["weights"][2][0] is None
    assert "–" in str(found)
    with pytest.raises(fv.Misuse, match="scale above 0 for ReLU"):
        align_then_memorise(data=shown, scale=0, activation="relu")


# Runs that are cut


@pytest.fixture
def eager(monkeypatch):
    monkeypatch.setattr(epochs_module, "SAVE", 0.0)  # a checkpoint after every epoch


@pytest.fixture
def unbroken(shown, tmp_path):
    align_then_memorise(data=shown, out=tmp_path / "unbroken", **ASKED)
    return contents(tmp_path / "unbroken")


class Stopped(Exception):
    pass


def stop_after(count):
    def progress(known, total, failing):
        if known == count:
            raise Stopped

    return progress


@pytest.mark.parametrize(
    "damage", ["none", "checkpoint lost", "checkpoint torn", "checkpoint of another", "lines lost"]
)
def test_a_cut_run_ends_with_the_same_bytes(shown, tmp_path, unbroken, eager, damage):
    out = tmp_path / "cut"
    place, checkpoint = out / "align-then-memorise.jsonl", out / "align-then-memorise.jsonl.checkpoint"
    for count in range(1, 20):
        with pytest.raises(Stopped):
            align_then_memorise(data=shown, out=out, progress=stop_after(count), **ASKED)
        lines = place.read_bytes().splitlines(keepends=True)
        place.write_bytes(b"".join(lines) + lines[-1][: 7 * count])  # a line that was being written
        if damage == "lines lost":
            place.write_bytes(b"".join(lines[:-1]))
        elif checkpoint.exists() and damage != "none":
            torn = checkpoint.read_bytes()[: 40 * count]
            checkpoint.unlink() if damage == "checkpoint lost" else checkpoint.write_bytes(torn)
            if damage == "checkpoint of another":
                np.savez(checkpoint.with_suffix(".npz"), question="another", run=0, epoch=0, W1=np.eye(2))
                checkpoint.with_suffix(".npz").replace(checkpoint)
        if damage != "none":  # with it, every start goes on from where the one before was stopped
            place.unlink() if count % 3 == 0 else None
    align_then_memorise(data=shown, out=out, **ASKED)
    assert contents(out) == unbroken


def test_a_cut_run_does_not_begin_again(shown, tmp_path, eager):
    with pytest.raises(Stopped):
        align_then_memorise(data=shown, out=tmp_path, progress=stop_after(8), **ASKED)
    seen = []
    align_then_memorise(data=shown, out=tmp_path, progress=lambda known, *_: seen.append(known), **ASKED)
    assert seen == list(range(8, 21))
    seen.clear()
    align_then_memorise(data=shown, out=tmp_path, progress=lambda known, *_: seen.append(known), **ASKED)
    assert seen == [20]


def test_every_cut_of_the_file_ends_with_the_same_bytes(shown, tmp_path, unbroken):
    whole, place = unbroken["align-then-memorise.jsonl"], tmp_path / "align-then-memorise.jsonl"
    draw = random.Random(0)
    for end in (0, 1, len(whole.splitlines()[0]), *(draw.randrange(len(whole)) for _ in range(12))):
        place.write_bytes(whole[:end])
        align_then_memorise(data=shown, out=tmp_path, **ASKED)
        assert place.read_bytes() == whole


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals are sent")
def test_a_killed_command_ends_with_the_same_bytes(folder, tmp_path):
    options = ["--hidden", "40,40", "--epochs", "40", "--seeds", "2", "--batch", "2"]
    words = ["experiment", "align-then-memorise", "--data", str(folder), *options, "--out"]
    environment = {**os.environ, "PYTHONPATH": str(Path(fv.__file__).parent.parent)}
    ours = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "env": environment}
    name = "align-then-memorise.jsonl"
    place, sizes = tmp_path / "killed" / name, []
    for lines in (5, 60):
        with subprocess.Popen([sys.executable, "-c", COMMAND, *words, str(tmp_path / "killed")], **ours) as process:
            until = time.monotonic() + 20
            while time.monotonic() < until and not (place.exists() and place.read_bytes().count(b"\n") > lines):
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
        sizes.append(place.stat().st_size)
    for out in ("killed", "whole"):
        found = subprocess.run([sys.executable, "-c", COMMAND, *words, str(tmp_path / out)], check=False, **ours)
        assert (found.returncode, b"Traceback" in found.stderr) == (0, False), found.stderr
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert max(sizes) < place.stat().st_size  # it was killed before its end


# What is refused


def test_a_folder_that_holds_something_else(shown, tmp_path, unbroken):
    place = tmp_path / "unbroken" / "align-then-memorise.jsonl"
    with pytest.raises(fv.Misuse, match=r"the same question: it has rate 0\.1, not 0\.2"):
        align_then_memorise(data=shown, out=tmp_path / "unbroken", **{**ASKED, "rate": 0.2})
    other = Images("toy", shown.pixels[::-1], shown.labels)
    with pytest.raises(fv.Misuse, match="sha256"):
        align_then_memorise(data=other, out=tmp_path / "unbroken", **ASKED)
    assert contents(tmp_path / "unbroken") == unbroken
    place.write_bytes(b"my notes\n")
    with pytest.raises(fv.Misuse, match="holds no align-then-memorise-epochs"):
        align_then_memorise(data=shown, out=tmp_path / "unbroken", **ASKED)
    assert place.read_bytes() == b"my notes\n"
    with pytest.raises(fv.Misuse, match="a folder that can be made"):
        align_then_memorise(data=shown, out=place / "below", **ASKED)


@pytest.mark.skipif(sys.platform == "win32", reason="no lock there")
def test_two_trainings_do_not_write_one_file(shown, tmp_path):
    def again(known, total, failing):
        with pytest.raises(fv.Misuse, match="another training holds it"):
            align_then_memorise(data=shown, out=tmp_path, **ASKED)

    align_then_memorise(data=shown, out=tmp_path, progress=again, **{**ASKED, "epochs": 1, "seeds": 1})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"hidden": ()}, "the widths of the hidden layers"),
        ({"hidden": (3, 0)}, "hidden = 0"),
        ({"epochs": True}, "epochs = True"),
        ({"seeds": 0}, "seeds = 0"),
        ({"seed": -1}, "seed = -1"),
        ({"activation": "erf"}, "expected relu or tanh"),
        ({"rate": 0}, "a step size above 0"),
        ({"scale": float("nan")}, "scale = nan"),
        ({"samples": 1}, "a number from 2 to the 40 of toy"),
        ({"samples": "2"}, "samples = '2'"),
        ({"width": 3}, "a setting: hidden, activation"),
        ({"out": 3}, "a folder"),
    ],
)
def test_settings_that_will_not_do(shown, wrong, told):
    with pytest.raises(fv.Misuse, match=told):
        align_then_memorise(data=shown, **wrong)


# The command


def test_the_command_from_end_to_end(folder, tmp_path):
    out = tmp_path / "out"
    words = ["experiment", "align-then-memorise", "--data", str(folder), *OPTIONS, "--single", "--out", str(out)]
    found = CliRunner().invoke(main, [*words, "--json"])
    assert found.exit_code == 0, found.output
    record = json.loads((out / "align-then-memorise.json").read_text(encoding="utf-8"))
    assert json.loads(found.stdout) == record
    assert record["settings"]["widths"] == [9, 6, 5, 10]
    assert len(record["layers"]) == 8
    before = contents(out)
    again = CliRunner().invoke(main, words)
    assert again.exit_code == 0
    assert "initial scale 0.5" in again.stdout
    assert contents(out) == before
    assert contents(out).keys() >= {"align-then-memorise.json", "align-then-memorise.jsonl"}


def test_the_command_tells_misuse(folder):
    data = ["--data", str(folder)]
    for words, told in (
        (["align-then-memorise"], "data = None: expected digits, or a folder"),
        (["align-then-memorise", "--data", "nowhere"], "there is no such folder"),
        (["align-then-memorise", *data, "--digits", "30"], "align-then-memorise takes seed, data"),
        (["align-then-memorise", *data, "--hidden", "3,x"], "write whole numbers with commas"),
        (["align-then-memorise", *data, "--seed", "-1"], "seed = -1"),
        (["conservation", *data], "nothing: conservation takes seed, digits; leave it out"),
    ):
        found = CliRunner().invoke(main, ["experiment", *words])
        assert (found.exit_code, "Traceback" in found.output) == (2, False)
        assert told in found.stderr
    wild = ["align-then-memorise", *data, *OPTIONS, "--rate", "1e300", "--activation", "relu"]
    assert CliRunner().invoke(main, ["experiment", *wild]).exit_code == 3


def test_the_figure_has_the_same_bytes(shown, tmp_path):
    found = align_then_memorise(data=shown, **{**ASKED, "scale": 0.0})
    first, second = (found.figure(tmp_path / f"{k}.svg").read_bytes() for k in "ab")
    assert first == second
    wild = align_then_memorise(data=shown, **{**ASKED, "activation": "relu", "rate": 1e300})
    assert wild.figure(tmp_path / "c.svg").exists()
