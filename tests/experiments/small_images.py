"""Small image files in the formats of MNIST and CIFAR-10."""

from __future__ import annotations

import gzip
from typing import Any

import numpy as np

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def drawn(count: int = 40, side: int = 3, seed: int = 0) -> tuple[Any, Any]:
    """Images whose label can be learnt: the pixels grow with it."""
    draw = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.uint8) % 3
    pixels = draw.integers(0, 60, (count, side, side)) + 80 * (np.arange(side) == labels[:, None])[:, None, :]
    return pixels.astype(np.uint8), labels


def idx(array: Any, kind: int = 8) -> bytes:
    """The bytes of an IDX file."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, kind, array.ndim]) + sizes + array.tobytes()


def write_mnist(folder: Any, *, zipped: bool = False, **options: Any) -> tuple[Any, Any]:
    folder.mkdir(exist_ok=True)
    pixels, labels = drawn(**options)
    for name, array in ((IMAGES, pixels), (LABELS, labels)):
        content = idx(array)
        place = folder / (name + ".gz" * zipped)
        place.write_bytes(gzip.compress(content) if zipped else content)
    return pixels, labels


def write_cifar(folder: Any, count: int = 4) -> list[Any]:
    """Five files of so many records each, which are returned."""
    folder.mkdir(exist_ok=True)
    draw, parts = np.random.default_rng(1), []
    for k in range(1, 6):
        rows = draw.integers(0, 256, (count, 3073)).astype(np.uint8)
        rows[:, 0] %= 10
        (folder / f"data_batch_{k}.bin").write_bytes(rows.tobytes())
        parts.append(rows)
    return parts
