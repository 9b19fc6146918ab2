"""The text of a certificate: what is stated, in words and in Coq, and the proofs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .certificates import Case, equal_products, put
from .coq_matrices import gate_name
from .coq_names import STEP, identifier, scalar, size
from .nodes import Node, letters_of, minus, nothing, number, plus, scaled

MEANING = "In names, lp1 stands for l + 1 and Lm1 for L − 1; dphi is φ′, and v… is any velocity of a letter."


def module(case: Case, dialect: Any) -> Iterator[str]:
    """One case as a module of Coq."""
    yield f"(** * {case.heading} *)"
    yield ""
    yield f"Module {case.name}."
    yield "Section Statement."
    yield from dialect.opening()
    yield from dialect.unit_lines()
    yield from activation_lines(case, dialect)
    yield from letter_lines(case, dialect)
    yield from law_lines(case, dialect)
    for node in read_by(case):
        if node in case.moving:
            yield f"Variable {identifier(node.args[0])} : {dialect.matrix(node.dims)}."
    yield ""
    yield from definitions(case, dialect)
    yield from theorems(case, dialect)
    yield "End Statement."
    yield f"End {case.name}."


def activation_lines(case: Case, dialect: Any) -> Iterator[str]:
    """φ, and all that is used of it."""
    if not case.carrier.gates:
        return
    p = case.carrier.activation.degree
    yield f"Variables phi dphi : {dialect.scalar} -> {dialect.scalar}."
    if p is None:
        return
    if isinstance(p, int) and p == 1:
        yield "Hypothesis homogeneous : forall h, h * dphi h = phi h."
        return
    degree = dialect.text(degree_of(case), 0)
    if degree_of(case).op == "scalar":
        yield f"Variable {degree} : {dialect.scalar}."
    yield f"Variable inverse : {dialect.scalar}."
    yield f"Hypothesis invertible : {degree} * inverse = 1."
    yield f"Hypothesis homogeneous : forall h, h * dphi h = {degree} * phi h."


def degree_of(case: Case) -> Node:
    p = case.carrier.activation.degree
    return case.carrier.constant(p) if hasattr(p, "terms") else number(p)


def read_by(case: Case) -> list[Node]:
    """The arguments of Q: what moves, and signs."""
    return [node for node in letters_of(case.law) if node in case.moving or node in case.frozen]


def letter_lines(case: Case, dialect: Any) -> Iterator[str]:
    """The sizes and the letters that the definitions speak of."""
    letters = [node for node in case.carrier.letters.values() if node in used(case)]
    scalars = [node for node in case.carrier.scalars.values() if not (case.carrier.gates and node == degree_of(case))]
    if scalars:
        yield f"Variables {' '.join(scalar(node.args[0]) for node in scalars)} : {dialect.scalar}."
    if case.frozen:
        yield "(* The sign of an entry is constant wherever it is not 0: Q takes sign(W) as a letter. *)"
        yield f"Variable sign : {dialect.scalar} -> {dialect.scalar}."
    sizes = {size(n) for node in letters for n in node.dims or () if not isinstance(n, int)}
    if sizes:
        yield f"Variables {' '.join(sorted(sizes))} : nat."
    for node in letters:
        if node not in case.moving:
            yield f"Variable {identifier(node.args[0])} : {dialect.matrix(node.dims)}."


def used(case: Case) -> list[Node]:
    """Every letter that occurs."""
    found = [case.law, case.claim, *case.carrier.definitions.values(), *case.updates.values(), *case.frozen.values()]
    return list(dict.fromkeys(node for one in found for node in letters_of(one)))


def definitions(case: Case, dialect: Any) -> Iterator[str]:
    """The forward pass, the backward pass and the update, in the rule's own words."""
    carrier, passed = case.carrier, ""
    for name, node in carrier.definitions.items():
        kind = {"h": "The forward pass", "δ": "The backward pass"}.get(name[0], "The update")
        if kind != passed:
            yield f"(** {kind} *)"
        passed = kind
        yield f"Definition {identifier(name)} : {dialect.matrix(node.dims)} := {dialect.text(node)}."
        for layer, (h, dims) in carrier.gates.items():
            if h == name:
                yield from gate_lines(case, dialect, layer, h, dims)


