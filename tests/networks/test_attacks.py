"""What hostile readers found in networks, each with its repair; no guard of numbers stands beside the proofs here."""

import pytest

import faverify as fv
from faverify.proving import search

from ..forgeries import resealed

L, N, R = fv.laws, fv.networks, fv.rules
FA, BP = R.FeedbackAlignment(), R.BackPropagation()
LAW, TOTAL = L.feedback_balance, fv.total(L.feedback_balance)
CHAIN = {"W": ("n", "d"), "V": ("n", "n"), "head": ("k", "n")}


@pytest.fixture(autouse=True)
def unguarded(monkeypatch):
    """Proofs stand alone here: no small case with numbers contradicts them."""
    monkeypatch.setattr(search, "contradicted", lambda question, layers: "")


def network(shapes, forward, inputs=None):
    class Given(fv.Network):
        def shapes(self):
            return shapes

        def forward(self, w, x):
            return forward(w, x)

    if inputs:
        Given.inputs = inputs
    return Given()


# False laws that were called proved


def test_an_output_that_others_read():
    def forward(w, x):
        a = fv.phi(w["W"] @ x)
        return a, w["V"] @ a

    verdict = fv.check(LAW, FA, network({"W": ("n", "n"), "V": ("n", "n")}, forward))
    assert verdict.kind == "refuted"
    assert verdict.witness.recheck()


class Delay(fv.Repeated):
    """What U makes of the trunk comes back four blocks later: its group is closed in five blocks and more."""

    def outer(self):
        return {"stem": ("n", "n"), "head": ("n", "n")}

    def inner(self):
        return {"W": ("n", "n"), "U": ("n", "n"), "c": ("n", 1), "R": ("n", "n")}

    def before(self, w, x):
        return w["stem"] @ x, 1 * x, 1 * x, 1 * x, 1 * x

    def block(self, w, a, x):
        a, first, second, third, fourth = a
        late = 1 * fv.phi(w["U"] @ a + w["c"])
        return fv.phi(w["W"] @ a + w["R"] @ first), 1 * second, 1 * third, 1 * fourth, late

    def after(self, w, a):
        a, *late = a
        return w["head"] @ a + 1 * late[0] + 1 * late[1] + 1 * late[2] + 1 * late[3]


def test_groups_that_close_in_more_blocks():
    assert fv.check(TOTAL, FA, Delay()).kind != "proved"
    found = fv.check(TOTAL, FA, Delay(5), budget=10)
    assert found.layers["U1"].kind == "refuted"
    assert found.layers["U1"].witness.recheck()


def test_free_values_with_other_signals():
    def forward(w, x):
        first = w.free("first", w["W"] @ x, N.scale_invariant_rows)
        return w["head"] @ w.free("second", w["V"] @ first)

    verdict = fv.check(L.half_square, FA, network(CHAIN, forward))
    assert {k: part.kind for k, part in verdict.layers.items()} == {"W": "proved", "V": "refuted"}


@fv.law("an index")
def by_index(layer, above):
    return (2 if layer.index == "W7" else 1) * fv.norm2(layer.W) / 2 - fv.inner(above.W, above.B)


@fv.law("a name")
def by_name(layer, above):
    return (2 if layer.name == "W7" else 1) * fv.norm2(layer.W) / 2 - fv.inner(above.W, above.B)


@pytest.mark.parametrize("law", [by_index, by_name], ids=lambda law: law.name)
def test_laws_that_ask_for_the_name_of_a_group(law):
    for net in (N.Residual(), N.Residual(8)):
        verdict = fv.check(fv.total(law), FA, net, budget=2)
        assert verdict.kind == "undecided"


class AllShared(fv.Repeated):
    """Every map is used twice."""

    def outer(self):
        return {"stem": ("n", "d"), "head": ("k", "n")}

    def inner(self):
        return {"T": ("n", "n"), "S": ("n", "n")}

    @property
    def inputs(self):
        return {"x": "d", "x2": "d"}

    def before(self, w, x):
        return fv.phi(w["stem"] @ x["x"] + w["stem"] @ x["x2"])

    def block(self, w, a, x):
        h = fv.phi(w["T"] @ fv.phi(a) + w["T"] @ a)
        return fv.phi(w["S"] @ fv.phi(h) + w["S"] @ h)

    def after(self, w, a):
        return w["head"] @ fv.phi(a) + w["head"] @ a


