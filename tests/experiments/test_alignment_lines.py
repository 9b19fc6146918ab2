"""Lines of epochs that were changed: they are not believed, and their epochs are trained again."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from faverify.experiments.align_then_memorise import align_then_memorise
from faverify.experiments.image_files import Images

from ..conftest import contents

SMALL = runpy.run_path(str(Path(__file__).with_name("small_images.py")))
ASKED = {"hidden": (6, 5), "epochs": 4, "seeds": 2, "batch": 8, "scale": 0.5, "rate": 0.1}


@pytest.fixture(scope="module")
def shown():
    pixels, labels = SMALL["drawn"]()
    return Images("toy", pixels.reshape(len(pixels), -1), labels)


@pytest.fixture(scope="module")
def unbroken(shown, tmp_path_factory):
    out = tmp_path_factory.mktemp("unbroken")
    align_then_memorise(data=shown, out=out, **ASKED)
    return contents(out)


def changed(record, key, value):
    *above, last = key
    part = record
    for key_ in above:
        part = part[key_]
    if value is KeyError:
        del part[last]
    else:
        part[last] = value
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (["moments"], None),
        (["moments"], KeyError),
        (["moments"], []),
        (["network"], 1),
        (["rule"], "bp"),
        (["status"], "diverged"),
        (["status"], "fine"),
        (["more"], 1),
        (["moments", 0], None),
        (["moments", 0, "t"], 0.5),
        (["moments", 1, "loss"], "0"),
        (["moments", 1, "loss"], None),
        (["moments", 2, "delta"], [0.5]),
        (["moments", 2, "weights", 0], True),
        (["moments", 3, "accuracy"], None),
        (["moments", 3], KeyError),
    ],
)
def test_lines_that_no_training_wrote_are_trained_again(shown, tmp_path, unbroken, key, value):
    """The line of run 0, epoch 2: from it on the file is cut."""
    place = tmp_path / "align-then-memorise.jsonl"
    lines = unbroken["align-then-memorise.jsonl"].splitlines(keepends=True)
    lines[3] = changed(json.loads(lines[3]), key, value)
    place.write_bytes(b"".join(lines))
    align_then_memorise(data=shown, out=tmp_path, **ASKED)
    assert contents(tmp_path) == unbroken
