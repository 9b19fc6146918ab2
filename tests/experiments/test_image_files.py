"""Image files: what is right is read to the byte, and whatever is wrong with a file is told."""

from __future__ import annotations

import gzip
import importlib.util
import os
import runpy
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import faverify as fv
from faverify.experiments.image_files import Images, images

SMALL = runpy.run_path(str(Path(__file__).with_name("small_images.py")))
IMAGES, LABELS, idx = SMALL["IMAGES"], SMALL["LABELS"], SMALL["idx"]
write_cifar, write_mnist = SMALL["write_cifar"], SMALL["write_mnist"]


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_files_are_read(tmp_path, zipped):
    pixels, labels = write_mnist(tmp_path, zipped=zipped)
    found = images(str(tmp_path))
    assert (found.pixels == pixels.reshape(len(pixels), -1)).all()
    assert (found.labels == labels).all()
    assert found.digest == images(tmp_path).digest


def test_a_gzipped_file_is_known_by_its_content(tmp_path):
    write_mnist(tmp_path)
    before, place = images(tmp_path).digest, tmp_path / IMAGES
    place.write_bytes(gzip.compress(place.read_bytes()))
    place.rename(tmp_path / "train-images.idx3-ubyte")  # as some archives call it
    assert images(tmp_path).digest == before


def test_cifar_is_read_from_its_folder_and_from_the_one_above(tmp_path):
    parts = np.concatenate(write_cifar(tmp_path / "cifar-10-batches-bin"))
    found = images(tmp_path)
    assert (found.labels == parts[:, 0]).all()
    assert (found.pixels == parts[:, 1:]).all()
    assert images(tmp_path / "cifar-10-batches-bin").digest == found.digest


def test_columns_are_scaled_and_targets_say_the_label(tmp_path):
    pixels, labels = write_mnist(tmp_path)
    found = images(tmp_path)
    mean, deviation = found.scaling()
    assert (mean, deviation) == (pytest.approx(pixels.mean()), pytest.approx(pixels.std()))
    x, y = found.columns(np.array([5, 1]), (mean, deviation), np.float64)
    assert np.allclose(x[:, 1], (pixels[1].ravel() - pixels.mean()) / pixels.std())
    assert y[:, 0].tolist() == [float(k == labels[5]) for k in range(10)]
    assert found.first(7).pixels.shape == (7, 9)
    with pytest.raises(fv.Misuse, match="samples = 41: expected a number from 2 to the 40 of IDX images"):
        found.first(41)


def test_pixels_are_counted_in_little_memory():
    """32 MB of them: a count of all at once would take eight times as much."""
    pixels = np.tile(np.arange(256, dtype=np.uint8), (512, 256))
    shown = Images("toy", pixels, (np.arange(512) % 10).astype(np.uint8))
    tracemalloc.start()
    try:
        mean, deviation = shown.scaling()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (mean, deviation) == (127.5, pytest.approx(np.arange(256).std()))
    assert peak < pixels.nbytes


PIXELS = np.zeros((40, 3, 3), np.uint8)
CASES = {
    "empty": (IMAGES, b"", r"begins with 00 00 08 03 \(found nothing\)"),
    "not idx": (IMAGES, b"\x89PNG\r\n", r"begins with 00 00 08 03 \(found 89 50 4e 47\)"),
    "floats": (IMAGES, idx(PIXELS.astype(">f4"), 13), r"unsigned bytes, which are type 08 \(found 0d: floats\)"),
    "no type": (IMAGES, idx(PIXELS, 7), r"found 07: no type that is known"),
    "labels for images": (IMAGES, idx(PIXELS[:, 0, 0]), r"3 sizes, since these are images \(found 1; 1 are labels\)"),
    "images for labels": (LABELS, idx(PIXELS), r"1 sizes, since these are labels \(found 3; 3 are images\)"),
    "four sizes": (IMAGES, idx(PIXELS[None]), r"3 sizes, since these are images \(found 4\)"),
    "a cut header": (IMAGES, idx(PIXELS)[:9], r"a header of 16 bytes \(found 9\): it is cut"),
    "cut": (IMAGES, idx(PIXELS)[:-1], r"360 bytes after its header, 40 × 3 × 3 \(found only 359: it is cut\)"),
    "too long": (IMAGES, idx(PIXELS) + b"\0", r"360 bytes after its header, .* \(found more"),
    "nothing": (IMAGES, idx(PIXELS[:0]), r"its header says 0 × 3 × 3"),
    "huge": (IMAGES, b"\0\0\x08\x03" + b"\xff" * 12, r"from 1 to 536870912 bytes \(its header says 4294967295 ×"),
    "wide": (
        IMAGES,
        idx(np.zeros((2, 257, 256), np.uint8)),
        r"at most 65,536 pixels \(its header says 2 × 257 × 256\)",
    ),
    "a cut gzip file": (IMAGES, gzip.compress(idx(PIXELS))[:-9], "a whole gzip file"),
    "a gzip file whose sum is wrong": (IMAGES, gzip.compress(idx(PIXELS))[:-8] + b"\1" * 8, "a whole gzip file"),
    "a gzip file that is broken": (IMAGES, gzip.compress(idx(PIXELS))[:10] + b"\x07" * 20, "a whole gzip file"),
    "a gzip file with a tail": (IMAGES, gzip.compress(idx(PIXELS)) + b"tail", "a whole gzip file"),
    "other labels": (LABELS, idx(np.arange(40, dtype=np.uint8)), r"labels 0 to 9 \(found 10 at 10, 30 such in all\)"),
    "fewer labels": (LABELS, idx(PIXELS[:39, 0, 0]), f"{LABELS} has 39, {IMAGES} has 40"),
}


