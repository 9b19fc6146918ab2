"""The experiments of online learning by name: which seeds, which controls, and options that will not do."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

import faverify as fv
from faverify.cli import main
from faverify.errors import Misuse
from faverify.experiments.online_posters import Limits, Selections, selections, unseen


@pytest.fixture(scope="module")
def found():
    return selections(seed=100, seeds=4)


def test_no_seed_is_one_that_the_criteria_were_chosen_with():
    assert unseen(0, 3) == range(100, 103)
    assert unseen(7, 2) == range(107, 109)


@pytest.mark.parametrize("name", ["two-phases", "sign-selection", "order-parameters"])
def test_more_seeds_than_can_be_run_are_refused(name):
    with pytest.raises(Misuse, match="seeds = 1000000000: expected how many runs, 10,000 at most"):
        fv.experiment(name, seeds=10**9)


def test_the_start_decides_under_the_control_and_feedback_under_the_rule(found):
    assert found.holds is True
    assert found.null.kept > 0.5
    assert found.dfa.kept == 0.25  # the starts of a quarter of the patterns are F's own
    assert found.dfa.negated == 0
    assert found.kind == Limits.kind == "evidence"


def test_controls_fail_where_they_must(found):
    """A rule that ends where the control does; a control that the start does not decide; signs told wrongly."""
    assert replace(found, dfa=found.null).holds is False
    turned = replace(found.null, ends=-found.null.starts)
    assert replace(found, null=turned).holds is False
    assert replace(found, dfa=replace(found.dfa, ends=-found.dfa.ends)).holds is False


def test_a_control_that_did_not_learn_shows_nothing(found):
    null = replace(found.null, ratio=np.where(np.arange(4) < 1, 1.0, found.null.ratio))
    few = Selections(found.dfa, null)
    assert few.holds is None
    assert few.to_dict()["holds"] is None
    assert "holds: shows nothing: the control learned in 75% of its runs only" in str(few)


def test_where_none_learned_no_share_is_told(found):
    none = replace(found.dfa, ratio=np.ones_like(found.dfa.ratio))
    assert "nan" not in str(none)
    assert "none of 4 learned" in str(none)
    assert (none.kept, none.negated, none.selects) == (None, None, False)
    json.dumps(none.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("order-parameters --rate 0", "rate = 0.0: expected a number above 0"),
        ("order-parameters --rate 1000", "rate = 1000.0: expected a number above 0, 100 at most"),
        ("order-parameters --rate 1e6", "rate = 1000000.0"),
        (
            "order-parameters --rate 100 --seeds 2",
            "rate = 100.0: expected a smaller step size, start or time: this diverges",
        ),
        ("two-phases --seeds 1 --scale 1e100", "scale = 1e+100"),
        ("two-phases --seeds 1 --scale nan", "scale = nan"),
        ("sign-selection --seeds 1 --scale 1e300", "scale = 1e+300"),
        ("sign-selection --seeds 1 --rate 100", "rate = 100.0: expected a smaller step size"),
    ],
)
@pytest.mark.filterwarnings("error")
def test_options_at_which_training_diverges_are_refused_by_name(words, told):
    asked = CliRunner().invoke(main, ["experiment", *words.split(), "--json"])
    assert (asked.exit_code, told in asked.stderr) == (2, True), asked.output


def test_a_control_that_does_not_learn_ends_with_3():
    """A rate of 0.001 leaves the plateau long after t = 1,000."""
    asked = CliRunner().invoke(main, ["experiment", "sign-selection", "--seeds", "1", "--rate", "0.001", "--json"])
    assert asked.exit_code == 3, asked.output
    assert json.loads(asked.stdout)["holds"] is None
