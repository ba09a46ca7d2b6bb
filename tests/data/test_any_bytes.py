"""Any bytes, any cut, any field replaced: a named error or a picture, never a traceback.

A cut file is never taken for the whole one.
"""

import gzip
import io
import os
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from ldl.data.ct.volume import read_ct
from ldl.data.fetch import place as unpack
from ldl.data.manifest import manifest_named, read_manifest
from ldl.data.readers.image import read_image, read_mask, read_rle_mask
from ldl.data.readers.nifti import read_nifti
from ldl.data.readers.tables import read_grades, read_hrf_centres, read_idrid_centres
from ldl.errors import LdlError
from ldl.paths import manifests_dir

from .conftest import dicom_bytes

MUTATIONS = 300
PER_KIND = 120  # of images and masks, each of which comes in several kinds
RNG = np.random.default_rng(0)
GREY = np.add.outer(np.arange(24), np.arange(20)).astype(np.uint8) * 5
COLOUR = np.stack([GREY, 255 - GREY, GREY // 2], -1)


def encoded(kind: str, pixels: np.ndarray = COLOUR, **options: Any) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def volume() -> bytes:
    values = np.full((5, 6, 7), -1000, np.int16)
    values[1:4, 2:5, 1:6] = 40
    image = nibabel.Nifti1Image(values, np.diag([2.0, 2.0, 3.0, 1.0]))
    return image.to_bytes()


IMAGES = {
    "a.png": encoded("PNG"),
    "a.jpg": encoded("JPEG"),
    "a.tif": encoded("TIFF"),
    "b.tif": encoded("TIFF", compression="tiff_lzw"),
    "a.gif": encoded("GIF", GREY),
    "a.bmp": encoded("BMP"),
    "a.webp": encoded("WEBP", lossless=True),
    "a.jp2": encoded("JPEG2000"),
    "a.ppm": encoded("PPM"),
    "a.ppm.gz": gzip.compress(encoded("PPM")),
    "b.png": encoded("PNG", GREY.astype(np.uint16) * 200),
    "a.dcm": dicom_bytes(GREY.astype(np.uint16) * 9, BitsStored=12, HighBit=11,
                         WindowCenter=500, WindowWidth=900),
    "b.dcm": dicom_bytes(GREY, jpeg=True),
}  # fmt: skip
MASKS = {f"mask-{name}": encoded(kind, (GREY > 60).astype(np.uint8) * 255)
         for name, kind in (("a.png", "PNG"), ("a.gif", "GIF"), ("a.tif", "TIFF"))}  # fmt: skip
VOLUMES = {"a.nii": volume(), "a.nii.gz": gzip.compress(volume())}
TABLES = {
    "grades.csv": b"image,level\n1_left,0\n2_left,4\n",
    "centres.csv": b"Image No,X- Coordinate,Y - Coordinate\nIDRiD_1,10,20\nIDRiD_2,30,4\n,,\n",
    "rle.csv": b"ImageId, EncodedPixels\na,1 2 3 4\nb,-1\n",
    "centres.xls": bytes.fromhex("d0cf11e0a1b11ae1") + RNG.bytes(1024),
}


def changed(raw: bytes, seed: int) -> bytes:
    """A cut, other bytes near the header or anywhere, bytes put in, taken out or zeroed."""
    draw = random.Random(seed)
    kind = draw.choice(["cut", "header", "anywhere", "insert", "remove", "zero"])
    at = draw.randrange(min(len(raw), 400) if kind == "header" else len(raw))
    new = draw.randbytes(draw.randint(1, 8))
    after = {"cut": len(raw), "insert": at, "zero": at + 64}.get(kind, at + len(new))
    put = {"cut": b"", "remove": b"", "zero": bytes(64)}.get(kind, new)
    return raw[:at] + put + raw[after:]


SEEDS = st.integers(0, 2**32 - 1)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bytes")


def held(read: Callable[[Path], Any], path: Path, raw: bytes) -> Any:
    """What the reader makes of these bytes: a result, or None after a named error."""
    path.write_bytes(raw)
    try:
        return read(path)
    except LdlError as error:
        said = str(error)
        assert path.name in said
        assert "\n" not in said
        assert "object at 0x" not in said
        return None


def many(count: int) -> Any:
    return settings(max_examples=count, deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize("name", IMAGES)
def test_images(place: Path, name: str) -> None:
    raw = IMAGES[name]
    whole = held(read_image, place / name, raw)
    assert whole is not None

    @many(PER_KIND)
    @given(SEEDS)
    def hold(seed: int) -> None:
        other = changed(raw, seed)
        found = held(read_image, place / name, other)
        if found is None:
            return
        assert found.dtype == np.uint8
        assert found.ndim == 2 or found.shape[2] == 3
        assert found.size
        if raw.startswith(other) and len(other) < len(raw):
            np.testing.assert_array_equal(found, whole)  # what was cut off says nothing

    hold()


@pytest.mark.parametrize("name", MASKS)
def test_masks(place: Path, name: str) -> None:
    raw = MASKS[name]
    whole = held(read_mask, place / name, raw)

    @many(PER_KIND)
    @given(SEEDS)
    def hold(seed: int) -> None:
        other = changed(raw, seed)
        found = held(read_mask, place / name, other)
        if found is not None:
            assert (found.dtype, found.ndim) == (bool, 2)
            assert not found.all()
            if raw.startswith(other) and len(other) < len(raw):
                np.testing.assert_array_equal(found, whole)

    hold()


@pytest.mark.parametrize("name", VOLUMES)
def test_volumes(place: Path, name: str) -> None:
    raw = VOLUMES[name]
    whole = held(read_nifti, place / name, raw).values
    plain = volume()

    @many(MUTATIONS // 2)
    @given(SEEDS)
    def hold(seed: int) -> None:
        inner = name.endswith(".gz")
        other = gzip.compress(changed(plain, seed), 0) if inner else changed(raw, seed)
        found = held(read_nifti, place / name, other)
        if found is not None:
            assert found.values.ndim == 3
            assert np.isfinite(found.affine).all()
            if not inner and raw.startswith(other) and len(other) < len(raw):
                np.testing.assert_array_equal(found.values, whole)
        scan = held(lambda path: read_ct("a", path, None, {}), place / name, other)
        if scan is not None:
            assert scan.image.dtype == np.int16

    hold()


READERS = {
    "grades.csv": lambda path: read_grades(path, range(5)),
    "centres.csv": read_idrid_centres,
    "rle.csv": lambda path: read_rle_mask(path, "a", (4, 5)),
    "centres.xls": read_hrf_centres,
}


@pytest.mark.parametrize("name", TABLES)
def test_tables(place: Path, name: str) -> None:
    raw, clock = TABLES[name], iter(range(10**6))

    def read(path: Path) -> Any:
        os.utime(path, ns=(next(clock), next(clock)))  # the table's cache knows files by time
        return READERS[name](path)

    @many(MUTATIONS)
    @given(SEEDS)
    def hold(seed: int) -> None:
        held(read, place / name, changed(raw, seed))

    hold()


def test_manifests(place: Path) -> None:
    raw = (manifests_dir() / "stare.yaml").read_bytes()

    @many(60)
    @given(SEEDS)
    def hold(seed: int) -> None:
        held(read_manifest, place / "stare.yaml", changed(raw, seed))

    hold()
    assert manifest_named("stare").name == "stare"


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_archives_never_leave_their_folder(place: Path, kind: str) -> None:
    source = place / "source"
    (source / "in").mkdir(parents=True, exist_ok=True)
    (source / "in" / "a.txt").write_text("hello" * 40)
    form = {"zip": "zip", "tar": "tar", "tar.gz": "gztar"}[kind]
    raw = Path(shutil.make_archive(str(place / "made"), form, source)).read_bytes()

    @many(100)
    @given(SEEDS)
    def hold(seed: int) -> None:
        into = place / "box" / "into"
        shutil.rmtree(place / "box", ignore_errors=True)
        into.mkdir(parents=True)
        held(lambda path: unpack(path, into), place / f"a.{kind}", changed(raw, seed))
        assert [one.name for one in (place / "box").iterdir()] == ["into"]

    hold()


@many(MUTATIONS)
@given(st.binary(max_size=600), st.sampled_from(["a.png", "a.dcm", "a.nii", "a.nii.gz", "a.xls"]))
@example(b"", "a.png")
@example(b"\0" * 352, "a.nii")
@example(b"\x1f\x8b", "a.nii.gz")
def test_any_bytes(raw: bytes, name: str) -> None:
    read = {"a.nii": read_nifti, "a.nii.gz": read_nifti, "a.xls": read_hrf_centres}
    with tempfile.TemporaryDirectory() as folder:
        held(read.get(name, read_image), Path(folder) / name, raw)
