"""Random networks: every one has a merge and a map that is used twice."""

import random

import faverify as fv


class Graph(fv.Network):
    """A network that a recipe of steps spells out; every value has n rows but the input and the output."""

    def __init__(self, seed, products=False):
        self.seed, self._products = seed, products
        self._recipe = recipe(random.Random(seed), products)

    def shapes(self):
        maps = dict.fromkeys(sorted({step[1] for step in self._recipe if step[0] == "map"}), ("n", "n"))
        return {"stem": ("n", "d"), **maps, "head": ("k", "n")}

    def forward(self, w, x):
        values = [w["stem"] @ x]
        for kind, name, *which in self._recipe:
            first, *rest = (values[k] for k in which)
            if kind == "map":
                values.append(w[name] @ first)
            elif kind == "phi":
                values.append(fv.phi(first))
            elif kind == "fixed":
                values.append(first @ w.fixed(name, "samples", "samples"))
            elif kind == "mask":
                values.append(w.mask(name, first) * first)
            elif kind == "times":
                values.append(first * rest[0])
            else:
                values.append(sum(rest, first))
        return w["head"] @ values[-1]


def recipe(rng, products):
    """Steps (kind, name, operands): operand 0 is the stem; the last value is a sum of those that nobody read."""
    steps, read = [("phi", "", 0)], {0}
    kinds = ["map", "map", "phi", "sum", "mask", "fixed"] + ["times"] * products
    for number in range(rng.randint(3, 7)):
        kind, last = rng.choice(kinds), len(steps)
        which = [last if rng.random() < 0.6 else rng.randint(0, last)]
        if kind in ("sum", "times"):
            which.append(rng.randint(0, last))
        steps.append((kind, f"M{rng.randint(1, 3)}" if kind == "map" else f"f{number}", *which))
        read.update(which)
    last = len(steps)
    steps += [("map", "S", last), ("phi", "", last + 1), ("map", "S", last + 2)]  # a map that is used twice
    read |= {last, last + 1, last + 2}
    loose = [k for k in range(len(steps) + 1) if k not in read]
    return [*steps, ("sum", "", *loose, *(k for k in (0, last) if k not in loose))]  # and a merge
