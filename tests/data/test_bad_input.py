"""Whatever is wrong with a file or list: one line that names it, never a traceback or a skip."""

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile
from PIL import Image

from ldl.data.manifest import Layout, Manifest, Member, check_members, manifest_named
from ldl.data.prepare import prepare_pretraining, prepare_task
from ldl.errors import DataError

Write = Callable[[Manifest, Layout], Path]
Break = Callable[[Path], object]


def _save(name: str, pixels: np.ndarray) -> Break:
    def write(root: Path) -> None:
        Image.fromarray(pixels).save(root / name)

    return write


def _bytes(name: str, change: Callable[[bytes], bytes]) -> Break:
    def write(root: Path) -> None:
        (root / name).write_bytes(change((root / name).read_bytes()))

    return write


def _cmyk() -> bytes:
    stream = io.BytesIO()
    Image.new("CMYK", (80, 60), (0, 90, 90, 20)).save(stream, "JPEG")
    return stream.getvalue()


IMAGE, MASK = "images/im0002.jpg", "ah/im0002.png"
GREY = np.arange(60 * 80, dtype=np.uint32).reshape(60, 80).astype(np.uint8)
FAULTS: dict[str, tuple[Break, str, str]] = {
    "image missing": (lambda root: (root / IMAGE).unlink(), IMAGE, "missing (image im0002"),
    "mask missing": (lambda root: (root / MASK).unlink(), MASK, "missing (image im0002"),
    "image empty": (_bytes(IMAGE, lambda raw: b""), IMAGE, "empty (0 bytes)"),
    "mask empty": (_bytes(MASK, lambda raw: b""), MASK, "empty (0 bytes)"),
    "image truncated": (_bytes(IMAGE, lambda raw: raw[:700]), IMAGE, "unreadable or truncated"),
    "image is text": (_bytes(IMAGE, lambda raw: b"<html>"), IMAGE, "not an image, but a web page"),
    "image blank": (_save(IMAGE, np.zeros((60, 80, 3), np.uint8)), IMAGE, "blank, every pixel is"),
    "image too dark": (_save(IMAGE, np.stack([GREY % 9] * 3, -1)), IMAGE, "no field of view"),
    "image grey": (_save(IMAGE, GREY), IMAGE, "1 channel(s) where a colour image (3)"),
    "image CMYK": (_bytes(IMAGE, lambda raw: _cmyk()), IMAGE, "colour mode CMYK"),
    "mask of another size": (_save(MASK, GREY[:50] > 9), MASK,
                             "mask of 80x50 pixels beside an image of 80x60"),
    "mask with other values": (_save(MASK, GREY), MASK, "mask with 256 values"),
    "mask without background": (_save(MASK, GREY % 2 + np.uint8(1)), MASK, "mask with 2 values"),
    "mask truncated": (_bytes(MASK, lambda raw: raw[:60]), MASK, "unreadable or truncated"),
    "one picture in train and test": (
        lambda root: (root / "images/im0162.jpg").write_bytes((root / IMAGE).read_bytes()),
        "im0002 (train) and im0162 (test)",
        "same subject must not be in train and test",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_damaged_file(write_tree: Write, fault: str) -> None:
    manifest = manifest_named("stare")
    root = write_tree(manifest, manifest.layouts[2])
    damage, named, said = FAULTS[fault]
    damage(root)
    with pytest.raises(DataError) as caught:
        prepare_task("stare_vessel", 32)
    assert named in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


LISTS = {
    "duplicate id": (["train,im0001", "train,im0001"], "duplicate id im0001"),
    "subject on both sides": (
        ["train,im0001", "test,im0001"],
        "the same subject is in train (im0001) and test (im0001)",
    ),
    "unknown split": (["training,im0001"], "has split 'training'"),
    "id of another set": (["train,IDRiD_01"], "id 'IDRiD_01' does not match"),
    "wrong columns": (None, "columns split,image_id"),
}


@pytest.mark.parametrize("fault", LISTS)
def test_damaged_list(write_tree: Write, short_lists: Path, fault: str) -> None:
    manifest = manifest_named("stare")
    write_tree(manifest, manifest.layouts[2])
    rows, said = LISTS[fault]
    file = short_lists / "splits/stare_vessel.csv"
    text = "part;id\n1;2\n" if rows is None else "\n".join(["split,image_id", *rows]) + "\n"
    file.write_text(text)
    with pytest.raises(DataError) as caught:
        prepare_task("stare_vessel", 32)
    assert said in str(caught.value)


def test_the_two_eyes_of_a_child_stay_together(short_lists: Path) -> None:
    both = [Member("train", "Image_01L"), Member("test", "Image_01R")]
    with pytest.raises(DataError, match=r"same subject is in train \(Image_01L\) and test"):
        check_members(manifest_named("chasedb1"), "a.csv", both)


def test_nan_image(home: Path, make: SimpleNamespace) -> None:
    folder = home / "fundus/drive/training/images"
    folder.mkdir(parents=True)
    tifffile.imwrite(folder / "21_training.tif", np.full((8, 8), np.nan, np.float32))
    with pytest.raises(DataError, match=r"21_training\.tif: NaN or infinite"):
        prepare_task("rite_vessel", 32)


def test_two_files_with_one_id(home: Path, make: SimpleNamespace) -> None:
    pixels = make.scene(0, 64, 64)[0][..., 1]
    for folder in ("No_findings", "Pneumonia"):
        make.raster(home / "cxr/nih_chestxray8" / folder / "00000061_012.jpg", pixels)
    with pytest.raises(DataError, match="duplicate id 00000061_012"):
        prepare_pretraining("xray", 32)


def test_colour_where_grey_is_expected(home: Path, make: SimpleNamespace) -> None:
    make.raster(home / "cxr/nih_chestxray8/images/00000061_012.png", make.scene(0)[0])
    with pytest.raises(DataError, match=r"00000061_012\.png: 3 differing channels"):
        prepare_pretraining("xray", 32)


def test_folder_of_something_else(home: Path) -> None:
    (home / "fundus/stare").mkdir(parents=True)
    (home / "fundus/stare/readme.txt").write_text("hello")
    with pytest.raises(DataError, match="fits no known layout"):
        prepare_task("stare_vessel", 32)
