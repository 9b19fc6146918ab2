"""What goes into JSON: lists for arrays and tuples, Python's numbers for NumPy's, null for what is not finite."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def plain(value: Any) -> Any:
    """The same in what JSON knows.

    Examples
    --------
    >>> plain({"cos": np.array([0.5, np.nan]), "n": np.int64(3), "holds": np.True_})
    {'cos': [0.5, None], 'n': 3, 'holds': True}
    """
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
