"""Certificates: Coq accepts what is printed, rejects it once it is altered, and what has none says so."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import faverify as fv
from faverify.writing.certifying import REAL_AXIOMS, certify, check_text, judged
from faverify.writing.coq_names import identifier
from faverify.writing.coq_refutations import PHI
from faverify.writing.nodes import Uncovered

from ..conftest import run_faverify as command

L, R = fv.laws, fv.rules
FA = R.FeedbackAlignment()
LAM, P = fv.parameter("λ"), fv.parameter("p")
ONE = [[1]]


def has_mathcomp() -> bool:
    where = subprocess.run(["coqc", "-where"], capture_output=True, text=True, check=False).stdout.strip()
    return (Path(where) / "user-contrib" / "mathcomp" / "algebra").is_dir()


COQ = shutil.which("coqc") is not None
coq = pytest.mark.skipif(not COQ, reason="coqc is not installed")
mathcomp = pytest.mark.skipif(not COQ or not has_mathcomp(), reason="coqc or MathComp is not installed")


def accepted(verdict):
    found = check_text(verdict.derivation.coq())
    assert found.status == "accepted", found.reason
    return found


EVERYWHERE = {
    "theorem 1": lambda: fv.check(L.feedback_balance, FA),
    "matrices": lambda: fv.check(L.matrix_feedback_balance, FA, activation="linear"),
    "degree p, columns": lambda: fv.check(L.neuron_feedback_balance_of_degree(P), FA, activation=fv.homogeneous(P)),
    "semi-invariant": lambda: fv.check(L.kolen_pollack_balance, R.KolenPollack(LAM), rate=-2 * LAM),
    "one step": lambda: fv.increment(L.kolen_pollack_difference, R.KolenPollack(LAM), rate=-LAM),
    "signs": lambda: fv.check(L.sign_balance, R.SignSymmetry()),
}


@mathcomp
@pytest.mark.parametrize("case", EVERYWHERE.values(), ids=EVERYWHERE)
def test_all_widths_rest_on_no_axiom(case):
    assert accepted(case()).axioms == ()


GIVEN = {
    "scalar": lambda: fv.check(L.feedback_balance, FA, fv.MLP((3, 3, 3, 1))),
    "columns": lambda: fv.check(L.neuron_feedback_balance, FA, fv.MLP((2, 3, 2))),
    "biases": lambda: fv.check(L.feedback_balance_bias, FA, fv.MLP((2, 3, 2), bias=True)),
    "degree 3": lambda: fv.check(L.feedback_balance_of_degree(3), FA, fv.MLP((2, 3, 2), "power-3")),
}


@coq
@pytest.mark.parametrize("case", GIVEN.values(), ids=GIVEN)
def test_given_widths_rest_on_the_reals_alone(case):
    found = accepted(case())
    assert set(found.axioms) <= REAL_AXIOMS
    assert found.axioms


def test_proofs_do_not_grow_with_the_widths():
    narrow, wide = (fv.check(L.feedback_balance, FA, fv.MLP((n, n, n, 1))).derivation.coq() for n in (3, 64))
    assert re.sub(r"\b64\b", "3", wide).split() == narrow.split()


def test_the_time_derivative_is_stated_along_trajectories():
    text = fv.check(L.feedback_balance, FA, fv.MLP((2, 2, 1))).derivation.coq()
    assert "derivable_pt_lim (fun u => Q (path_W1 u) (path_W2 u)) t 0." in text
    assert "Definition delta1 : matrix := had dphi1 (mul 1 (tr B2) e)." in text


REFUTED = {
    "biases": lambda: fv.check(L.feedback_balance, FA, bias=True),
    "an entry": lambda: fv.check(L.matrix_feedback_balance, FA, activation="relu"),
    "a rule's decay": lambda: fv.check(L.kolen_pollack_difference, R.KolenPollack(LAM)),
    "a cubic": lambda: fv.check(
        L.feedback_balance, FA, activation=fv.Activation(lambda h: h + h**3, lambda h: 1 + 3 * h**2, name="h + h³")
    ),
}


@coq
@pytest.mark.parametrize("case", REFUTED.values(), ids=REFUTED)
def test_refutations(case):
    verdict = case()
    assert verdict.kind == "refuted"
    assert accepted(verdict).axioms == ()


# What is altered is rejected


def swapped(text, old, new):
    assert old in text
    return text.replace(old, new, 1)


@mathcomp
@pytest.mark.parametrize(
    ("old", "new"),
    [("‖W_Lm1‖² - ⟨W_L, B_L⟩", "‖W_Lm1‖² + ⟨W_L, B_L⟩"), (":= - (e *m a_Lm1^T)", ":= (e *m a_Lm1^T)")],
    ids=["the law", "the update"],
)
def test_a_changed_sign_is_rejected_for_all_widths(old, new):
    text = fv.check(L.feedback_balance, FA).derivation.coq()
    assert check_text(swapped(text, old, new)).status == "rejected"


@coq
def test_a_changed_sign_is_rejected_at_given_widths_and_in_a_refutation():
    text = fv.check(L.feedback_balance, FA, fv.MLP((2, 2, 1))).derivation.coq()
    assert check_text(swapped(text, "dW1 : matrix := opp (", "dW1 : matrix := (")).status == "rejected"
    refuted = fv.check(L.feedback_balance, FA, bias=True).derivation.coq()
    value = re.search(r"== (\S+)\.\n", refuted)
    assert check_text(swapped(refuted, f"== {value[1]}.", f"== - ({value[1]}).")).status == "rejected"


@coq
def test_an_axiom_is_no_proof():
    text = fv.check(L.feedback_balance, FA, bias=True).derivation.coq()
    hollow = re.sub(r"Theorem refuted : (.*)\n.*Qed\.", r"Axiom refuted : \1", text)
    assert hollow != text
    found = check_text(hollow)
    assert found.status == "rejected"
    assert "refuted" in found.reason


def test_a_certificate_that_says_nothing_of_its_axioms_is_rejected():
    assert judged("Theorem t : True.", "", "t", 0.0).status == "rejected"
    assert judged(
        "Print Assumptions t.\nPrint Assumptions u.\n", "Closed under the global context\n", "t", 0.0
    ).status == ("rejected")
    assert judged("Print Assumptions t.\n", "Closed under the global context\n", "t", 0.0).status == "accepted"


# What has no certificate


def test_what_is_not_covered_says_why():
    inverse = fv.law_of(R.PseudoInverseFeedback()).verdict
    with pytest.raises(Uncovered, match="an inverse"):
        inverse.derivation.coq()
    with pytest.raises(Uncovered, match="balls"):
        fv.check(L.feedback_balance, FA, activation="tanh").derivation.coq()
    with pytest.raises(Uncovered, match="no chain"):
        fv.check(fv.total(L.feedback_balance), FA, fv.networks.Residual(1)).derivation.coq()
    with pytest.raises(Uncovered, match="given widths"):
        fv.check(L.feedback_balance, FA).derivation.lean()


def test_lean_is_marked_as_unchecked():
    text = fv.check(L.feedback_balance, FA, fv.MLP((2, 3, 2))).derivation.lean()
    assert text.startswith("/- Emitted, not checked")
    assert text.count("theorem conserved") == 1
    assert 'local notation "delta1" =>' in text


def test_names():
    letters = {
        "W_{l+1}": "W_lp1",
        "W1": "W1",
        "h_{1}": "h1",
        "δ_{L-1}": "delta_Lm1",
        "λ": "lambda_",
        "M°_{l+1}": "M_lp1",
    }
    assert {name: identifier(name) for name in letters} == letters


def test_no_line_is_too_long_to_read():
    for case in (EVERYWHERE["theorem 1"], GIVEN["scalar"]):
        assert max(map(len, case().derivation.coq().splitlines())) <= 120


# A folder of proofs

PROOFS = """
import faverify as fv
FA = fv.rules.FeedbackAlignment()
def theorem_here():
    return fv.check(fv.laws.feedback_balance, FA, fv.MLP((2, 2, 1)))
