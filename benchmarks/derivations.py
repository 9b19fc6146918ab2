"""How long derivations take beyond their proof: every verdict of proofs/, written as text and as LaTeX.

python benchmarks/derivations.py [--quick]   # writes benchmarks/derivations.json
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import time
from pathlib import Path

from faverify.judging import functions_of, holds_proofs, verdicts_of

PROOFS = sorted((Path(__file__).parents[1] / "proofs").glob("*.py"))
FIRST = [file for file in PROOFS if file.stem == "rk_theorem_1"]
TARGET = 0.05  # seconds


def rows(files: list[Path]) -> list[dict[str, object]]:
    """Processor seconds of each derivation."""
    found = []
    for file in files:
        if not holds_proofs(file):
            continue
        spec = importlib.util.spec_from_file_location(file.stem, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, function in functions_of(module):
            for verdict in verdicts_of(function()):
                if hasattr(type(verdict), "derivation"):
                    start = time.process_time()
                    derivation = verdict.derivation
                    derivation.text()
                    characters = len(derivation.latex())
                    seconds = round(time.process_time() - start, 4)
                    found.append({"proof": f"{file.stem}.{name}", "seconds": seconds, "characters": characters})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one file of proofs; writes nothing")
    quick = parser.parse_args().quick
    found = rows(FIRST if quick else PROOFS)
    seconds = sorted(float(str(row["seconds"])) for row in found)
    within = sum(value <= TARGET for value in seconds)
    slow = [row for row in found if float(str(row["seconds"])) > TARGET]
    record = {"derivations": len(found), "median": statistics.median(seconds), "greatest": seconds[-1],
              "target": TARGET, "within": within, "slow": slow}  # fmt: skip
    print(f"{within} of {len(found)} within {TARGET * 1000:.0f} ms; median {record['median'] * 1000:.1f} ms")
    for row in slow:
        print(f"  {row['proof']}: {row['seconds']} s, {row['characters']} characters")
    if quick:
        return
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(record, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
