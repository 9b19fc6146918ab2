"""How Sphinx builds these pages: `python -m sphinx -W --keep-going docs build/docs`.

Formulas are written in Unicode, as in the docstrings, so that a page needs neither a network nor a LaTeX to be read.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))  # faverify as it stands here, and proofs/ as a package without a file

from faverify import __all__ as PUBLIC  # noqa: E402

project = "faverify"
author = "The faverify authors"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]

html_theme = "alabaster"  # comes with Sphinx; loads nothing from elsewhere
html_theme_options = {
    "description": "Proofs and refutations of conservation laws",
    "fixed_sidebar": True,
    "page_width": "1180px",
    "sidebar_width": "230px",
}
html_sidebars = {"**": ["about.html", "searchfield.html", "navigation.html"]}
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = html_show_sourcelink = False
html_show_copyright = html_show_sphinx = False

myst_enable_extensions = ["substitution"]
myst_heading_anchors = 3

smartquotes = False  # "0.1" is a string
default_role = "py:obj"  # `check` in a docstring is a link where the name is known, and code where it is not
add_module_names = False
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_inherit_docstrings = False  # what a rule overrides is told where the protocol is
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_mock_imports = ["pytest"]  # of the plugin only the docstring is shown
python_maximum_signature_line_length = 88
napoleon_numpy_docstring = True
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = ["Shapes", "Units", "Scope", "Algorithm", "Laws"]


def table(head: tuple[str, ...], rows: Any) -> str:
    """A table in Markdown."""
    lines = [head, ["---"] * len(head), *([str(cell).replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def kernel() -> str:
    """What must be believed: every file of the kernel, its lines, and the first line of what it says of itself."""
    rows, total = [], 0
    for path in sorted((ROOT / "faverify" / "kernel").glob("*.py")):
        text = path.read_text(encoding="utf-8")
        count = len(text.splitlines())
        total += count
        rows.append((f"`{path.name}`", count, (ast.get_docstring(ast.parse(text)) or "").splitlines()[0]))
    return table(("file", "lines", "what it is"), [*rows, ("all of them", total, "")])


def library() -> dict[str, str]:
    """The tables of what the library names: laws, hypotheses, activations, the claims of the registry."""
    from faverify.claims import REGISTRY
    from faverify.model import activations, assumptions, laws

    return {
        "laws": table(
            ("name", "law", "source"), ((f"`{n}`", law.statement, law.source) for n, law in laws.LIBRARY.items())
        ),
        "assumptions": table(
            ("name", "hypothesis"), ((f"`{n}`", found.statement) for n, found in assumptions.LIBRARY.items())
        ),
        "activations": ", ".join(f"`{name}`" for name in activations.LIBRARY),
        "claims": table(
            ("id", "status", "statement", "source"),
            ((f"`{found.id}`", found.status, found.statement, found.source) for found in REGISTRY.values()),
        ),
    }


myst_substitutions = {"kernel": kernel(), **library()}


def as_written(app: Any, what: str, name: str, found: Any, options: Any, lines: list[str]) -> None:
    """Bars, stars and final underscores of formulas stay what they are, and so do examples; `fv.name` is a link."""
    example = False
    for k, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if not example and "``" not in line:
            escaped = re.sub(r"([|*]|_(?=\W|$))", r"\\\1", line)
            lines[k] = re.sub(r"`fv\.(\w+)`", r"`fv.\1 <faverify.\1>`", escaped)


def readable(
    app: Any, what: str, name: str, found: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """A signature with a default that is made anew, `<factory>`, is no Python, and would lose its links."""
    return (signature and signature.replace("<factory>", "...")), returns


def home(app: Any, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Links from source back to the reference: viewcode takes all names of a file for public ones if one of them is."""
    module = page.removeprefix("_modules/").replace("/", ".")

    def place(found: re.Match[str]) -> str:
        name = found[1].removeprefix("faverify.")
        right = name.split(".")[0] in PUBLIC or found[1].startswith(f"{module}.")
        return found[0] if right else f'#{module}.{name}"'

    if page.startswith("_modules/faverify/"):
        context["body"] = re.sub(r'#(faverify\.[\w.]+)"', place, context["body"])


def setup(app: Any) -> None:
    app.connect("html-page-context", home)
    app.connect("autodoc-process-signature", readable)
    app.connect("autodoc-process-docstring", as_written, priority=900)
