"""Arguments: lines about a flow, each equal to another or joined to it by an inequality, and every one of them checked.

Method. Lines are 1 × 1 words: numbers made of matrices of every size. Two are equal if their difference is 0 modulo the
equations at hand: hypotheses, and laws of the flow between now and the start. An inequality a ≥ b needs a *fact*, a
number known not to be negative, that a − b is equal to. Facts are squares ‖M‖², hypotheses, what was shown before, and
their sums and products. A factor that may be 0 is cancelled by a case distinction. Of analysis there is Grönwall's
lemma alone: q̇ ≤ −c q for a constant c gives q(t) ≤ e^{−ct} q(0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

from ..errors import DoesNotFollow, Misuse, name_of
from .carriers import exact, watch
from .cuts import Piece, pieces
from .passes import Run
from .verdicts import Proved, Scope
from .words import Word, WordCarrier, derivative, letter, letter_name, letter_number, modulo, word_of

_KEY = object()
LINEAR = SimpleNamespace(name="linear", linear=True)  # all that words ask of φ(h) = h
ANY = SimpleNamespace(name="any φ", linear=False, degree=None)  # φ(h) and φ′(h) are two letters


class Fact:
    """A number that is known not to be negative, in one argument; positive if `strict`."""

    def __init__(self, key: object, word: Word, strict: bool, owner: Argument) -> None:
        if key is not _KEY:
            raise Misuse("Fact", "made by hand", "argument.square, argument.suppose, or what an argument returns")
        self.word, self.strict, self.owner = word, strict, owner

    def __add__(self, other: Fact) -> Fact:
        other = self.owner._known(other)
        return Fact(_KEY, self.word + other.word, self.strict or other.strict, self.owner)

    def __mul__(self, other: Any) -> Fact:
        """A product of facts, or of a fact and a rational number that is not negative."""
        if not isinstance(other, Fact):
            number = Fraction(exact(other))
            if number < 0:
                raise Misuse("a factor of a fact", other, "0 or more")
            return Fact(_KEY, self.word * number, self.strict and number > 0, self.owner)
        other = self.owner._known(other)
        return Fact(_KEY, self.word * other.word, self.strict and other.strict, self.owner)

    __rmul__ = __mul__


@dataclass(frozen=True)
class Line:
    """`left` relation `right`, and why; both are words, but of Grönwall's conclusion, which is about q at two times."""

    relation: str
    left: Word
    right: Word
    reason: str


def solved(zero: Word, left: Word) -> tuple[Word, Word]:
    """The equation zero = 0 for one of its terms."""
    (key, own), *more = left.normal().items() or [(None, 0)]
    share = zero.normal().get(key, 0)
    if more or not share:
        raise Misuse("left", "no term of what is conserved", "one product of it")
    return left, left - zero * (Fraction(own) / Fraction(share))


def at_start(word: Word, moves: dict[str, Word]) -> Word:
    """The word with X(0) in the place of every letter X that moves."""
    if any("(" in name for name in word.names()):
        raise Misuse("a conserved word", "letters that are functions of others", "parameters and data alone")

    def begun(k: int) -> int:
        return letter_number(f"{letter_name(k)}(0)") if letter_name(k) in moves else k

    def at_once(edges: Any, *rest: Any) -> Any:
        return tuple((begun(k), i, j) for k, i, j in edges), *rest

    return Word(word._dims, {at_once(*graph): c for graph, c in word.terms.items()})


class Maps:
    """W and B of a layer as a law of every layer reads them: letters of every width; `at` is "(0)" at the start."""

    def __init__(self, label: str, rows: str, cols: str, at: str, fixed: bool) -> None:
        self.index = self.name = f"W_{{{label}}}"
        self.W = letter(f"W_{{{label}}}{at}", rows, cols)
        self.B = letter(f"B_{{{label}}}{'' if fixed else at}", rows, cols)

    def __getattr__(self, key: str) -> Any:
        raise Misuse("law", f"it reads {key}", "a law of W and B alone")