def test_rules_that_ask_for_the_name_of_a_map():
    for net in (AllShared(), AllShared(10), N.Residual()):
        assert fv.check(TOTAL, R.Frozen(FA, ("S7",)), net, budget=2).kind == "undecided"
    with pytest.raises(fv.UnsupportedOperation, match="'name' of a parameter"):
        fv.check(TOTAL, FA, network(CHAIN, lambda w, x: w[w["W"].name] @ x))


class ByWidth(R.FeedbackAlignment):
    def update(self, layer, below, output):
        return {"W": 0 * layer.W} if layer.W.shape[0] == 5 else {}


def test_rules_that_ask_for_a_width():
    widths = (3, 4, 2, 5, 3)
    shapes = {f"W{k}": (widths[k + 1], widths[k]) for k in range(4)}

    def forward(w, x):
        for k in range(3):
            x = fv.phi(w[f"W{k}"] @ x)
        return w["W3"] @ x

    verdict = fv.check(LAW, ByWidth(), network(shapes, forward), budget=10)
    assert {k: part.kind for k, part in verdict.layers.items()} == {"W0": "proved", "W1": "refuted", "W2": "refuted"}


@pytest.mark.parametrize(
    "forward",
    [
        lambda w, x: w["head"] @ w.free("s", w["V"] @ w.free("s", w["W"] @ x)),
        lambda w, x: (x @ w.fixed("P", "samples", "p"), x @ w.fixed("P", "samples", "q")),
        lambda w, x: (w.fixed("P", [[1]]), w.fixed("P", [[2]])),
        lambda w, x: w["head"] @ (w.fixed("P", "n", "n") @ w.free("P", w["W"] @ x)),
        lambda w, x: w["head"] @ (w.mask("P", w["W"] @ x) * w.free("P", w["W"] @ x)),
    ],
)
def test_one_name_for_two_things(forward):
    with pytest.raises(fv.NetworkError, match="named two different things"):
        fv.check(TOTAL, FA, network(CHAIN, forward))


def test_numbered_names_that_meet():
    class Inner(N.Residual):
        def inner(self):
            return {"W": ("n", "n"), "W1": ("n", "n")}

        def block(self, w, a, x):
            return a + w["W1"] @ fv.phi(w["W"] @ a)

    class Outer(N.Residual):
        def outer(self):
            return {"stem": ("n", "d"), "W7": ("n", "n"), "head": ("k", "n")}

    for net in (Inner(), Inner(12), Outer()):
        with pytest.raises(fv.NetworkError, match="beside 'W'"):
            fv.check(TOTAL, FA, net)


# True laws that were called refuted, and rechecks


def test_a_map_used_twice_from_one_layer():
    def forward(w, x):
        a = fv.phi(w["W"] @ x)
        return w["head"] @ (fv.phi(w["V"] @ a) + w["V"] @ a)

    net = network(CHAIN, forward)
    assert fv.check(LAW, FA, net, layer="W").kind == "proved"
    assert fv.check(TOTAL, FA, net).layers["W"].kind == "proved"


def test_what_leads_nowhere_changes_nothing():
    def live(w, x):
        return w["head"] @ fv.phi(w["V"] @ fv.phi(w["W"] @ x))

    def dead(w, x):
        h = w["W"] @ x
        _ = h + h, w["V"] @ h, fv.phi(h), w.free("f", h), w.mask("m", h) * h
        return w["head"] @ fv.phi(w["V"] @ fv.phi(h))

    for law, rule in ((LAW, FA), (L.balancedness, FA), (LAW, R.Hebbian()), (LAW, R.Dropout(FA))):
        found = [fv.check(law, rule, network(CHAIN, forward)) for forward in (live, dead)]
        assert found[0].kind == found[1].kind
        assert all(v.witness is None or v.witness.recheck() for v in found)
        assert found[0].witness is None or found[0].witness.rate == found[1].witness.rate


