"""Discovery: all polynomial laws of a rule on a network, up to a degree, and whether there can be more.

Method. `fields` makes of the rule a family of polynomial vector fields X; `kernels` finds every polynomial that all of
them keep constant, and certifies each over ℚ; laws of the library and products of laws come first as a basis, so that
what is left is new. For semi-invariants X is split into X₀, its part without data (decay), and the rest: dQ/dt = μQ
for all data iff the rest keeps Q and X₀ Q = μQ, an eigenvector of X₀ on the largest space of laws of the rest that it
maps to itself. The rank of the Jacobian counts independent laws from below, D less the Lie rank from above.

References: Marcotte, Gribonval & Peyré 2023, *Abide by the law and follow the flow*.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations_with_replacement
from typing import Any

from ..errors import FaverifyError, Misuse, Undecidable, whole_number
from ..kernel.states import State, value_of
from ..model import laws as library
from ..model.names import rule_named, unmarked
from ..model.networks import MLP
from ..proving.purity import memoryless, spelt
from .discovered import Discovery, FoundLaw, polynomial_text, whole
from .eigenspaces import eigenspaces, varying
from .fields import Law, Setting, describe, entry_of, is_additive, setting_of, values_text
from .kernels import LARGEST, Kernel, certified, fill, monomials
from .lie import LieRank, lie_rank
from .residues import Field, modulus
from .spans import Span, SparseSpan


class _Stopped(Exception):
    """The budget ran out."""


def discover(
    rule: Any,
    net: Any = None,
    degree: int = 2,
    *,
    feedback: Mapping[str, Any] | None = None,
    seed: int = 0,
    budget: float | None = None,
    activation: Any = None,
    bias: bool = False,
) -> Discovery:
    """All polynomial laws up to `degree` of the moving parameters, common to all inputs and all error signals.

    With a network: what does not move (B, F) has the numbers of `feedback`, or small ones drawn from `seed`. `budget`
    is in seconds; what is certified by then is returned, as after Ctrl-C. The clock is read between steps, of which the
    longest is the null space of one prime. Without one, where nothing is drawn and no clock read: laws for all widths
    and depths of degree ≤ 2 among products of W, b, B, F of a layer and the next, for the `activation` named, or every
    φ with h φ′ = φ.

    Returns: a `Discovery`.

    Raises: Misuse, ShapeError, ExactnessError, RuleError; UnsupportedOperation for signs of what is no parameter.

    Scope: what the `scope` of the answer says: generic feedback, the region of a base point, single samples.

    Examples
    --------
    >>> import faverify as fv
    >>> found = fv.discover(fv.rules.FeedbackAlignment(), fv.MLP((2, 2, 1)))
    >>> [law.known for law in found.laws]
    ['neuron-feedback-balance[0] at layer 1', 'neuron-feedback-balance[1] at layer 1']
    >>> found.independent, found.parameters - found.lie_rank, found.complete
    (2, 2, True)
    """
    rule = rule_named(rule) if isinstance(rule, str) else rule
    if isinstance(rule, type) or not callable(getattr(rule, "velocities", None)):
        raise Misuse("rule", rule, "an instance of a subclass of fv.LearningRule, such as fv.rules.BackPropagation()")
    spelt(rule)
    degree, seed = whole_number("degree", degree, 1), whole_number("seed", seed, -math.inf, expected="a whole number")
    if budget is not None and (isinstance(budget, bool) or not isinstance(budget, (int, float)) or not budget >= 0):
        raise Misuse("budget", budget, "a number of seconds ≥ 0, or None for no bound")
    deadline = None if budget is None else time.monotonic() + budget
    if net is None:
        from .ansatz import discover_everywhere

        if feedback is not None or degree > 2:
            raise Misuse("feedback, degree", (feedback, degree), "no feedback and degree ≤ 2 without a network")
        return discover_everywhere(rule, activation, bias, degree)
    if not isinstance(net, MLP):
        raise Misuse("net", net, "a chain, such as fv.MLP(widths=(3, 4, 1), activation='relu'), or None")
    if activation is not None or bias:
        raise Misuse("activation, bias", (activation, bias), "none: a network brings its own")
    weights = sum(rows * cols for rows, cols in net.shapes().values())
    if weights > 10 * LARGEST:
        raise Misuse("net", net, f"a smaller one: {weights} parameters, of which at most {LARGEST} can move")
    try:
        with memoryless(rule, rule):
            return _Search(setting_of(rule, net, feedback, seed), degree, deadline).result()
    except Undecidable as event:
        found = f"code that at {event.line} asks for {event.question}"
        raise Misuse("rule", found, "a formula in letters, which discovery runs over residues") from event


@dataclass(eq=False)
class _Search:
    """The stages of a discovery, in an order in which each leaves something to return."""

    setting: Setting
    degree: int
    deadline: float | None
    kernel: Kernel = field(init=False)
    known: list[tuple[Law, str, int, Fraction]] = field(default_factory=list)  # the library's, certified
    basis: list[tuple[Law, FoundLaw]] | None = None
    bounds: tuple[int | None, LieRank | None] = (None, None)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.kernel = Kernel(monomials(len(self.setting.variables), self.degree) if self.setting.variables else [])

    def check(self) -> None:
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise _Stopped

    def result(self) -> Discovery:
        self.notes = list(self.setting.notes)
        done = False
        if not self.setting.variables:
            self.notes.append("nothing moves: there is nothing to find")
            self.basis, done = [], True
        else:
            try:
                done = self.search()
            except KeyboardInterrupt:
                self.notes.append("interrupted: there may be more laws than these")
            except _Stopped:
                self.notes.append("the budget ran out: there may be more laws than these")
        return self.told(done)

    def search(self) -> bool:
        setting, degree = self.setting, self.degree
        if not is_additive(setting):
            self.notes.append(
                "the velocities of a batch are not the sums of those of its samples: laws of single samples"
            )
        still = any(rate != 0 for rate in setting.parts[0])
        for law, name, layer in library_laws(setting, degree):
            self.check()
            rate = rate_of(setting, law)
            if rate is not None:
                self.known.append((law if rate else varying(law), name, layer, rate))
        fill(setting, self.kernel, still, self.check)
        spaces = eigenspaces(setting, self.kernel, still)
        self.basis = named_basis(setting, self.kernel, spaces, self.known, degree, self.check)
        independent = self.rank()
        self.bounds = (independent, None)
        self.bounds = (independent, lie_rank(setting, len(setting.variables) - independent, self.check))
        return True

    def rank(self) -> int:
        generating = [law for law, found in self.basis or [] if found.rate == 0]
        return jacobian_rank(self.setting, generating)

    def told(self, done: bool) -> Discovery:
        setting, basis = self.setting, self.basis
        if basis is None:  # stopped early: the certified laws as they came
            basis = named_basis(setting, self.kernel, {Fraction(0): []}, self.known, self.degree, lambda: None)
            basis += _others(setting, self.kernel, basis)
        exact = done and (self.kernel.nullity is None or self.kernel.exact)
        if done and not exact:
            self.notes.append(
                f"{self.kernel.nullity} candidates mod p, {len(self.kernel.laws)} certified over ℚ with "
                f"{self.kernel.primes} primes: the number of laws is between the two"
            )
        independent, lie = self.bounds
        if independent is None:
            independent = jacobian_rank(setting, [law for law, found in basis if found.rate == 0])
        size = len(setting.variables)
        scope = describe(setting)
        if not setting.net.activation.linear:
            scope["gates"] = "free: laws that hold whatever they are; there may be others where they are tied to θ"
        scope["degree"] = f"at most {self.degree} in {', '.join(setting.moving) or 'nothing'}"
        if lie is not None:
            closed = "; closed under brackets" if lie.closed else ""
            scope["Lie rank"] = (
                f"activation patterns at the base point: {lie.patterns}; brackets: {lie.brackets}{closed}"
            )
            scope["base point"] = values_text(lie.base)
        elif done and size:
            self.notes.append("no Lie rank: the fields of this activation are not polynomials near a base point")
        return Discovery(
            laws=tuple(found for _, found in basis if found.rate == 0),
            semi_invariants=tuple(found for _, found in basis if found.rate != 0),
            independent=independent,
            lie_rank=None if lie is None else lie.rank,
            complete=bool(done and exact and lie is not None and independent == size - lie.rank),
            exact=exact,
            parameters=size,
            degree=self.degree,
            scope=scope,
            notes=tuple(self.notes),
            feedback={unmarked(name): tuple(map(tuple, rows)) for name, rows in setting.given().items()},
        )


def library_laws(setting: Setting, degree: int) -> Iterator[tuple[Law, str, int]]:
    """Every entry of every law of the library that conforms here, with its name and layer."""
    p = setting.net.activation.degree
    unit = isinstance(p, int) and p == 1
    families = [] if p is None or unit else [family(p) for family in library.FAMILIES.values()]
    setting.rates  # noqa: B018 — the layers come into being
    for law in [*library.LIBRARY.values(), *families]:
        for layer in range(1, setting.net.depth):
            try:
                value = value_of(law, setting.run, State(setting.run.layers[layer - 1]))
            except (FaverifyError, Undecidable):  # it does not conform, or has no value over residues
                continue
            for i, row in enumerate(value.data):
                for j, entry in enumerate(row):
                    found = setting.law(entry)
                    if 0 < max(map(len, found), default=0) <= degree:
                        at = {(1, 1): ""}.get(value._dims, f"[{i},{j}]" if value._dims[1] > 1 else f"[{i}]")
                        single = at or ("[0]" if law.name.startswith("neuron") else "")
                        yield found, f"{law.name}{single} at layer {layer}", layer


def rate_of(setting: Setting, law: Law) -> Fraction | None:
    """The constant μ with dQ/dt = μQ, if there is one."""
    polynomial = setting.polynomial(law)
    rate = setting.along(polynomial, setting.rates)
    if rate == 0:
        return Fraction(0)
    exponents, c = next(iter(polynomial.to_dict().items()))
    ratio = rate.to_dict().get(exponents, 0) / c
    return Fraction(int(ratio.p), int(ratio.q)) if ratio and rate == polynomial * ratio else None


def named_basis(
    setting: Setting,
    kernel: Kernel,
    spaces: Mapping[Fraction, list[Law]],
    known: list[tuple[Law, str, int, Fraction]],
    degree: int,
    check: Callable[[], None],
) -> list[tuple[Law, FoundLaw]]:
    """A basis of every eigenspace, degree by degree: of the library, then products, then what is new."""
    p = modulus()
    residues = Field(p, setting.constants)
    chosen: list[tuple[Law, FoundLaw]] = []
    spans: dict[Fraction, SparseSpan] = {}
    free = {kernel.candidates[f] for f in kernel.free}  # these columns tell laws apart

    def offer(law: Law, rate: Fraction, kind: str, name: str | None, layer: int | None) -> None:
        vector = {m: residues.number(c) for m, c in law.items() if m in free or not free}
        if spans.setdefault(rate, SparseSpan(p)).add({m: c for m, c in vector.items() if c}):
            chosen.append((law, _found(setting, law, rate, kind, name, layer)))

    # Entries before sums of entries: a law of a layer is the sum of those of its neurons.
    finest = sorted(known, key=lambda item: ("[" not in item[1], item[2]))
    for size in range(1, degree + 1):
        for law, name, layer, rate in finest:
            if max(map(len, law)) == size:
                offer(law, rate, "library", name, layer)
        lower = [(law, found) for law, found in chosen if found.degree < size]
        for (a, one), (b, two) in combinations_with_replacement(lower, 2):
            check()
            if one.degree + two.degree == size and (one.rate + two.rate in spaces):
                law = _times(a, b)
                offer(law if one.rate + two.rate else varying(law), one.rate + two.rate, "product", None, None)
        for rate, laws in spaces.items():
            for law in laws:
                if max(map(len, law)) == size:
                    offer(shortened(law, [a for a, found in chosen if found.rate == rate]), rate, "new", None, None)
    return chosen


def shortened(law: Law, known: list[Law]) -> Law:
    """The law less multiples of known ones, as long as its terms get fewer; whole coefficients."""
    found = True
    while found:
        found = False
        for other in known:
            for m in other.keys() & law.keys():
                less = dict(law)
                for n, c in other.items():
                    less[n] = less.get(n, Fraction(0)) - law[m] / other[m] * c
                less = {n: c for n, c in less.items() if c}
                if 0 < len(less) < len(law):
                    law, found = less, True
                    break
    return whole(_sorted(law))


def _others(setting: Setting, kernel: Kernel, basis: list[tuple[Law, FoundLaw]]) -> list[tuple[Law, FoundLaw]]:
    """Certified laws beyond those named so far, when there was no time to choose a basis."""
    p = modulus()
    residues, span, found = Field(p, setting.constants), SparseSpan(p), []
    for law, named in basis:
        if named.rate == 0:
            span.add({m: residues.number(c) for m, c in law.items()})
    for law in kernel.laws.values():
        if certified(setting, law, setting.rates) and span.add({m: residues.number(c) for m, c in law.items()}):
            law = whole(_sorted(law))
            found.append((law, _found(setting, law, Fraction(0), "new", None, None)))
    return found


def jacobian_rank(setting: Setting, laws: list[Law]) -> int:
    """The rank of the Jacobian of some laws at a random point mod p: at most the number that are independent."""
    import numpy as np

    p = modulus()
    residues, size = Field(p, setting.constants), len(setting.variables)
    point = [int(k) for k in np.random.default_rng([setting.seed % 2**63, 1]).integers(1, p, size)]
    span = Span(size, p)
    for law in laws:
        gradient = np.zeros(size, dtype=np.int64)
        for monomial, c in law.items():
            for i in set(monomial):
                rest = list(monomial)
                rest.remove(i)
                value = residues.number(c) * monomial.count(i)
                for j in rest:
                    value = value * point[j] % p
                gradient[i] = (int(gradient[i]) + value) % p
        span.add(gradient)
    return len(span.pivots)


def _found(setting: Setting, law: Law, rate: Fraction, kind: str, name: str | None, layer: int | None) -> FoundLaw:
    names = setting.variables
    polynomial = {
        tuple((names[i], monomial.count(i)) for i in dict.fromkeys(monomial)): c for monomial, c in _sorted(law).items()
    }
    if layer is None:
        numbers = [int("".join(filter(str.isdigit, entry_of(v)[0])) or 0) for m in polynomial for v, _ in m]
        layer = min(numbers)
    return FoundLaw(polynomial_text(polynomial), kind, name, layer, polynomial, rate)


def _sorted(law: Law) -> Law:
    """By degree, the highest first; then by the variables' order."""
    return dict(sorted(law.items(), key=lambda item: (-len(item[0]), item[0])))


def _times(a: Law, b: Law) -> Law:
    found: Law = {}
    for m, c in a.items():
        for n, d in b.items():
            key = tuple(sorted(m + n))
            found[key] = found.get(key, Fraction(0)) + c * d
    return {m: c for m, c in found.items() if c}