class Flow:
    """A chain along a rule's flow for the squared loss: letters of every width, their velocities.

    `now` and `start` have W1, …, B2, …, F1, …, x and the error signal e as words, `now` the output f too. e moves as f
    does, since e = f − y: its rate is that of f, and y is not written. The chain is linear, or has `activation` "any":
    then `now` has phi1, dphi1, …, of which dphi1 = φ′(h_1) has no rate (φ″ is not known of any φ).
    """

    def __init__(self, rule: Any, depth: int = 2, outputs: Any = 1, activation: str = "linear") -> None:
        if isinstance(depth, bool) or not isinstance(depth, int) or depth < 2:
            raise Misuse("depth", depth, "a number of maps, at least 2")
        if not (isinstance(outputs, str) and outputs) and not (type(outputs) is int and outputs > 0):
            raise Misuse("outputs", outputs, "a number of outputs, or a letter for any, such as 'k'")
        if activation not in ("linear", "any"):
            raise Misuse("activation", activation, "'linear' or 'any'")
        sizes = (*(f"n_{k}" for k in range(1, depth)), outputs)
        phi = ANY if activation == "any" else LINEAR
        piece = Piece("x", "n_0", sizes, tuple(range(1, depth + 1)), outputs, phi, False, True, True)
        self.rule, self.depth, self.outputs = name_of(rule), depth, outputs
        with watch():
            run: Run = Run(piece, WordCarrier(), "m", lambda output: run.once("e", outputs, "m"))
            velocities: dict[str, Word] = run.velocities(rule)
        known = {**run.parameters, **run.letters, "x": run.input.a}
        hidden = list(enumerate(run.layers[:-1], start=1)) if phi is ANY else []
        self._fields = [(next(iter(layer.a.names())), layer.h, layer.dphi) for _, layer in hidden]
        self.unknown = frozenset().union(*(layer.dphi.names() for _, layer in hidden))
        self.moves = self._carried(velocities)
        self.moves["e"] = derivative(run.output.h, self.moves)  # e = f − y, and y stands still
        fields = {f"phi{k}": layer.a for k, layer in hidden} | {f"dphi{k}": layer.dphi for k, layer in hidden}
        self.now = SimpleNamespace(**known, **fields, f=run.output.h)
        begun = {
            name: letter(f"{name}(0)", *known[name]._dims) if name in self.moves else known[name] for name in known
        }
        self.start = SimpleNamespace(**begun)

    def rate(self, word: Word) -> Word:
        return derivative(known_rate(word, self.unknown), self.moves)

    def first_order(self, moves: dict[str, Word]) -> Word:
        """How the output f changes to first order where the parameters change by `moves`."""
        if unknown := moves.keys() - self.moves.keys():
            raise Misuse("moves", sorted(unknown), f"changes of {', '.join(self.moves)}")
        return derivative(self.now.f, self._carried(moves))

    def _carried(self, moves: dict[str, Word]) -> dict[str, Word]:
        """The moves of the parameters, and those of the fields φ(h) that follow, from the first layer on."""
        carried = dict(moves)
        for name, h, slope in self._fields:
            carried[name] = slope * derivative(h, carried)
        return carried


def known_rate(word: Word, unknown: frozenset[str]) -> Word:
    if named := word.names() & unknown:
        raise Misuse("a rate", sorted(named), "words whose rate is known: not φ′ of any φ, nor what `by_law` is about")
    return word