@pytest.mark.parametrize(
    "rule", [R.Momentum(FA), R.DirectKolenPollack(), R.LayerRates(FA), R.Dropout(FA), R.WeightDecay(FA)], ids=repr
)
def test_witnesses_of_rules_with_more_letters_are_rechecked(rule):
    def forward(w, x):
        h = w["W"] @ x
        return w["head"] @ fv.phi(w["V"] @ (fv.phi(h) + h))

    for law in (LAW, TOTAL, L.balancedness):
        verdict = fv.check(law, rule, network(CHAIN, forward))
        keeps = isinstance(rule, R.Dropout) and law is not L.balancedness
        assert {part.kind for part in verdict.layers.values()} == {"proved" if keeps else "refuted"}
        assert all(part.witness.recheck() for part in verdict.layers.values() if not keeps)


def test_a_recheck_of_what_is_no_group():
    verdict = fv.refute(fv.total(L.balancedness), FA, N.Residual(1))
    assert verdict.witness.recheck()
    for changes in ({"layer": "head"}, {"layer": "stem"}, {"layer": "(stem+V1) + (W1)x"}, {"network": "another"}):
        assert not resealed(verdict.witness, **changes).recheck()


class Tilted(R.FeedbackAlignment):
    def feedback(self, above):
        return fv.parameter("tilt_of_rules") * above.B


def test_a_parameter_is_no_map():
    """A parameter that comes into being inside of a formula was the letter of a map with its name, and moved."""
    law = fv.law("tilt − Σ W")(lambda layer, above: fv.parameter("tilt") - fv.total(above.W))
    for name, wrong, rule in (("tilt", law, FA), ("tilt_of_rules", LAW, Tilted())):
        shapes = {"W": ("n", "d"), name: ("k", "n")}
        net = network(shapes, lambda w, x, name=name: w[name] @ fv.phi(w["W"] @ x))
        with pytest.raises(fv.LawError, match=f"a parameter and a map are both called '{name}'"):
            fv.check(wrong, rule, net)


def test_dropout_where_there_is_an_activation():
    assert fv.check(TOTAL, R.Dropout(FA), N.Residual(1)).kind == "proved"


# Errors, scopes and time


def test_rules_that_ask_for_a_number_are_undecided():
    for rule in (R.Frozen(FA, ("V7",)), R.Frozen(FA, (1,)), R.LayerRates(FA, [1, 2, 3])):
        verdict = fv.check(TOTAL, rule, N.Residual(), budget=2)
        assert verdict.kind == "undecided"
        assert "asks for the value of" in " ".join(verdict.tried)
    assert fv.check(TOTAL, R.WeightDecay(FA, fv.per_layer("λ")), N.Residual(1), budget=5).kind == "refuted"


def test_powers_of_powers_are_given_up_in_time():
    def forward(w, x):
        a = x
        for _ in range(8):
            a = w["W"] @ (a * a)
        return w["V"] @ a

    verdict = fv.check(LAW, FA, network({"W": ("n", "n"), "V": ("k", "n")}, forward), budget=3)
    assert verdict.kind != "proved"
    assert "asks for words of 256 terms" in " ".join(verdict.tried)


def test_scopes_of_networks():
    def biased(w, x):
        return w["head"] @ fv.phi(w["W"] @ x + w["b"])

    net = network({"W": ("n", "d"), "b": ("n", 1), "head": ("k", "n")}, biased)
    assert fv.check(L.feedback_balance_bias, FA, net).scope.biases == "trained"
    assert fv.check(TOTAL, FA, N.Residual()).scope.biases == "none"
    ones = network({"W": (1, 1), "head": (1, 1)}, lambda w, x: w["head"] @ fv.phi(w["W"] @ x))
    assert fv.check(LAW, FA, ones).scope.widths == "given 1"