def theorem_there():
    return fv.law_of(fv.rules.PseudoInverseFeedback()).verdict
def counterexample_biases():
    return fv.check(fv.laws.feedback_balance, FA, bias=True)
"""


def test_a_folder_tells_of_each(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(PROOFS, encoding="utf-8")
    out = tmp_path / "out"
    found = {c.name: c for c in certify(tmp_path, out)}
    assert len(found) == 3
    assert found["mine.theorem_there"].status == "not checked"
    assert "inverse" in found["mine.theorem_there"].reason
    expected = "accepted" if COQ else "not checked"
    assert found["mine.counterexample_biases"].status == found["mine.theorem_here"].status == expected
    assert {path.name for path in out.glob("*.v")} == {"mine_theorem_here.v", "mine_counterexample_biases.v"}
    monkeypatch.setenv("PATH", "")
    assert {c.status for c in certify(tmp_path)} == {"not checked"}


def test_the_command_line(tmp_path):
    (tmp_path / "mine.py").write_text("def theorem_none():\n    return None\n", encoding="utf-8")
    done = command("certify", str(tmp_path), "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["not checked"] == 1
    none = command("certify", str(tmp_path / "nowhere"))
    assert none.returncode == 2
    assert "a folder of proofs" in none.stderr
    derived = command("derive", "volume-balance", "pseudo-inverse-feedback", "--format", "coq")
    assert (derived.returncode, derived.stdout) == (3, "")
    assert "not certified: an inverse" in derived.stderr


def test_a_verdict_that_is_not_what_its_name_promises_is_rejected(tmp_path):
    text = PROOFS.replace("counterexample_biases", "theorem_biases")
    (tmp_path / "mine.py").write_text(text, encoding="utf-8")
    found = {c.name: c for c in certify(tmp_path)}
    assert found["mine.theorem_biases"].status == "rejected"
    assert found["mine.theorem_biases"].reason == "the verdict is refuted, not proved"


NASTY = """
import sys
import faverify as fv
from beside import RULE
print("loud")
def theorem_leaves():
    sys.exit(0)
def theorem_fails():
    raise ValueError("no")
def theorem_nothing():
    return []
def theorem_loops():
    while True:
        pass
