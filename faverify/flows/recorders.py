"""A rule's own code, run once over nodes: what it says is the program of its flow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from ..errors import (
    ActivationError,
    Misuse,
    NetworkError,
    RuleError,
    ShapeError,
    Undecidable,
    UnsupportedOperation,
    name_of,
)
from ..kernel.passes import Run
from ..model.names import unmarked
from .pieces import in_pieces
from .programs import Node, Program, settle


def refuse_draws(name: str, what: str, remedy: str) -> None:
    """Raise where a letter is drawn at random."""
    if "~" in name:
        raise RuleError(what, f"the rule draws {unmarked(name)} at random at every step", remedy)


def refuse_absent(name: str, known: Iterable[str], inert: tuple[str, ...]) -> None:
    """Raise where a letter that is not given is no memory, which starts at 0, and is of some use."""
    if name[0] not in "Vv" and name not in inert:
        what = "targets" if name == "y" else f"feedback={{{unmarked(name)!r}: …}}"
        raise Misuse("feedback", sorted(map(unmarked, known)), f"{unmarked(name)}, which the rule reads: {what}")


def inert_in(net: Any) -> tuple[str, ...]:
    """Letters that rules read and that nothing depends on: the feedback below the first layer, or of the last."""
    return ("B1", f"F{net.depth}")


class Recorder:
    """The carrier of a recorded run: letters have the shapes of the data, and are leaves of the program."""

    def __init__(self, program: Program, known: Any = None) -> None:
        self.program, self.known, self.read = program, known, []  # type: Program, Any, list[str]
        self.inert: tuple[str, ...] = ()

    def letter(self, name: str, rows: Any, cols: Any) -> Node:
        refuse_draws(name, "the flow", "a rule with random draws has no flow: measure its steps with fv.measure")
        self.read.append(name)
        start = name.removesuffix("(0)")
        if self.known is None or (start != name and start in self.known):
            return self.program.leaf(name, rows, cols)
        if name not in self.known:
            refuse_absent(name, self.known, self.inert)
        elif (found := (len(self.known[name]), len(self.known[name][0]))) != (rows, cols):
            raise ShapeError(unmarked(name), found, (rows, cols), "give it the shape on the right")
        return self.program.leaf(name, rows, cols)

    def zeros(self, rows: Any, cols: Any) -> Node:
        return self.program.zeros(rows, cols)

    def activate(self, activation: Any, h: Node, name: str) -> tuple[Node, Node]:
        who = f"activation {activation.name}"
        if activation.phi is None:
            raise Misuse("activation", activation.name, "one with values, such as 'relu': a flow is one of numbers")
        kinks = tuple(sorted({Fraction(kink) for kink in activation.kinks}))
        if not kinks:
            found = tuple(h._lift(function(h)) for function in (activation.phi, activation.dphi))
            return tuple(self.shaped(part, h, who) for part in found)  # type: ignore[return-value]
        switch = self.program.switch(h, kinks)
        if switch.layer is None:
            switch.layer = 1 + sum(other.layer is not None for other in self.program.switches)
        phi, dphi = (in_pieces(self.program, switch, part, who) for part in (activation.phi, activation.dphi))
        return phi, dphi

    def shaped(self, part: Node | None, h: Node, who: str) -> Node:
        if part is None:
            raise ActivationError(who, "returned no number", "return a number made of h")
        found: Node = part if part._dims == h._dims else self.program.zeros(*h._dims) + part
        return found


def recorded(problem: Any) -> Program:
    """The program of a problem's rule.

    Raises: RuleError for a rule that draws at random, asks for values, or moves by signs of its own motion.
    """
    program = Program()
    recorder = Recorder(program, problem.data)
    run = Run(problem.net, recorder, problem.samples, lambda output: error_signal(problem, program, output))
    program.run, recorder.inert = run, inert_in(problem.net)
    try:
        velocities = run.velocities(problem.rule)
    except Undecidable as question:
        found = f"{question.line} asks for {question.question}"
        raise RuleError(
            name_of(problem.rule), found, "along a flow this has no answer: write it with fv.sign and φ"
        ) from question
    for name, rate in velocities.items():
        stopped(problem.rule, name, rate)
        program.velocities[name] = program.nodes[rate.place]
        program.leaf(name, *rate._dims)
    settle(program)
    return program


def error_signal(problem: Any, program: Program, output: Any) -> Node:
    """e at the output, as a node."""
    f = output.h
    return program.plain(error_of(problem, program.time(), f, lambda: program.leaf("y", *f._dims)))


def error_of(problem: Any, t: Any, f: Any, target: Callable[[], Any]) -> Any:
    """e = f − y, or what the problem's own function says of t and f; over any carrier."""
    if problem.error is None:
        return f - target()
    try:
        found = problem.error(t, f)
    except (Undecidable, Exception) as error:
        if isinstance(error, (Misuse, UnsupportedOperation, ShapeError)):
            raise
        remedy = "write it with @, +, −, *, .mT of f and t, numbers, arrays, fv.exp, fv.tanh, …"
        raise NetworkError("error(t, f)", f"raised {type(error).__name__}: {error}", remedy) from error
    node = found if hasattr(found, "_dims") else f._lift(found)
    if node is None:
        raise NetworkError("error(t, f)", f"returned {type(found).__name__}", "return a matrix shaped as f")
    node = node if node._dims == f._dims else f * 0 + node
    if node._dims != f._dims:
        raise ShapeError("error(t, f)", node._dims, f._dims, "return a matrix shaped as f, or a number")
    return node


def stopped(rule: Any, name: str, rate: Node) -> None:
    """A velocity that is a sign has no flow: it is a rule for steps."""
    if name[0] == "b":  # the sum of a signed error over one sample: a bias has no other motion
        return
    node = rate
    while node.op in ("scale", "T"):
        node = node.args[0]
    if node.op == "gate":
        remedy = "it is a rule for steps: fv.steps makes them, fv.measure halves their size"
        raise RuleError(
            name_of(rule), f"moves {unmarked(name)} by the sign of its own motion, which has no flow", remedy
        )


def read_by(net: Any, rule: Any) -> list[str]:
    """The names of the letters that a rule reads."""
    program = Program()
    recorder = Recorder(program)
    run = Run(net, recorder, 1, lambda output: program.leaf("e", *output.h._dims))
    try:
        run.velocities(rule)
    except Undecidable:
        return []
    return recorder.read