def test_a_bias_goes_with_the_map_beside_it():
    def forward(w, x):
        h = w["U"] @ x + (w["W"] @ x + w["b"])
        return w["head"] @ fv.phi(h)

    shapes = {"U": ("n", "d"), "W": ("n", "d"), "b": ("n", 1), "head": ("k", "n")}
    assert fv.check(fv.total(L.feedback_balance_bias), FA, network(shapes, forward)).kind == "proved"


@pytest.mark.parametrize(
    ("forward", "shapes", "message"),
    [
        (lambda w, x: w["head"] @ (w["W"] @ x), {"W": ("samples", "d"), "head": ("k", "samples")}, "the shape"),
        (lambda w, x: w["head"] @ (w["W"] @ (x @ w.fixed("P", "samples", 0))), CHAIN, "the size 0"),
        (lambda w, x: w["head"] @ (w["W"] @ (x @ w.fixed("P", "samples", 1.5))), CHAIN, "the size 1.5"),
    ],
)
def test_sizes_that_are_none(forward, shapes, message):
    with pytest.raises(fv.NetworkError, match=message):
        fv.check(TOTAL, FA, network(shapes, forward))


def test_direct_feedback_that_learns():
    def forward(w, x):
        return w["head"] @ fv.phi(w["V"] @ fv.phi(w["W"] @ x))

    net, rule = network(CHAIN, forward), R.DirectKolenPollack()
    verdict = fv.check(L.direct_kolen_pollack_difference, rule, net, layer="V")
    assert verdict.kind == "proved"


def test_sample_weights_with_several_outputs():
    def forward(w, x):
        a = fv.phi(w["W"] @ x)
        return w["head"] @ a, w["V"] @ a

    verdict = fv.check(LAW, R.SampleWeights(FA), network(CHAIN, forward))
    assert verdict.kind == "proved"


def test_a_product_between_two_products_has_a_factor_and_no_maps():
    def forward(w, x):
        s = w["W"] @ x
        square = s * s
        return w["head"] @ fv.phi(w["V"] @ (square * square / 2))

    net = network(CHAIN, forward)
    refuted, proved = fv.check(TOTAL, FA, net), fv.check(fv.total(L.balancedness), BP, net)
    assert "(W) + 4 (to V)" in refuted.layers
    assert refuted.layers["(W) + 4 (to V)"].kind == "refuted"
    assert refuted.layers["(W) + 4 (to V)"].witness.recheck()
    assert {part.kind for part in proved.layers.values()} == {"proved"}
    assert not resealed(refuted.layers["(W) + 4 (to V)"].witness, layer="(W) + 3 (to V)").recheck()


class LateInput(Delay):
    """Without a bias; the input and what M adds to it are carried along, and read by R in the fourth block."""

    def outer(self):
        return {"stem": ("n", "n"), "M": ("n", "n"), "head": ("n", "n")}

    def inner(self):
        return {"W": ("n", "n"), "U": ("n", "n"), "R": ("n", "n")}

    def before(self, w, x):
        stem = w["stem"] @ x
        return stem, 1 * x, 1 * x, 1 * x, 1 * x + w["M"] @ stem

    def block(self, w, a, x):
        a, first, second, third, fourth = a
        late = 1 * fv.phi(w["U"] @ a)
        return fv.phi(w["W"] @ a + w["R"] @ first), 1 * second, 1 * third, 1 * fourth, late


def test_open_groups_that_an_input_joins_in_more_blocks():
    law = fv.total(LAW, inputs=True)
    assert fv.check(law, FA, LateInput(), budget=5).kind != "proved"
    found = fv.check(law, FA, LateInput(5), budget=20)
    assert found.layers["M"].kind == "refuted"
    assert fv.check(law, FA, N.Recurrent()).kind == "proved"


class Peeks(R.FeedbackAlignment):
    def activity(self, layer):
        return layer.phi * (1 if layer.index == 1 else 2)


def test_activities_that_ask_for_a_number_are_undecided():
    verdict = fv.check(TOTAL, Peeks(), N.Residual(1), budget=1)
    assert verdict.kind == "undecided"
