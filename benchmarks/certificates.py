"""How long Coq takes for certificates: Theorem 1 for all widths, and at given widths of growing size.

python benchmarks/certificates.py [--quick]  # writes benchmarks/certificates.json
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import sys
import time
from pathlib import Path

import faverify as fv
from faverify.writing.certifying import check_text

LAW, RULE = fv.laws.feedback_balance, fv.rules.FeedbackAlignment()
SIZES = [(3, 3, 3, 1), (5, 5, 5, 5, 3), (8, 8, 8, 8, 8), (16, 16, 16, 16, 16), (64, 64, 64, 64, 64)]
DEPTHS = [(4,) * (depth + 1) for depth in (2, 4, 8)]


def measured(name: str, verdict: object) -> dict[str, object]:
    """Seconds to print and to check, and the size of the file; processor time, for others share the machine."""
    start = time.perf_counter()
    text = verdict.derivation.coq()  # type: ignore[attr-defined]
    printed = time.perf_counter() - start
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = check_text(text, name)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    row = {"what": name, "status": found.status, "seconds": round(seconds, 2), "printing": round(printed, 3)}
    row |= {"lines": text.count("\n"), "axioms": list(found.axioms)}
    print(f"{name:<28}{found.status:<12}{seconds:6.2f} s  {row['lines']} lines")
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="all widths alone; writes nothing")
    quick = parser.parse_args().quick
    if shutil.which("coqc") is None:
        sys.exit("coqc is not installed: on Debian, apt-get install coq libcoq-mathcomp-algebra")
    rows = [measured("Theorem 1, all widths", fv.check(LAW, RULE))]
    for widths in [] if quick else SIZES + DEPTHS:
        rows.append(measured(f"widths {'-'.join(map(str, widths))}", fv.check(LAW, RULE, fv.MLP(widths))))
    if quick:
        return
    path = Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
