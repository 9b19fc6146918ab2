"""check, prove, refute: whether a law is a first integral of a rule's flow.

Method. Provers from the cheapest to the dearest, each exact: the local cut (all widths and depths at once), the whole
network over words, polynomials at the given widths; then the search for a rational witness. What none of them settles
is Undecided, with the reason why each stopped.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import suppress
from copy import copy
from dataclasses import replace
from math import prod
from typing import Any

from ..errors import Misuse, NotProved, NotRefuted, ShapeError, Undecidable, UserCodeError, name_of, whole_number
from ..kernel.carriers import exact
from ..kernel.cuts import FEW, WAYS, conjunction, prove_any_number, prove_everywhere, prove_in_network
from ..kernel.outlines import must_be_linear
from ..kernel.passes import is_local
from ..kernel.questions import Question, cost, hidden_of, laid_out, outlined, scope_of, statement_of, surveyed
from ..kernel.verdicts import Proved, Refuted, Undecided, Verdict
from ..kernel.words import Word
from ..model.activations import activation_named, homogeneous
from ..model.assumptions import assumptions_of
from ..model.formulas import constant_text
from ..model.names import law_named, rule_named
from ..model.networks import MLP, Network, Repeated, conforming, size_names
from .purity import PROTOCOL, memoryless, spelt

WORDS, LETTERS = 20_000, 60  # terms, and letters of one, up to which a network is written out as words
EXPANSION_LIMIT = 400_000  # monomials of a residual written out at given widths: some seconds


def check(
    law: Any,
    rule: Any,
    net: Any = None,
    *,
    layer: int | str | None = None,
    activation: Any = None,
    bias: bool = False,
    assume: Iterable[str] = (),
    rate: Any = 0,
    budget: float = 60,
) -> Verdict:
    """Whether dQ/dt = rate · Q holds for the law Q along the rule's flow; for a law R as rate, whether dQ/dt = R.

    Without a network: for all widths, depths, batches, error signals and every φ with φ = hφ′, or the `activation`
    named. With one: at these widths, every activation pattern. `layer` is 1 … L−1, or −1 for the last hidden layer;
    without it the law must hold at every hidden layer, and `layers` of the verdict holds each. With an `fv.Network`,
    layers are named by the maps into them, and a law made by `fv.total` speaks of tied groups. `assume`: hypotheses,
    by name or made by `fv.assumption`; the proof may use them, a witness must satisfy them, the scope states them.

    Returns: Proved, Refuted (with a witness) or Undecided (with what was tried). `budget` bounds the search for a
    witness, in seconds.

    Raises: ShapeError, RuleError, LawError, ActivationError, ExactnessError, Misuse: never on mathematics.

    Scope: what the verdict's `scope` says.

    Examples
    --------
    >>> import faverify as fv
    >>> fv.check(fv.laws.feedback_balance, fv.rules.FeedbackAlignment()).scope.widths
    'all'
    >>> fv.check(fv.laws.balancedness, fv.rules.FeedbackAlignment()).kind
    'refuted'
    """
    question = question_of(law, rule, net, layer, activation, bias, assume, rate)
    return settled(question, time.monotonic() + seconds(budget))


def settled(question: Question, deadline: float) -> Verdict:
    """The verdict on a question."""
    with memoryless(question.rule, question.law, question.net if isinstance(question.net, Network) else None):
        if isinstance(question.net, Repeated) and question.net.blocks is None:
            return _any_number(question, deadline)
        return _everywhere(question, deadline) if question.net is None else _in_network(question, deadline)


def prove(law: Any, rule: Any, net: Any = None, **options: Any) -> Proved:
    """`check`, or NotProved if the verdict is anything but Proved.

    Examples
    --------
    >>> import faverify as fv
    >>> fv.prove(fv.laws.feedback_balance, fv.rules.FeedbackAlignment()).how
    'words, local cut'
    """
    verdict = check(law, rule, net, **options)
    if not isinstance(verdict, Proved):
        raise NotProved(verdict)
    return verdict


def refute(law: Any, rule: Any, net: Any = None, **options: Any) -> Refuted:
    """`check`, or NotRefuted if the verdict is anything but Refuted.

    Examples
    --------
    >>> import faverify as fv
    >>> fv.refute(fv.laws.feedback_balance, fv.rules.FeedbackAlignment(), bias=True).witness.rate
    Fraction(1, 1)
    """
    verdict = check(law, rule, net, **options)
    if not isinstance(verdict, Refuted):
        raise NotRefuted(verdict)
    return verdict


def seconds(budget: Any) -> float:
    if isinstance(budget, bool) or not isinstance(budget, (int, float)) or not 0 <= budget <= 10**9:
        raise Misuse("budget", budget, "a number of seconds ≥ 0")
    return float(budget)


def question_of(
    law: Any, rule: Any, net: Any, layer: Any, activation: Any, bias: Any, assume: Any, rate: Any
) -> Question:
    """The arguments of `check`, validated."""
    law = law_named(law)
    rule = rule_named(rule) if isinstance(rule, str) else rule
    if isinstance(rule, type):
        raise Misuse("rule", rule.__name__, f"an instance: write {rule.__name__}()")
    for method in PROTOCOL[1:]:  # feedback is asked for by the default of error alone
        if not callable(getattr(rule, method, None)):
            raise Misuse("rule", rule, f"a subclass of fv.LearningRule; this has no method {method!r}")
    spelt(rule)
    hypotheses = assumptions_of(assume)
    if layer is not None and not isinstance(net, Network):
        expected = "1, 2, …, or −1 for the last hidden layer"
        layer = whole_number("layer", layer, -1, expected=expected)
        if layer == 0:
            raise Misuse("layer", layer, expected)
    if not isinstance(net, Network):
        law = replace(law, grouped="")  # in a chain every group is one layer
    claim = law_named(rate) if callable(rate) or isinstance(rate, str) else None
    mu = 0 if claim else rate if isinstance(rate, Word) else exact(rate)
    if isinstance(mu, Word) and mu._dims != (1, 1):
        raise Misuse("rate", rate, "a number, a constant made of fv.parameter, or a law R for dQ/dt = R")
    phi = homogeneous() if activation is None else activation_named(activation)
    if net is None:
        if not isinstance(bias, bool):
            raise Misuse("bias", bias, "True or False")
        return Question(law, rule, phi, mu, constant_text(mu), None, layer, bias, claim=claim, assume=hypotheses)
    if isinstance(net, Network):
        if bias:
            raise Misuse("bias", bias, "none: a network brings its own")
        return _beyond_chains(
            Question(law, rule, phi, mu, constant_text(mu), net, layer, claim=claim, assume=hypotheses)
        )
    if type(net) is not MLP:
        raise Misuse("net", net, "a chain, such as fv.MLP(widths=(3, 4, 1), activation='relu'), or an fv.Network")
    if activation is not None or bias:
        raise Misuse("activation, bias", (activation, bias), "none: a network brings its own")
    if layer is not None and not 1 <= (net.depth - 1 if layer == -1 else layer) < max(net.depth, 2):
        raise Misuse("layer", layer, f"a hidden layer of {net}: 1 … {net.depth - 1}")
    layer = net.depth - 1 if layer == -1 else layer
    for a in hypotheses:
        if (a.scalar and net.outputs != 1) or (a.square and len({*net.widths[1:]}) > 1):
            raise Misuse("assume", a.name, f"a network with {a.statement}; this one is {net}")
    mu_text = constant_text(mu)
    return Question(law, rule, net.activation, mu, mu_text, net, layer, net.bias, claim=claim, assume=hypotheses)


def _beyond_chains(question: Question) -> Question:
    """The question, of a network that is no chain: its activation is that of the question, its layers have labels."""
    net = copy(question.net)
    conforming(net)
    if not isinstance(net, Repeated):
        shapes = dict(net.shapes())
        net.shapes = lambda: shapes  # asked for once
    if isinstance(net, Repeated) and net.blocks is None and not net.uniform:
        raise Misuse("net", net, f"a number of blocks: {type(net).__name__} has a forward pass or shapes of its own")
    phi = activation_named(net.activation)
    net.activation = phi if question.activation.name == homogeneous().name else question.activation
    question = replace(question, net=net, activation=net.activation)
    if any(a.equations or a.scalar or a.square for a in question.assume):
        expected = "hypotheses without equations, such as squared-loss or batch-size-one: this network is no chain"
        raise Misuse("assume", [a.name for a in question.assume], expected)
    net.bias = bool(laid_out(question).biases)
    question = replace(question, bias=net.bias)
    with suppress(Undecidable):  # what a rule asks for is told with the verdict
        if is_local(question.rule):
            outline = outlined(question)
            outline.velocities(question.rule)
            must_be_linear(question.rule, outline)
    if question.layer is not None:
        labels = hidden_of(question)
        if question.layer not in labels:
            known = ", ".join(map(repr, labels)) or "none: there is no such layer"
            raise Misuse("layer", question.layer, f"one of {known}")
    return question


def _everywhere(question: Question, deadline: float) -> Verdict:
    tried: list[str] = []
    if not is_local(question.rule):
        tried.append("local cut: a rule with passes of its own has none; proofs at fixed depths are no proof for all")
    for squares in _gates(question) if is_local(question.rule) else ():
        try:
            found = prove_everywhere(question, squares)
        except Undecidable as event:
            tried.append(f"local cut: {event.line} asks for {event.question}")
            continue
        except ShapeError as error:
            error.add_note(
                "at generic widths; give check a network, layer=-1 for the last layer, or assume=['square-maps']"
            )
            raise
        if isinstance(found, Proved):
            return _confirmed(question, found, deadline)
        tried.append(f"local cut{_with(squares)}: a residual is left ({_terms(found)})")
    return _searched(question, tried, deadline)


def _any_number(question: Question, deadline: float) -> Verdict:
    """The verdict on any number of equal blocks: refuted where one or two are, proved by a cut around each layer."""
    tried: list[str] = []
    for blocks in (1, 2):
        asked = replace(question, net=question.net.of(blocks))
        if question.layer is None or question.layer in hidden_of(asked):
            found = _in_network(asked, deadline)
            if not isinstance(found, Proved):
                return found
    for squares in _gates(question) if "stars" in _ways(question) else ():
        try:
            return prove_any_number(question, squares)
        except Undecidable as event:
            tried.append(f"any number of blocks{_with(squares)}: {event.question}")
    tried = tried or ["any number of blocks: no cut around each layer for this rule or question"]
    return _verdict(Undecided, question, "proved of one block and of two only", tuple(tried))


def _confirmed(question: Question, found: Proved, deadline: float) -> Verdict:
    """The proof, unless a small network contradicts it: the code then does in numbers what it hides from letters."""
    from .search import contradicted

    try:
        reason = contradicted(question, None)
        if not reason:
            return found
        reason = f"local cut: {reason}"
    except (Undecidable, UserCodeError) as event:
        reason = f"local cut: in a small network the code fails otherwise than over letters: {event}"
    return _searched(question, [reason], deadline)


def _in_network(question: Question, deadline: float) -> Verdict:
    if isinstance(question.net, MLP):
        every, odd = hidden_of(question), dict[Any, Any]()
    else:
        every, odd = surveyed(question)
    layers = every if question.layer is None else [question.layer]
    if not layers:
        what = "tied group without the input and the output" if question.law.grouped else "hidden layer"
        reason = f"no {what}: the law says nothing of this network"
        return _verdict(Undecided, question, "nothing to prove", (reason,))
    found: dict[int, Verdict] = {}
    tried: dict[int, list[str]] = {layer: [] for layer in layers}
    for layer, error in odd.items():
        if question.layer is not None:
            raise error
        asked = replace(question, layer=layer)
        found[layer] = _verdict(Undecided, asked, "the law has no meaning there", (str(error),))
    for way in _ways(question):
        for squares in _gates(question):
            left = [layer for layer in layers if layer not in found]
            if left:
                _attempt(question, left, way, squares, found, tried)
    for layer in [layer for layer in layers if layer not in found]:
        now, waiting = time.monotonic(), len(layers) - len(found)
        found[layer] = _searched(replace(question, layer=layer), tried[layer], now + (deadline - now) / waiting)
    found = {layer: found[layer] for layer in layers}
    if question.layer is not None:
        return found[question.layer]
    if all(isinstance(part, Proved) for part in found.values()):
        return conjunction(question, found)  # type: ignore[arg-type]
    worst = next((part for part in found.values() if isinstance(part, Refuted)), None)
    kind: type[Verdict] = Undecided if worst is None else Refuted
    part = worst if worst is not None else next(p for p in found.values() if not isinstance(p, Proved))
    return _verdict(kind, question, part.how, part.tried, found, part.witness)


def all_given(net: Any) -> bool:
    """Whether every size is a number."""
    sizes = [size for dims in net.shapes().values() for size in dims]
    return all(isinstance(size, int) for size in sizes) and not (isinstance(net, Network) and size_names(net))


def _ways(question: Question) -> tuple[str, ...]:
    """The provers for a given network."""
    if not is_local(question.rule):
        return ("words", "widths")
    if isinstance(question.net, MLP):
        return ("cut", "words", "widths")
    written_out = ("words", "widths") if all_given(question.net) else ("words",)
    return written_out if question.claim and not question.step else ("stars", *written_out)


def _attempt(
    question: Question,
    layers: list[int],
    way: str,
    squares: bool,
    found: dict[int, Verdict],
    tried: dict[int, list[str]],
) -> None:
    """One prover on the layers that are left."""
    from .search import contradicted

    label = {"cut": "local cut", "widths": "polynomials"}.get(way, WAYS[way]) + _with(squares)
    try:
        if way in ("words", "widths") and not isinstance(question.net, MLP):
            terms, letters = cost(question)
            if terms > WORDS or letters > LETTERS:
                raise Undecidable(f"words of {terms} terms, with {letters} letters: more than {WORDS}, or {LETTERS}")
        if way == "widths":
            sizes = prove_in_network(question, layers, "words", squares)
            for layer, word in sizes.items():
                if isinstance(word, Word) and expansion_size(word) > EXPANSION_LIMIT:
                    tried[layer].append(f"{label}: {expansion_size(word)} monomials, more than {EXPANSION_LIMIT}")
                    layers = [other for other in layers if other != layer]
        answers = prove_in_network(question, layers, way, squares) if layers else {}
        proved = {layer: answer for layer, answer in answers.items() if isinstance(answer, Proved)}
        for layer in [layer for layer in layers if layer not in proved]:
            left = answers.get(layer)
            why = f"a residual is left ({_terms((left,))})" if isinstance(left, Word) else "it does not apply"
            tried[layer].append(f"{label}: {why}")
        together = [list(proved)] if proved and not isinstance(question.net, MLP) else [[layer] for layer in proved]
        for some in together:
            try:
                reason = contradicted(*_smaller(question, some, way))
            except (Undecidable, UserCodeError) as event:
                reason = f"over numbers the code fails otherwise: {event}"
            for layer in some:
                if reason:
                    tried[layer].append(f"{label}: {reason}")
                else:
                    found[layer] = proved[layer]
    except Undecidable as event:
        for layer in layers:
            tried[layer].append(f"{label}: {event.line} asks for {event.question}")


def _smaller(question: Question, layers: list[Any], way: str) -> tuple[Question, list[Any]]:
    """The question by which a proof is tried on numbers: of many equal blocks, about two."""
    if way != "stars" or not getattr(question.net, "uniform", False) or question.net.blocks <= FEW:
        return question, layers
    question = replace(question, net=question.net.of(2))
    return question, hidden_of(question)


def _searched(question: Question, tried: list[str], deadline: float) -> Verdict:
    from .search import search

    try:
        witness = search(question, deadline)
        late = time.monotonic() > deadline
        tried += [] if witness else ["witness search: " + ("the budget ran out" if late else "no point tried is one")]
    except KeyboardInterrupt:
        witness = None
        tried.append("witness search: interrupted")
    if witness is None:
        return _verdict(Undecided, question, "no prover reached an answer", tuple(tried))
    return _verdict(Refuted, question, "exact witness", tuple(tried), witness=witness)


def _verdict(
    kind: type[Verdict], question: Question, how: str, tried: tuple[str, ...], layers: Any = None, witness: Any = None
) -> Verdict:
    scope = scope_of(question)
    if witness is not None and witness.activation != question.activation.name:
        scope = replace(scope, activations=f"{scope.activations}; refuted with φ = {witness.activation}")
    if witness is not None:
        values = ", ".join(f"{name} = {value}" for name, value in witness.parameters.items())
        scope = replace(scope, parameters=values or "none")
    names = name_of(question.law), name_of(question.rule)
    return kind(*names, statement_of(question), scope, how, layers or {}, tried, "", witness, question)


def expansion_size(word: Word) -> int:
    """How many monomials a word has, written out at given widths."""
    return sum(prod(size for size in dims if isinstance(size, int)) for _, dims, _, _ in word.terms)


def _gates(question: Question) -> tuple[bool, ...]:
    return (False, True) if question.activation.square else (False,)


def _with(squares: bool) -> str:
    return ", with the gates' squares" if squares else ""


def _terms(words: Iterable[Word]) -> str:
    counts = [len(word.normal()) for word in words]
    return f"{max(counts)} terms" if max(counts) > 1 else "1 term"
