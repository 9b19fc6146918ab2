"""A `proofs/` folder for a learning rule of somebody's own, ready for `pytest proofs/`."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from pathlib import Path
from typing import Any

from .errors import Misuse, RuleError, ShapeError, Undecidable
from .kernel.verdicts import Verdict
from .model import laws
from .model.names import kebab
from .proving.check import check

BUDGET = 5  # seconds to search for a witness of one law; there are some dozen laws

TEMPLATE = '''\
"""My learning rule, and what is conserved along its flow. `pytest proofs/` proves or refutes every claim below.

To make it yours:
1. write your rule as the lines in which it differs from back-propagation: `feedback`, `error` or `update`;
2. write your law as a function of a layer and the layer it feeds;
3. name what you expect: theorem_… must be proved, counterexample_… refuted, conjecture_… is open;
4. run `pytest proofs/`: a name that promises too much fails, and prints the witness or what stopped the proof;
5. `faverify check {file}:MyRule` tries every law of the library, `faverify list laws` shows them.
"""

import faverify as fv


class MyRule(fv.LearningRule):
    """Feedback alignment that sends back half of B: δ_l = φ′(h_l) ⊙ (½B_{l+1}ᵀ δ_{l+1})."""

    def feedback(self, above):
        return above.B / 2  # stands in for W_{l+1} on the way back; plain back-propagation returns above.W


RULE = MyRule()


@fv.law("½‖W_l‖² − ½⟨W_{l+1}, B_{l+1}⟩")
def my_balance(layer, above):
    return fv.norm2(layer.W) / 2 - fv.inner(above.W, above.B) / 2


def theorem_my_balance():
    """Proved for all widths, depths, batches and losses, and every φ with φ(h) = h φ′(h), such as ReLU."""
    return fv.check(my_balance, RULE)


def counterexample_feedback_balance():
    """Feedback alignment's own law forgets the ½: refuted with numbers that can be checked by hand."""
    return fv.check(fv.laws.feedback_balance, RULE)


@fv.law("l(½‖W_l‖² − ½⟨W_{l+1}, B_{l+1}⟩)")
def weighted_balance(layer, above):
    return layer.index * my_balance(layer, above)


def theorem_weighted_balance_of_one_network():
    """With a network, the verdict speaks of these widths, of every hidden layer and of every activation pattern."""
    return fv.check(weighted_balance, RULE, fv.MLP((3, 4, 2, 1), "relu"))


def conjecture_weighted_balance():
    """Open: a proof for all depths would need the layer's number. The day it is found, the run asks for a new name."""
    return fv.check(weighted_balance, RULE, budget=1)