def gate_lines(case: Case, dialect: Any, layer: str, h: str, dims: Any) -> Iterator[str]:
    """a = φ(h), φ′(h), and what they are to each other."""
    a, slope = (gate_name(Node("gate", (kind, layer), dims)) for kind in ("a", "dphi"))
    inside, kind = identifier(h), dialect.matrix(dims)
    for left, function in ((a, "phi"), (slope, "dphi")):
        yield f"Definition {left} : {kind} := {dialect.mapped(function, inside, dims)}."
    p = case.carrier.activation.degree
    if p is None:
        return
    if isinstance(p, int) and p == 1:
        yield f"Lemma gate_{a} : {a} = {dialect.had(slope, inside)}."
        yield f"Proof. {next(dialect.gate_proofs(a, slope, slope, True))} Qed."
        return
    degree, gate = dialect.text(degree_of(case), 0), identifier(f"k{layer}")
    yield f"Definition {gate} : {kind} := {dialect.mapped('(fun h => inverse * dphi h)', inside, dims)}."
    first, second = dialect.gate_proofs(a, slope, gate, False)
    yield f"Lemma gate_{a} : {a} = {dialect.had(gate, inside)}."
    yield f"Proof. {first} Qed."
    yield f"Lemma gate_{slope} : {slope} = {dialect.scaled(degree, gate)}."
    yield f"Proof. {second} Qed."


def opened(case: Case, dialect: Any) -> list[str]:
    """The steps that open the definitions, the last first."""
    found, carrier = [], case.carrier
    p = carrier.activation.degree if carrier.activation is not None else None
    for name in reversed(carrier.definitions):
        for layer, (h, dims) in carrier.gates.items():
            if h == name and p is not None and f"φ{layer}" not in carrier.closed:
                names = [gate_name(Node("gate", (kind, layer), dims)) for kind in ("a", "dphi")]
                found += [dialect.use(f"gate_{one}") for one in names[: 1 if isinstance(p, int) and p == 1 else 2]]
        if name not in carrier.closed:
            found.append(dialect.open(identifier(name)))
    return found


def law_lines(case: Case, dialect: Any) -> Iterator[str]:
    """Q, its derivative, and why that is what it is called."""
    law, moving = case.law, case.moving
    read = read_by(case)
    kind = dialect.scalar if law.dims is None else dialect.matrix(law.dims)
    yield ""
    yield "(** The law, and its derivative along any velocities: the coefficient of s in Q (θ + s θ̇) *)"
    yield f"Definition Q{binders(read, dialect)} : {kind} := {dialect.text(law)}."
    velocities = [moving[node] for node in read if node in moving]
    first = case.coefficients[1] if len(case.coefficients) > 1 else nothing(law.dims)
    yield f"Definition dQ{binders([*read, *velocities], dialect)} : {kind} := {dialect.text(first)}."
    now = " ".join(identifier(node.args[0]) for node in read)
    rates = " ".join(identifier(node.args[0]) for node in velocities)
    s = Node("scalar", (STEP,))
    moved = {
        node: Node("add", (node, Node("scale", (s, moving[node]), node.dims)), node.dims)
        for node in velocities_of(read, moving)
    }
    right = plus(
        Node("call", (f"Q {now}".strip(),), law.dims),
        Node(
            "times" if law.dims is None else "scale",
            (s, Node("call", (f"dQ {now} {rates}".strip(),), law.dims)),
            law.dims,
        ),
    )
    power = s
    for further in case.coefficients[2:]:
        power = Node("times", (power, s))
        right = plus(right, scaled(power, further))
    after = " ".join(dialect.text(moved.get(node, node), 0) for node in read)
    expanded = plus(law, minus(put(law, moved)))
    sides = [expanded, first, *case.coefficients[2:]]
    yield from lemmas(case, dialect, "moved", sides, read)
    bound = binders([*read, *velocities], dialect)
    yield f"Lemma product_rule{bound} (s : {dialect.scalar}) :"
    yield f"  {f'Q {after}'.strip()} = {dialect.text(right)}."
    unfolding = dialect.opening_of([dialect.open("Q"), dialect.open("dQ")])
    using = rewriting(case, dialect, "moved", sides, read)
    yield f"Proof. {unfolding}; expand{using}; {dialect.finish(law.dims)}. Qed."
    yield from dialect.derivative(case, using)


