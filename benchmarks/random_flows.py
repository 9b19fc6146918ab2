"""A thousand random ReLU flows to t = 10: how each ends, and a hundred of them beside gates that are steep ramps.

    python benchmarks/random_flows.py [--cases 1000] [--ramps 100] [--seed 0]

The distribution is that of `faverify.experiments.random_problems.random_chain`. Writes benchmarks/random_flows.json.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import time
from collections import Counter
from pathlib import Path

import faverify as fv
from faverify.experiments.random_problems import random_chain
from faverify.experiments.trials import generator

HERE = Path(__file__).parent
SMALL = 1e-9  # gate violation of a resolved case


def ramps():
    """The reference of tests/flows/regularised.py, which imports nothing of faverify."""
    spec = importlib.util.spec_from_file_location("regularised", HERE.parent / "tests" / "flows" / "regularised.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(outcome):
    """Whether a solution that is not unique was shown to be so: two sets of modes that hold strictly."""
    return outcome.status == "nonunique" and "solutions go on" in outcome.note


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--ramps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a few cases; writes nothing")
    asked = parser.parse_args()
    asked.cases, asked.ramps = (6, 2) if asked.quick else (asked.cases, asked.ramps)
    rule = fv.rules.FeedbackAlignment()
    problems = [random_chain(generator(asked.seed, k), rule) for k in range(asked.cases)]
    start = time.perf_counter()
    batch = fv.integrate_many(problems, 10)
    seconds = time.perf_counter() - start
    print(batch, f"{seconds:.0f} s")
    record = {"cases": asked.cases, "seed": asked.seed, "t": 10, "seconds": round(seconds, 1), "counts": batch.counts}
    for name, deep in (("two maps", False), ("three or four maps", True)):
        chosen = [o for o in batch.outcomes if (o.problem.net.depth > 2) == deep]
        counts = Counter(o.status for o in chosen)
        proper = sum(shown(o) for o in chosen)
        resolved = sum((o.status == "ok" or shown(o)) and o.gate_violation < SMALL for o in chosen)
        sliding = sum(any(e.kind == "slide" for e in o.events) for o in chosen)
        share = resolved / max(len(chosen), 1)
        print(
            f"{name}: {dict(counts)}; nonunique and shown to be: {proper}; resolved {100 * share:.1f} %; {sliding} slid"
        )
        record[name] = {
            "cases": len(chosen),
            "counts": dict(counts),
            "shown": proper,
            "resolved": share,
            "slid": sliding,
        }
        record[name]["greatest gate violation"] = max((o.gate_violation for o in chosen), default=0.0)
    notes = Counter(o.note.split(":")[0] for o in batch.outcomes if o.status != "ok" and not shown(o))
    print("not resolved:", dict(notes))
    reference, checked, beyond = ramps(), 0, []
    for k, outcome in enumerate(batch.outcomes):
        if checked == asked.ramps:
            break
        t = min(3.0, 0.9 * outcome.t_end) if outcome.status != "ok" else 3.0
        if outcome.status not in ("ok", "nonunique") or t < 0.1:
            continue
        path = fv.integrate(outcome.problem, t, digits=15, on_nonunique="follow")
        if path.status != "ok":
            continue
        ours, theirs = reference.agreement(outcome.problem, path.weights(), t)
        checked += 1
        if ours > 3 * theirs + 1e-8:
            beyond.append({"case": k, "ours": ours, "theirs": theirs, "events": len(path.events)})
    print(f"beside ramps: {checked} cases, beyond three times the ramps' own gap: {beyond}")
    record |= {"beside ramps": checked, "beyond": beyond, "not resolved": dict(notes)}
    if not asked.quick:
        (HERE / "random_flows.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
