"""Labelled images from files on this disk: scikit-learn's digits, IDX files (MNIST), CIFAR-10 in its binary version.

Nothing is fetched and nothing is unpickled: a file is a header that must be right to the byte, then bytes. An IDX file
begins with 0, 0, the type of its numbers (08: unsigned bytes), how many sizes follow, and the sizes, four bytes each,
the highest first. A CIFAR-10 file is records of 1 + 3,072 bytes: the label, then red, green and blue of 32 × 32 pixels.
"""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from ..errors import Misuse, whole_number

CLASSES = 10
LARGEST = 2**29  # bytes of a file; MNIST has 47 million, the largest of its relatives with ten classes 188 million
WIDEST = 2**16  # pixels of an image: 500 of them are 262 MB of doubles, and weights a row for each
CHUNK = 2**20
RECORD = 1 + 3 * 32 * 32
TYPES = {8: "unsigned bytes", 9: "signed bytes", 11: "16-bit integers", 12: "32-bit integers", 13: "floats"}
TYPES[14] = "doubles"
IDX = {
    "images": ("train-images-idx3-ubyte", "train-images.idx3-ubyte"),
    "labels": ("train-labels-idx1-ubyte", "train-labels.idx1-ubyte"),
}
CIFAR = tuple(f"data_batch_{k}.bin" for k in range(1, 6))
WANTED = (
    f"a folder with {IDX['images'][0]} and {IDX['labels'][0]} (MNIST; .gz will do), or with {CIFAR[0]}, …, {CIFAR[-1]} "
    "(CIFAR-10, the binary version), or the word digits"
)


@dataclass(frozen=True, eq=False)
class Images:
    """Images and what they show: `pixels` one image a row, `labels` 0 … 9, in the order of the files.

    `name` says the format, and nothing of where the files lie: a record is the same from a folder that was moved.
    """

    name: str
    pixels: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def digest(self) -> str:
        """SHA-256 of sizes, pixels and labels: which data a record speaks of, wherever they lay."""
        found = hashlib.sha256(repr(self.pixels.shape).encode())
        for array in (self.pixels, self.labels):
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()

    def first(self, count: int) -> Images:
        """The first of them.

        Raises: Misuse if there are fewer.
        """
        count = whole_number("samples", count, 2, len(self), f"a number from 2 to the {len(self)} of {self.name}")
        return Images(self.name, self.pixels[:count], self.labels[:count])

    def scaling(self) -> tuple[float, float]:
        """Mean and standard deviation of all pixels together.

        Raises: Misuse where all pixels or all labels are the same: nothing can be learnt from them.
        """
        flat, counts, values = self.pixels.reshape(-1), np.zeros(256), np.arange(256)
        for low in range(0, len(flat), CHUNK):  # a count makes 8 bytes of each
            counts += np.bincount(flat[low : low + CHUNK], minlength=256)
        mean = float(counts @ values / counts.sum())
        deviation = math.sqrt(float(counts @ (values - mean) ** 2 / counts.sum()))
        if not deviation or len(np.unique(self.labels)) < 2:
            same = "labels" if deviation else "pixels"
            raise Misuse("data", self.name, f"images that differ: all {same} of these {len(self)} are the same")
        return mean, deviation

    def columns(self, chosen: Any, scaling: tuple[float, float], dtype: Any) -> tuple[NDArray[Any], NDArray[Any]]:
        """Inputs (pixel − mean)/deviation and targets, 1 at the label and else 0; a column for each that is chosen.

        Shapes: pixels × samples and 10 × samples.
        """
        mean, deviation = scaling
        x = (self.pixels[chosen].T.astype(np.float64) - mean) / deviation
        y = np.arange(CLASSES)[:, None] == self.labels[chosen][None, :]
        return np.ascontiguousarray(x, dtype=dtype), y.astype(dtype)