def velocities_of(read: list[Node], moving: dict[Node, Node]) -> list[Node]:
    return [node for node in read if node in moving]


def binders(nodes: list[Node], dialect: Any) -> str:
    """Arguments with their types, those of one type together."""
    return "".join(f" ({identifier(node.args[0])} : {dialect.matrix(node.dims)})" for node in nodes)


def known_letters(case: Case, bound: list[Node]) -> list[Node]:
    """The letters that a lemma need not take as arguments."""
    return [node for node in case.carrier.letters.values() if node in used(case) and node not in bound]


def lemmas(case: Case, dialect: Any, stem: str, sides: list[Node], bound: list[Node]) -> Iterator[str]:
    """Products that are one sum over indices."""
    known = known_letters(case, bound)
    for count, (left, right) in enumerate(equal_products(case, *sides), start=1):
        free = [node for node in dict.fromkeys([*letters_of(left), *letters_of(right)]) if node not in known]
        yield f"Lemma {stem}_{count}{binders(free, dialect)} : {dialect.text(left)} = {dialect.text(right)}."
        yield "Proof. same. Qed."


def rewriting(case: Case, dialect: Any, stem: str, sides: list[Node], bound: list[Node]) -> str:
    """The lemmas again, each at the letters or the gates that it is used for."""
    known = known_letters(case, bound)
    calls = []
    for count, pair in enumerate(equal_products(case, *sides), start=1):
        free = [node for node in dict.fromkeys(node for side in pair for node in letters_of(side)) if node not in known]
        told = " ".join([f"{stem}_{count}", *(meant(case, node) for node in free)])
        calls.append(dialect.use(f"({told})" if free else told))
    return f"; {dialect.opening_of(calls)}" if calls else ""


def meant(case: Case, node: Node) -> str:
    """The name, among the definitions, of a letter that stands for a gate."""
    p, name = case.carrier.activation.degree if case.carrier.gates else None, str(node.args[0])
    for layer in case.carrier.gates:
        kinds = {f"φ{layer}": "a", f"φ′{layer}": "dphi"} | (
            {f"k{layer}": "dphi"} if isinstance(p, int) and p == 1 else {}
        )
        if name in kinds:
            return gate_name(Node("gate", (kinds[name], layer), node.dims))
    return identifier(name)


def theorems(case: Case, dialect: Any) -> Iterator[str]:
    """What is proved of the law along the rule."""
    law, moving = case.law, case.moving
    read = read_by(case)
    rates = velocities_of(read, moving)
    first = case.coefficients[1] if len(case.coefficients) > 1 else nothing(law.dims)
    places = {moving[node]: case.updates[node] for node in rates} | case.frozen
    stated = put(first, places)
    sides = [stated, case.claim]
    if case.step:
        after = {node: Node("add", (node, case.updates[node]), node.dims) for node in rates}
        sides = [put(put(law, after), case.frozen), put(law, case.frozen), case.claim]
    yield ""
    yield from lemmas(case, dialect, "equal", sides, [])
    now = " ".join(dialect.text(case.frozen.get(node, node), 0) for node in read)
    along = " ".join(dialect.text(case.updates[node], 0) for node in rates)
    opening = dialect.opening_of([dialect.open("Q"), dialect.open("dQ"), *opened(case, dialect)])
    closing = f"{rewriting(case, dialect, 'equal', sides, [])}; {dialect.finish(law.dims)}. Qed."
    if case.step:
        shown = " ".join(step_text(case, dialect, node) for node in read)
        yield f"Theorem increment : {f'Q {shown}'.strip()} - {f'Q {now}'.strip()} = {dialect.text(case.claim)}."
    else:
        yield f"Theorem conserved : {f'dQ {now} {along}'.strip()} = {dialect.text(case.claim)}."
    yield f"Proof. {opening}; expand{closing}"
    if not case.step:
        yield from dialect.trajectory(case)


def step_text(case: Case, dialect: Any, node: Node) -> str:
    if node not in case.moving:
        return str(dialect.text(case.frozen.get(node, node), 0))
    return f"({dialect.text(node)} + {dialect.text(case.updates[node], 40)})"