@pytest.mark.parametrize("case", CASES)
def test_idx_files_that_are_wrong(tmp_path, case):
    name, content, told = CASES[case]
    write_mnist(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(fv.Misuse, match=told):
        images(tmp_path)


def test_every_cut_of_a_file_is_told(tmp_path):
    write_mnist(tmp_path, count=3)
    place = tmp_path / IMAGES
    whole = place.read_bytes()
    for content in (whole, gzip.compress(whole)):
        for end in range(len(content)):
            place.write_bytes(content[:end])
            with pytest.raises(fv.Misuse):
                images(tmp_path)


def test_folders_that_are_wrong(tmp_path):
    def told(what, folder=tmp_path):
        with pytest.raises(fv.Misuse, match=what):
            images(folder)

    told("there is no such folder", tmp_path / "none")
    told("none of them is there")
    told("digits", 3)
    told("data = 'a\\\\x00b'", "a\0b")
    write_mnist(tmp_path)
    told("that is a file: name its folder", tmp_path / IMAGES)
    (tmp_path / f"{IMAGES}.gz").write_bytes(b"")
    told(f"{IMAGES} and {IMAGES}.gz are both there")
    (tmp_path / f"{IMAGES}.gz").unlink()
    write_cifar(tmp_path)
    told(f"files of one data set: {IMAGES} and data_batch_1.bin are both there")
    for name in (IMAGES, LABELS):
        (tmp_path / name).unlink()
    (tmp_path / "data_batch_2.bin").unlink()
    told("all five files of CIFAR-10: data_batch_2.bin not there")
    write_mnist(tmp_path / "half")
    (tmp_path / "half" / LABELS).unlink()
    told(f"{LABELS} beside {IMAGES}: it is not there", tmp_path / "half")
    (tmp_path / "half" / LABELS).mkdir()
    told("expected a file$", tmp_path / "half")
    (tmp_path / "pickled" / "cifar-10-batches-py").mkdir(parents=True)
    (tmp_path / "pickled" / "cifar-10-batches-py" / "data_batch_1").write_bytes(b"\x80\x02")
    told("nothing is unpickled", tmp_path / "pickled")


def test_cifar_files_that_are_wrong(tmp_path):
    write_cifar(tmp_path)
    place = tmp_path / "data_batch_3.bin"
    whole = place.read_bytes()
    for content, told in (
        (b"", r"found 0 bytes, 0 over"),
        (whole[:-1], r"found 12291 bytes, 3072 over\): it is cut"),
        (whole[:3073], r"data_batch_3.bin 1.*one is cut"),
        (b"\x0a" + whole[1:], r"labels 0 to 9 \(found 10 at 0"),
    ):
        place.write_bytes(content)
        with pytest.raises(fv.Misuse, match=told):
            images(tmp_path)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read(tmp_path):
    write_mnist(tmp_path)
    (tmp_path / IMAGES).chmod(0)
    with pytest.raises(fv.Misuse, match="Permission denied"):
        images(tmp_path)


@pytest.mark.parametrize("same", ["pixels", "labels"])
def test_images_from_which_nothing_can_be_learnt(same):
    pixels, labels = np.eye(4, dtype=np.uint8), np.arange(4, dtype=np.uint8)
    shown = Images("toy", pixels * (same != "pixels"), labels * (same != "labels"))
    with pytest.raises(fv.Misuse, match=f"all {same} of these 4 are the same"):
        shown.scaling()


def test_digits_name_the_extra_where_scikit_learn_is_missing(without):
    without("sklearn")
    with pytest.raises(fv.Misuse, match=r"pip install 'faverify\[images\]'"):
        images("digits")


@pytest.mark.skipif(
    not importlib.util.find_spec("sklearn"), reason="scikit-learn is not installed: pip install 'faverify[images]'"
)
def test_digits():
    found = images("digits")
    assert found.pixels.shape == (1797, 64)
    assert (found.pixels.min(), found.pixels.max(), found.labels.max()) == (0, 16, 9)