class Argument:
    """A chain of lines about what `flow` moves; without one, about letters whose velocities are supposed (`moving`)."""

    def __init__(self, flow: Flow | None = None) -> None:
        if flow is not None and not isinstance(flow, Flow):
            raise Misuse("flow", flow, "a fv.Flow, or nothing")
        self.rule: str | None = None if flow is None else flow.rule
        self._moves: dict[str, Word] = {} if flow is None else dict(flow.moves)
        self._unknown: frozenset[str] = frozenset() if flow is None else flow.unknown
        self.lines: list[Line] = []
        self.equations: list[tuple[Word, Word]] = []
        self.assumed: list[str] = []
        self.given: list[Line] = []  # what the hypotheses say, as lines
        self.laws: list[Any] = []

    @property
    def moves(self) -> dict[str, Word]:
        """The velocity of every letter that moves."""
        return dict(self._moves)

    def __str__(self) -> str:
        from ..writing.arguments import argument_text

        return argument_text(self)

    def to_dict(self) -> dict[str, Any]:
        """The lines as text, ready for JSON; what was checked is gone."""
        from ..writing.arguments import argument_lines

        parts = ("left", "relation", "right", "reason")
        lines, given = ([dict(zip(parts, line, strict=True)) for line in told] for told in argument_lines(self))
        laws = [f"{law.statement}, along {law.rule}" for law in self.laws]
        return {"kind": "argument", "assumed": list(self.assumed), "laws": laws, "given": given, "lines": lines}

    def rate(self, word: Word) -> Word:
        """The derivative along the velocities."""
        return derivative(known_rate(self._smooth(word), self._unknown), self._moves)

    # What is given

    def suppose_equal(self, left: Word, right: Word, text: str) -> None:
        """The hypothesis that left = right, at all times; from now on left is written as right.

        A letter that stands still is no name for what moves: the equation must follow the flow.
        """
        left, right = self._smooth(left), self._smooth(right)
        if left._dims != right._dims or left.constant() is not None:
            raise Misuse("left", left._dims, f"a product of letters, of the shape {right._dims} of the right side")
        equations = [*self.equations, (left, right)]
        if not modulo(self.rate(left) - self.rate(right), equations).is_zero():
            raise DoesNotFollow(text, "its sides do not move alike")
        self._given(Line("=", left, right, text))
        self.equations.append((left, right))

    def moving(self, word: Word, rate: Word, text: str) -> None:
        """The hypothesis that a letter has this velocity. It must be new: nothing was said of it as of a constant.

        That it stands in the velocity of another says nothing of the kind, so that letters may move by one another.
        """
        names, known = word.names(), self._said() | self._unknown
        if any(name.endswith("(0)") for name in names):
            raise Misuse("word", sorted(names), "a letter that may move: X(0) is X at the start, and stands still")
        if len(names) != 1 or len(word.terms) != 1 or word._dims != rate._dims or names & known:
            raise Misuse("word", sorted(names), "a letter of which nothing was said yet, and a velocity of its shape")
        self._moves |= dict.fromkeys(names, rate)
        self._given(Line("moves", word, rate, text))

    def suppose(self, word: Word, text: str, strict: bool = False) -> Fact:
        """The hypothesis that a number is not negative (or positive)."""
        self._given(Line(">" if strict else "≥", self._number(word), word_of(0), text))
        return Fact(_KEY, word, strict, self)

    def for_all(self, bound: Callable[[Word], Word], text: str) -> Callable[[Word], Fact]:
        """The hypothesis that `bound(v)` is not negative for every matrix v of a shape."""
        self.assumed.append(text)

        def of(v: Word) -> Fact:
            found = self._number(bound(v))
            self._given(Line("≥", found, word_of(0), text))
            return Fact(_KEY, found, False, self)

        return of

    def square(self, matrix: Word) -> Fact:
        """‖M‖² ≥ 0."""
        matrix = self._smooth(matrix)
        return Fact(_KEY, matrix.inner(matrix), False, self)

    def conserved(self, value: Word, left: Word, reason: str) -> None:
        """Q(now) = Q(start) for a Q whose rate vanishes; from now on `left`, a term of Q, is written by the others.

        At the start every letter X that moves is the letter X(0).
        """
        if not modulo(self.rate(value), self.equations).is_zero():
            raise DoesNotFollow(reason, "its rate along the flow is not 0")
        self.equations.append(solved(value - at_start(value, self._moves), left))

    def by_law(self, verdict: Any, left: Callable[[Maps, Maps], Word]) -> tuple[tuple[Maps, Maps], ...]:
        """Q(now) = Q(start) for a proved law of every layer l; `left(layer, above)`, a term of Q, is written anew.

        Returns: (layer l, the layer above) now, and the same at the start.
        """
        question = getattr(verdict, "question", None)
        other = question and any((question.mu_text != "0", question.step, question.claim, question.assume))
        if type(verdict) is not Proved or question is None or other or (question.net, question.layer) != (None, None):
            raise DoesNotFollow("the law", "it is not proved to be constant at every layer of every chain")
        if verdict.rule != (self.rule or verdict.rule):
            raise DoesNotFollow("the law", f"it is one of {verdict.rule}, and this is about {self.rule}")
        self.rule = verdict.rule
        self.laws.append(verdict)
        moved = question.run(pieces(question, 1)[-1], WordCarrier()).velocities(question.rule)
        fixed = not any(name[0] == "B" for name in moved)
        layers = [(Maps("l", "n", "m", at, fixed), Maps("l+1", "k", "n", at, fixed)) for at in ("", "(0)")]
        now, before = (question.law.formula(*pair) for pair in layers)
        moving = {n for m in layers[0] for n in m.W.names() | (frozenset() if fixed else m.B.names())}
        if constant := sorted((moving & self._said()) - self._unknown):
            raise Misuse("the law", constant, "letters of which nothing was said yet: they move, and how is not told")
        if not isinstance(now, Word):
            raise Misuse("law", type(now).__name__, "a law that is a matrix or a number made of W and B")
        self.equations.append(solved(now - before, left(*layers[0])))
        self._unknown |= moving
        return tuple(layers)

    # What follows

    def equal(self, left: Word, right: Word, reason: str) -> Word:
        """left = right."""
        self._check(left, right, "=", reason)
        return right

    def at_least(self, left: Word, right: Word, fact: Fact, reason: str) -> Fact:
        """left ≥ right (or >), since left − right is a fact."""
        fact = self._known(fact)
        relation = ">" if fact.strict else "≥"
        if not self._vanishes(left - right - fact.word):
            raise DoesNotFollow(f"left {relation} right ({reason})", "their difference is not what the fact says")
        self.lines.append(Line(relation, self._number(left), self._number(right), reason))
        return Fact(_KEY, left - right, fact.strict, self)

    def cancelled(self, product: Fact, factor: Fact, rest: Word, multiple: Any, otherwise: Fact, reason: str) -> Fact:
        """rest ≥ 0: for factor · rest ≥ 0 with a factor ≥ 0; where that is 0, rest + multiple · factor ≥ 0 says so."""
        product, factor, otherwise = self._known(product), self._known(factor), self._known(otherwise)
        if not self._vanishes(product.word - factor.word * rest):
            raise DoesNotFollow(reason, "the product is not the factor times the rest")
        if not self._vanishes(rest + factor.word * Fraction(exact(multiple)) - otherwise.word):
            raise DoesNotFollow(reason, "where the factor vanishes the rest is not what was said")
        self.lines.append(Line("≥", self._number(rest), word_of(0), reason))
        return Fact(_KEY, rest, False, self)

    def decays(self, value: Word, constant: Word, fact: Fact, reason: str) -> None:
        """q(t) ≤ e^{−ct} q(0), by Grönwall's lemma: −q̇ − c q is a fact, and c is made of nothing that moves."""
        fact = self._known(fact)
        moving = {name for name, rate in self._moves.items() if rate.terms} | self._unknown
        if moving & self._smooth(constant).names():
            raise DoesNotFollow(reason, "the constant moves")
        if not self._vanishes(-self.rate(value) - constant * value - fact.word):
            raise DoesNotFollow(reason, "−q̇ − c q is not what the fact says")
        self.lines.append(Line("decays", self._number(value), self._number(constant), reason))

    def never_rises(self, value: Word, fact: Fact, reason: str) -> None:
        """q̇ ≤ 0: −q̇ is a fact."""
        fact = self._known(fact)
        if not self._vanishes(self.rate(value) + fact.word):
            raise DoesNotFollow(reason, "−q̇ is not what the fact says")
        self.lines.append(Line("falls", self._number(value), self._number(fact.word), reason))

    def proved(self, rule: str, statement: str, scope: Scope) -> Proved:
        """The verdict: the statement is the author's reading of the lines, which are all that was checked."""
        if not self.lines:
            raise DoesNotFollow(statement, "nothing was shown")
        if rule != (self.rule or rule):
            raise DoesNotFollow(statement, f"it is about {rule}, and the argument about {self.rule}")
        scope = replace(scope, assumptions="; ".join(self.assumed) or "none")
        how = f"words, an argument of {len(self.lines)} line{'s' * (len(self.lines) > 1)}, each checked"
        return Proved("argument", rule, statement, scope, how, witness=self)

    # Checks

    def _said(self) -> set[str]:
        """The letters that move, and those of which something was said as of constants."""
        pairs = [(x.left, x.right) for x in (*self.lines, *self.given) if x.relation != "moves"] + self.equations
        return set(self._moves).union(*(part.names() for pair in pairs for part in pair))

    def _given(self, line: Line) -> None:
        if line.reason not in self.assumed:
            self.assumed.append(line.reason)
        self.given.append(line)

    def _known(self, fact: Any) -> Fact:
        if not isinstance(fact, Fact) or fact.owner is not self:
            found = "a fact of another argument" if isinstance(fact, Fact) else type(fact).__name__
            raise Misuse("fact", found, "a fact of this argument: argument.square, argument.suppose, …")
        return fact

    def _smooth(self, word: Any) -> Word:
        """A word whose letters are parameters and data: signs jump, and other functions are not looked into."""
        if not isinstance(word, Word):
            raise Misuse("a line", type(word).__name__, "a word: what letters and the helpers of fv make")
        if any("(" in name.removesuffix("(0)") for name in word.names()):
            raise Misuse("a line", "a sign, an inverse or a logarithm", "polynomials of letters")
        return word

    def _number(self, word: Word) -> Word:
        word = self._smooth(word)
        if word._dims != (1, 1):
            raise Misuse("a line", f"a matrix of shape {word._dims}", "a number: an inner product, a square, a trace")
        return word

    def _vanishes(self, word: Word) -> bool:
        return modulo(self._smooth(word), self.equations).is_zero()

    def _check(self, left: Word, right: Word, relation: str, reason: str) -> None:
        if not self._vanishes(self._smooth(left) - self._smooth(right)):
            raise DoesNotFollow(f"left {relation} right ({reason})", "their difference is not 0")
        self.lines.append(Line(relation, left, right, reason))