def images(data: Any) -> Images:
    """Images to learn from: the word "digits", or a folder that holds training files of MNIST or CIFAR-10.

    Digits are the 1,797 images of 8 × 8 pixels, 0 … 16, that scikit-learn brings along. Of a folder, the training files
    alone are read. IDX files may be gzipped, whatever they are called; MNIST's relatives of ten classes have the same
    files. The five files of CIFAR-10 are read from the folder, or from its subfolder cifar-10-batches-bin.

    Returns: Images.

    Raises: Misuse: what was found where, and what is expected; without scikit-learn, how to install it.

    References: LeCun, Cortes & Burges, the MNIST database; Krizhevsky 2009 (CIFAR-10).

    Examples
    --------
    >>> images("digist")
    Traceback (most recent call last):
    faverify.errors.Misuse: data = 'digist': expected a folder with ... or the word digits (there is no such folder)
    """
    if data == "digits":
        return digits()
    if not isinstance(data, (str, Path)):
        raise Misuse("data", data, WANTED)
    folder = Path(data)
    try:
        if not folder.is_dir():
            there = "that is a file: name its folder" if folder.exists() else "there is no such folder"
            raise Misuse("data", str(data), f"{WANTED} ({there})")
        inner = folder / "cifar-10-batches-bin"
        idx = {kind: found_of(folder, [n + end for n in IDX[kind] for end in ("", ".gz")]) for kind in IDX}
        cifar = [folder / name for name in CIFAR if (folder / name).exists()]
        if not cifar and inner.is_dir():
            cifar = [inner / name for name in CIFAR if (inner / name).exists()]
        return read_folder(folder, idx, cifar)
    except OSError as error:
        raise Misuse("data", str(data), f"files that can be read ({error.filename}: {error.strerror})") from error
    except ValueError as error:  # a null character in a name
        if isinstance(error, Misuse):
            raise
        raise Misuse("data", str(data), f"the name of a folder ({error})") from error


