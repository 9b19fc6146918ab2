"""Witnesses with other fields and the seal that these have: what a forger would hand in."""

from __future__ import annotations

from dataclasses import replace

from faverify.proving.witnesses import seal


def resealed(witness, **changes):
    changed = replace(witness, **changes)
    return replace(changed, digest=seal(changed.record()))