'''

GENERATED = """

# What is conserved along the flow of {name}, as faverify settled it when this file was written. Everything above is
# a copy of {file}: edit the rule here and run `pytest proofs/`. A theorem_… must be proved, a counterexample_… refuted,
# and a conjecture_… is open: once it is proved, the run asks for a new name. A law of your own is a function:
#     fv.law("½‖W_l‖² − ½‖W_{{l+1}}‖²")(lambda layer, above: fv.norm2(layer.W) / 2 - fv.norm2(above.W) / 2)

import faverify as fv  # noqa: E402

{rule} = {name}{call}
"""

README = """\
`pytest proofs/` proves or refutes every claim in this folder and closes with a table of them. It needs
`pip install faverify pytest`; the comments in the files say how to change them.
"""


def scaffold(directory: str | Path, rule: str | None = None) -> list[Path]:
    """Write `proofs/` into a directory: a rule to start from, or the laws of the rule FILE.py:NAME.

    Of a given rule the source is copied, since a file of proofs that imports its neighbour does not run in every
    import mode of pytest; each law of the library that conforms with it is settled and written down as what it is.

    Returns: the files written. Nothing is overwritten.

    Raises: Misuse if a file is there already, or cannot be read, run or written; RuleError if the rule fails.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     [path.name for path in scaffold(folder)]
    ['my_rule.py', 'README.md']
    """
    if not isinstance(directory, (str, Path)):
        raise Misuse("directory", directory, "a path")
    folder = Path(directory) / "proofs"
    if rule is None:
        path = folder / "my_rule.py"
        text = TEMPLATE.replace("{file}", "proofs/my_rule.py")
        _must_not_exist(path)
    else:
        source, name = _parts(rule)
        path = folder / f"laws_of_{kebab(name)}.py".replace("-", "_")
        _must_not_exist(path)
        text = _with_laws(source, name)
    written = [path]
    _write(path, text)
    if not (folder / "README.md").exists():
        _write(folder / "README.md", README)
        written.append(folder / "README.md")
    return written


def _must_not_exist(path: Path) -> None:
    try:
        if path.exists():
            remedy = "a place without this file: nothing is overwritten, so rename or remove it"
            raise Misuse("directory", str(path), remedy)
        nearest = next(parent for parent in path.parents if parent.exists())
    except OSError as error:
        raise Misuse("directory", str(path), f"a place that can be written ({error.strerror})") from error
    if not nearest.is_dir():
        raise Misuse("directory", str(nearest), "a folder; this is a file")


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:  # x: refuses what came into being meanwhile
            file.write(text)
    except OSError as error:
        raise Misuse("directory", str(path), f"a place that can be written ({error.strerror})") from error


def _parts(rule: str) -> tuple[Path, str]:
    path, _, name = str(rule).rpartition(":")
    if not path.endswith(".py") or not name.isidentifier():
        raise Misuse("rule", rule, "FILE.py:NAME, such as 'my_rule.py:MyRule'")
    if not Path(path).is_file():
        raise Misuse("rule", rule, f"a file that exists; there is no {path}")
    return Path(path), name


def _with_laws(source: Path, name: str) -> str:
    """The user's file, and below it what each law of the library is for the rule."""
    try:
        text = source.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misuse("rule", str(source), f"a Python file in UTF-8 ({error})") from error
    names = _run(source)
    if name not in names:
        raise Misuse("rule", f"{source}:{name}", f"a name that the file defines: {', '.join(_offered(names))}")
    found = names[name]
    try:
        subject = found() if isinstance(found, type) else found
    except (Exception, SystemExit, Undecidable) as error:
        raise RuleError(f"{name}()", f"raised {type(error).__name__}: {error}", "give its fields defaults") from error
    handle = next(handle for handle in ("RULE", *(f"RULE_{k}" for k in range(len(names) + 1))) if handle not in names)
    call = "()" if isinstance(found, type) else ""
    text = text.rstrip("\n") + "\n" + GENERATED.format(name=name, file=source.name, rule=handle, call=call)
    claims = "".join(_claim(law, subject, handle, names) for law in laws.LIBRARY.values() if _plain(law))
    if not claims:
        check(laws.balancedness, subject, budget=BUDGET)  # a rule of wrong shapes says so here
        raise Misuse("rule", f"{source}:{name}", "a rule of which some law of the library says anything")
    return text + claims


def _run(source: Path) -> dict[str, Any]:
    """What the user's file defines, after running it."""
    spec = importlib.util.spec_from_file_location(source.stem, source)
    if spec is None or spec.loader is None:
        raise Misuse("rule", str(source), "a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(source.stem, module)  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit, Undecidable) as error:
        line = next((f" (line {k})" for k in _lines(error, source)), "")
        raise RuleError(
            str(source), f"raised {type(error).__name__}: {error}{line}", "it must run by itself"
        ) from error
    finally:
        if sys.modules.get(source.stem) is module:
            del sys.modules[source.stem]
    return vars(module)


def _lines(error: BaseException, source: Path) -> list[int]:
    """The lines of the file that led to an error, the innermost first."""
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return [frame.lineno or 0 for frame in frames if Path(frame.filename) == source]


def _offered(names: dict[str, Any]) -> list[str]:
    """The names of a file that may be rules: what has `error` and `update`."""
    return [k for k, v in names.items() if hasattr(v, "error") and hasattr(v, "update")] or ["it has none"]


def _plain(law: laws.Law) -> bool:
    return not law.name.endswith("-bias")  # biases are another question, which begins with bias=True


def _claim(law: laws.Law, rule: Any, handle: str, names: dict[str, Any]) -> str:
    """The function that states what a law is for the rule; nothing for what does not conform, or is trivial."""
    verdict, options = _settled(law, rule)
    attribute = law.name.replace("-", "_")
    if verdict is None or verdict.note.startswith("trivial") or not hasattr(laws, attribute):
        return ""
    prefix = {"proved": "theorem", "refuted": "counterexample", "undecided": "conjecture"}[verdict.kind]
    function = f"{prefix}_{attribute}"
    if function in names:
        return ""
    budget = f", budget={BUDGET}" if verdict.kind == "undecided" else ""
    reason = " ".join(verdict.tried[-1].split()) if verdict.kind == "undecided" and verdict.tried else ""
    lines = [f"def {function}():", f'    """{law.statement}"""', f"    # {reason}"]
    lines += [f"    return fv.check(fv.laws.{attribute}, {handle}{options}{budget})"]
    return "\n\n\n" + "\n".join(line for line in lines if line.strip() != "#") + "\n"


def _settled(law: laws.Law, rule: Any) -> tuple[Verdict | None, str]:
    """The verdict at every layer; where the law does not conform with all of them, a proof for the last hidden one."""
    try:
        return check(law, rule, budget=BUDGET), ""
    except ShapeError:
        pass
    try:
        verdict = check(law, rule, layer=-1, budget=BUDGET)
    except ShapeError:
        return None, ""
    return (verdict, ", layer=-1") if verdict.kind == "proved" else (None, "")