def digits() -> Images:
    """The 1,797 digits of 8 × 8 pixels, 0 … 16, that come with scikit-learn.

    Raises: Misuse without scikit-learn.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        remedy = "scikit-learn, which brings them: pip install 'faverify[images]'; or name a folder of images"
        raise Misuse("data", "digits", remedy) from error
    pixels, labels = load_digits(return_X_y=True)
    return Images("digits", pixels.astype(np.uint8), labels.astype(np.uint8))


def found_of(folder: Path, names: list[str]) -> Path | None:
    """The one file of several names that is there; None if there is none.

    Raises: Misuse where there are two: they may differ.
    """
    found = [folder / name for name in names if (folder / name).exists()]
    if len(found) > 1:
        both = " and ".join(path.name for path in found)
        raise Misuse("data", str(folder), f"one file of each kind: {both} are both there; move one away")
    return found[0] if found else None


def read_folder(folder: Path, idx: dict[str, Path | None], cifar: list[Path]) -> Images:
    there = [path for path in idx.values() if path is not None]
    for path in (*there, *cifar):
        if not path.is_file():  # a folder, or a pipe, which would be waited for
            raise _wrong(path, "a file")
    if there and cifar:
        both = f"{there[0].name} and {cifar[0].name}"
        raise Misuse("data", str(folder), f"files of one data set: {both} are both there; give each a folder")
    if cifar:
        missing = sorted({*CIFAR} - {path.name for path in cifar})
        if missing:
            raise Misuse("data", str(folder), f"all five files of CIFAR-10: {', '.join(missing)} not there")
        return read_cifar(cifar)
    if not there:
        pickled = any((folder / name / "data_batch_1").exists() for name in (".", "cifar-10-batches-py"))
        hint = "the Python version of CIFAR-10 is there: take the binary version, nothing is unpickled"
        raise Misuse("data", str(folder), f"{WANTED} ({hint if pickled else 'none of them is there'})")
    missing = [IDX[kind][0] for kind, path in idx.items() if path is None]
    if missing:
        raise Misuse("data", str(folder), f"{missing[0]} beside {there[0].name}: it is not there")
    return read_mnist(cast("Path", idx["images"]), cast("Path", idx["labels"]))


def read_mnist(pixels: Path, labels: Path) -> Images:
    """Images and labels of a pair of IDX files."""
    shown, told = read_idx(pixels, 3), read_idx(labels, 1)
    if len(shown) != len(told):
        what = f"as many labels as images: {labels.name} has {len(told)}, {pixels.name} has {len(shown)}"
        raise Misuse("data", str(pixels.parent), f"{what}; take both from one data set")
    _check_labels(labels, told)
    return Images("IDX images", shown.reshape(len(shown), -1), told)


def read_idx(path: Path, dimensions: int) -> NDArray[np.uint8]:
    """The unsigned bytes of an IDX file of so many sizes, gzipped or not.

    Raises: Misuse if one byte of its header is wrong, or one byte of the rest too many or too few.
    """
    try:
        with open(path, "rb") as raw:
            zipped = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not zipped:
                return _idx(path, raw, dimensions)
            with gzip.open(raw) as file:
                return _idx(path, cast("BinaryIO", file), dimensions)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _wrong(path, f"a whole gzip file ({error}); get it again") from error


def _idx(path: Path, file: BinaryIO, dimensions: int) -> NDArray[np.uint8]:
    head = file.read(4)
    if len(head) < 4 or head[:2] != b"\0\0":
        found = head.hex(" ") or "nothing"
        raise _wrong(path, f"an IDX file, which begins with 00 00 08 {dimensions:02x} (found {found})")
    if head[2] != 8:
        kind = TYPES.get(head[2], "no type that is known")
        raise _wrong(path, f"{TYPES[8]}, which are type 08 (found {head[2]:02x}: {kind})")
    if head[3] != dimensions:
        kinds = {1: "labels", 3: "images"}
        meant = f"; {head[3]} are {kinds[head[3]]}" if head[3] in kinds else ""
        raise _wrong(path, f"{dimensions} sizes, since these are {kinds[dimensions]} (found {head[3]}{meant})")
    words = file.read(4 * dimensions)
    if len(words) < 4 * dimensions:
        raise _wrong(path, f"a header of {4 + 4 * dimensions} bytes (found {4 + len(words)}): it is cut; get it again")
    sizes = tuple(int.from_bytes(words[k : k + 4], "big") for k in range(0, len(words), 4))
    count = math.prod(sizes)
    if not 0 < count <= LARGEST:
        raise _wrong(path, f"from 1 to {LARGEST} bytes (its header says {' × '.join(map(str, sizes))})")
    if math.prod(sizes[1:]) > WIDEST:
        raise _wrong(path, f"images of at most {WIDEST:,} pixels (its header says {' × '.join(map(str, sizes))})")
    body = bytearray()
    while len(body) <= count and (part := file.read(min(CHUNK, count + 1 - len(body)))):
        body += part
    if len(body) != count:
        found = f"only {len(body)}: it is cut" if len(body) < count else "more: its header is not of this file"
        raise _wrong(
            path, f"{count} bytes after its header, {' × '.join(map(str, sizes))} (found {found}); get it again"
        )
    return np.frombuffer(body, dtype=np.uint8).reshape(sizes)


def read_cifar(paths: list[Path]) -> Images:
    """Images and labels of CIFAR-10's binary files, which have the same size each."""
    sizes = [path.stat().st_size for path in paths]
    for path, size in zip(paths, sizes, strict=True):
        if not 0 < size <= LARGEST or size % RECORD:
            what = f"records of {RECORD:,} bytes, a label and 3 × 32 × 32 pixels"
            raise _wrong(path, f"{what} (found {size} bytes, {size % RECORD} over): it is cut or another format")
    if len(set(sizes)) > 1:
        told = ", ".join(f"{path.name} {size // RECORD}" for path, size in zip(paths, sizes, strict=True))
        raise _wrong(paths[0].parent, f"as many images in each file (found {told}): one is cut; get them again")
    parts = []
    for path, size in zip(paths, sizes, strict=True):
        content = path.read_bytes()
        if len(content) != size:
            raise _wrong(path, f"{size} bytes (found {len(content)}): it changes while it is read")
        parts.append(np.frombuffer(content, dtype=np.uint8).reshape(-1, RECORD))
        _check_labels(path, parts[-1][:, 0])
    whole = np.concatenate(parts)
    return Images("CIFAR-10", np.ascontiguousarray(whole[:, 1:]), whole[:, 0].copy())


def _check_labels(path: Path, labels: NDArray[np.uint8]) -> None:
    wrong = np.flatnonzero(labels >= CLASSES)
    if len(wrong):
        at = int(wrong[0])
        raise _wrong(path, f"labels 0 to {CLASSES - 1} (found {labels[at]} at {at}, {len(wrong)} such in all)")


def _wrong(path: Path, expected: str) -> Misuse:
    return Misuse("data", str(path), expected)