def counterexample_b():
    return [fv.check(fv.laws.feedback_balance, RULE, bias=True)] * 2
def counterexample_b_1():
    return fv.check(fv.laws.feedback_balance, RULE, bias=True)
@fv.claim("RK-T1")
def theorem_smaller_than_its_claim():
    return fv.check(fv.laws.feedback_balance, RULE, fv.MLP((2, 2, 1)))
"""


def test_a_folder_whose_code_misbehaves(tmp_path):
    (tmp_path / "beside.py").write_text(
        "import faverify as fv\nRULE = fv.rules.FeedbackAlignment()\n", encoding="utf-8"
    )
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "nasty.py").write_text(NASTY.replace("from beside", "from nasty_beside"), encoding="utf-8")
    (tmp_path / "beside.py").rename(tmp_path / "below" / "nasty_beside.py")
    (tmp_path / "leaves.py").write_text("raise SystemExit(0)\ndef theorem_never(): ...\n", encoding="utf-8")
    done = command("certify", str(tmp_path), "--json", "--time-limit", "2", "--out", str(tmp_path / "out"))
    assert done.returncode == 1, done.stderr
    found = {c["name"]: c for c in json.loads(done.stdout)["certificates"]}
    rejected = {"theorem_leaves", "theorem_fails", "theorem_nothing", "theorem_smaller_than_its_claim"}
    assert {n for n, c in found.items() if c["status"] == "rejected"} == {"leaves"} | {
        f"below/nasty.{name}" for name in rejected
    }
    assert "SystemExit" in found["leaves"]["reason"]
    assert "does not cover RK-T1" in found["below/nasty.theorem_smaller_than_its_claim"]["reason"]
    assert found["below/nasty.theorem_loops"]["status"] == "not checked"
    assert "within 2 s" in found["below/nasty.theorem_loops"]["reason"]
    files = [c["file"] for c in found.values() if "counterexample" in c["name"]]
    assert len(files) == len({f.lower() for f in files}) == 3
    assert all(Path(f).is_file() for f in files)


# What users name


def renamed(name):
    constant = fv.parameter(name)

    class Mine(R.FeedbackAlignment):
        def update(self, layer, below, output):
            return {"W": -layer.delta @ below.a.mT * constant}

    return Mine()


@coq
@pytest.mark.parametrize("name", ["exists", "dW1", "vW1", "map", "nat", "D", "E0", "conserved", "x²", "half", "λ"])
def test_constants_that_coq_or_a_certificate_have_a_meaning_for(name):
    accepted(fv.check(L.feedback_balance, renamed(name), fv.MLP((2, 2, 1))))


def comments_of(text):
    """What stands in comments, nested ones included; and the rest."""
    depth, inside, rest = 0, [], []
    for part in re.split(r"(\(\*|\*\))", text):
        depth += (part == "(*") - (part == "*)")
        assert depth >= 0
        (inside if depth else rest).append(part)
    assert depth == 0
    return "".join(inside), "".join(rest)


@coq
def test_text_of_users_stays_in_comments():
    bad = 'x *) Axiom boom : False. (* "\n*) Print Assumptions boom.\n'
    cubic = fv.Activation(lambda h: h + h**3, lambda h: 1 + 3 * h**2, name=bad)
    verdict = fv.check(
        fv.law(bad + "\ud800")(lambda layer, above: L.feedback_balance(layer, above)), FA, activation=cubic
    )
    text = verdict.derivation.coq()
    inside, rest = comments_of(text)
    assert "boom" in inside
    assert "boom" not in rest
    assert not re.search("^Print Assumptions boom", text, re.MULTILINE)
    accepted(verdict)


@coq
def test_an_activation_that_borrows_a_name_is_printed_as_it_is():
    for name in ("relu", "abs", "leaky-relu-x"):
        cubic = fv.Activation(lambda h: h + h**3, lambda h: 1 + 3 * h**2, name=name, known=True)
        verdict = fv.check(L.feedback_balance, FA, activation=cubic)
        assert "Definition phi (h : Q) : Q := Qred (h + " in verdict.derivation.coq()
        accepted(verdict)


def test_a_refutation_states_the_rate_of_the_law():
    text = REFUTED["biases"]().derivation.coq()
    moves = re.search(r"Theorem moves : (.*) - (\S+) == \S+\.\n", text.replace("\n ", ""))
    assert f"Theorem refuted : ~ ({moves[1]} == {moves[2]})." in text.replace("\n ", "")
    assert moves[1].startswith("(rate ")


def test_the_absolute_value_of_a_negative_number_is_its_opposite():
    values = [texts for name, texts in PHI.items() if name == "abs"]
    assert values == [("if Qle_bool h 0 then - h else h", "if Qle_bool h 0 then - (1) else 1")]


@coq
def test_what_a_user_has_coq_read_first_is_not_read(tmp_path, monkeypatch):
    (tmp_path / "coq").mkdir()
    for place in (tmp_path / "coq" / "coqrc", tmp_path / ".coqrc"):
        place.write_text("Axiom sneaky : False.", encoding="utf-8")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert check_text("Check sneaky.").reason.startswith("File")
