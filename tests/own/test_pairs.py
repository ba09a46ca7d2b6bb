"""Which mask belongs to which image, what its values mean, and who is held out."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldl.data.own import image_files
from ldl.data.pairs import labelled_bank, pair, read_split, splits_of, subject_of, value_name
from ldl.data.readers.image import read_codes
from ldl.errors import DataError
from ldl.rng import numpy_generator


def film(path: Path, seed: int = 0, shape: tuple[int, ...] = (40, 50)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = numpy_generator(seed, path.name).integers(20, 230, shape).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def mask(path: Path, *values: int, shape: tuple[int, int] = (40, 50)) -> Path:
    """Bars of those values on 0, the first the widest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros(shape, np.uint8)
    for place, value in enumerate(values):
        pixels[5 : 20 - 4 * place, 10 * place + 2 : 10 * place + 10] = value
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def folders(cache: Path) -> tuple[Path, Path]:
    """Six images of three subjects, and nothing in the masks' folder."""
    for who in ("anna", "bert", "cleo"):
        for side in ("left", "right"):
            film(cache / "images" / f"{who}_{side}.png")
    (cache / "masks").mkdir()
    return cache / "images", cache / "masks"


def all_names(images: Path) -> list[str]:
    return sorted(one.stem for one in images.iterdir())


@pytest.mark.parametrize(
    ("image", "name", "rule"),
    [
        ("a_{}.png", "a_{}.png", "path"),
        ("a_{}.jpg", "sub/a_{}.gif", "name"),
        ("a_{}.png", "mask_a_{}.png", "name but for words such as mask"),
        ("Image_{}L.png", "Image_{}L_1stHO.png", "beginning of the name"),
        ("{}_training.png", "{}_manual1.png", "name but for words such as mask"),
        ("{}_training.png", "{}_truth.png", "first number"),
        ("im{}.png", "im{}.ah.png", "beginning of the name"),
    ],
)
def test_masks_find_their_image(tmp_path: Path, image: str, name: str, rule: str) -> None:
    for number in (1, 10, 2):
        film(tmp_path / "i" / image.format(number))
        mask(tmp_path / "m" / name.format(number), 255)
    found = pair(tmp_path / "i", tmp_path / "m", "xray")
    if name != "{}_manual1.png":  # two rules do as well there
        assert found.rule == rule
    for one, masks in found.masks.items():
        assert masks[""] == tmp_path / "m" / name.format(one.strip("abcdefgijklmnopqrstuvwxyz_.IL"))


def test_masks_without_an_image_are_named_and_images_without_one_left(
    folders: tuple[Path, Path],
) -> None:
    images, masks = folders
    with pytest.raises(DataError, match="no image file that could be a mask"):
        pair(images, masks, "xray")
    with pytest.raises(DataError, match="no such folder"):
        pair(images, masks / "nowhere", "xray")
    mask(masks / "anna_left.png", 255)
    mask(masks / "zoe.png", 255)
    with pytest.raises(DataError, match=r"1 of 2 masks belong to no image .*zoe\.png"):
        pair(images, masks, "xray")
    found = pair(images, masks, "xray", leave_out=True)
    assert list(found.masks) == ["anna_left.png"]
    assert len(found.left_out) == 5


def test_masks_may_lie_among_their_images(folders: tuple[Path, Path]) -> None:
    images, _ = folders
    for name in all_names(images):
        mask(images / "vessels" / f"{name}.png", 255)
    assert len(pair(images, images / "vessels", "xray").masks) == 6
    for name in all_names(images)[:6]:
        (images / "vessels" / f"{name}.png").rename(images / f"{name}_mask.png")
    assert len(pair(images, images, "xray").masks) == 6


@pytest.mark.parametrize("name", ["{}_mask_1", "{}_mask1", "{}_seg-2", "mask_{}_1", "{}.label.2"])
def test_numbered_masks_beside_their_images_are_masks(
    folders: tuple[Path, Path], name: str
) -> None:
    images, _ = folders
    for one in all_names(images):
        mask(images / f"{name.format(one)}.png", 255)
    assert len(image_files(images, least=1).files) == 6
    assert len(pair(images, images, "xray").masks) == 6


def test_masks_that_no_word_tells_from_images_are_asked_about(folders: tuple[Path, Path]) -> None:
    images, _ = folders
    for one in all_names(images):
        mask(images / f"{one}_lesion.png", 255)
    with pytest.raises(DataError, match="known by a word such as mask"):
        pair(images, images, "xray")


@pytest.mark.parametrize("name", ["{}_mask_1", "{}_2", "mask_{}_1"])
def test_two_masks_that_name_no_class_are_refused(folders: tuple[Path, Path], name: str) -> None:
    images, masks = folders
    for one in all_names(images):
        mask(masks / f"{one}_mask.png", 255)
    assert len(pair(images, masks, "xray").masks) == 6
    mask(masks / f"{name.format('bert_left')}.png", 255)
    with pytest.raises(DataError, match=r"both masks of bert_left\.png, and no name says what of"):
        pair(images, masks, "xray")


def test_classes_by_value_folder_or_name(folders: tuple[Path, Path]) -> None:
    images, masks = folders
    for name in all_names(images):
        mask(masks / f"{name}.png", 128, 255)
    found = labelled_bank(pair(images, masks, "xray"), "xray", 32)
    assert (found.classes, found.values) == (("128", "255"), (128, 255))
    assert found.bank.masks.max() == 2
    named = labelled_bank(pair(images, masks, "xray"), "xray", 32, names=["disc", "cup"])
    assert named.classes == ("disc", "cup")
    with pytest.raises(DataError, match="--classes names 1, the masks hold 2: 128, 255"):
        labelled_bank(pair(images, masks, "xray"), "xray", 32, names=["disc"])
    both = images.parent / "both"
    for name in all_names(images):
        mask(both / "cup" / f"{name}.png", 0, 255)
        mask(both / "disc" / f"{name}.png", 255, 255)
    nested = labelled_bank(pair(images, both, "xray"), "xray", 32)
    assert (nested.classes, nested.values) == (("disc", "cup"), ())
    assert nested.bank.masks.max() == 3  # a pixel may be of both
    (case,) = nested.cases("anna_left.png")
    assert case.planes.shape == (2, 40, 50)
    assert (case.planes[0] >= case.planes[1]).all()
    flat = images.parent / "flat"
    for name in all_names(images):
        mask(flat / f"{name}_cup.png", 0, 255)
        mask(flat / f"{name}_disc.png", 255)
    assert labelled_bank(pair(images, flat, "xray"), "xray", 32).classes == ("disc", "cup")
    first = images.parent / "first"
    for number in range(3):
        film(first / "images" / f"{number}_training.png")
        for part in ("cup", "disc"):
            mask(first / "masks" / f"{number}_{part}.png", 255)
    found = pair(first / "images", first / "masks", "xray")
    assert (found.rule, found.by_file) == ("first number", ("cup", "disc"))


def test_masks_that_cannot_be_right_are_all_named(folders: tuple[Path, Path]) -> None:
    images, masks = folders
    names = all_names(images)
    for name in names:
        mask(masks / f"{name}.png", 255)
    mask(masks / f"{names[0]}.png", 255, shape=(20, 25))
    grey = (np.arange(2000, dtype=np.int64) % 200).reshape(40, 50).astype(np.uint8)
    Image.fromarray(grey).save(masks / f"{names[1]}.png")  # as if saved as jpg
    Image.new("L", (50, 40), 255).save(masks / f"{names[2]}.png")
    (masks / f"{names[3]}.png").write_bytes(b"no image")
    with pytest.raises(DataError) as raised:
        labelled_bank(pair(images, masks, "xray"), "xray", 32)
    said = str(raised.value)
    for words in (f"{names[1]}.png: ", "values where 0 and at most 8 classes", "no background",
                  f"{names[3]}.png: "):  # fmt: skip
        assert words in said
    for name in names[1:4]:
        mask(masks / f"{name}.png", 255)
    with pytest.raises(DataError, match=r"of 25x20 .* an image of 50x40 .* by nearest neighbour"):
        labelled_bank(pair(images, masks, "xray"), "xray", 32)
    found = labelled_bank(pair(images, masks, "xray"), "xray", 32, leave_out=True)
    assert len(found.bank.ids) == 5
    assert "25x20" in found.bank.left_out[f"{names[0]}.png"]


def test_one_value_here_and_another_there_is_asked_about(folders: tuple[Path, Path]) -> None:
    images, masks = folders
    for number, name in enumerate(all_names(images)):
        mask(masks / f"{name}.png", 1 if number % 2 else 255)
    with pytest.raises(DataError, match="some masks hold 1 and others 255, none both"):
        labelled_bank(pair(images, masks, "xray"), "xray", 32)
    for name in all_names(images):
        mask(masks / f"{name}.png", 0)
    with pytest.raises(DataError, match="every mask is empty"):
        labelled_bank(pair(images, masks, "xray"), "xray", 32)


def test_colours_are_classes_and_palettes_are_colours(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:2], pixels[4:6] = (255, 0, 0), (0, 255, 0)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels).quantize(4).save(tmp_path / "b.png")
    Image.fromarray(pixels[..., 0]).convert("RGB").save(tmp_path / "c.png")
    codes = read_codes(tmp_path / "a.png")
    assert set(np.unique(codes)) == {0, 65280, 16711680}
    np.testing.assert_array_equal(read_codes(tmp_path / "b.png"), codes)
    assert set(np.unique(read_codes(tmp_path / "c.png"))) == {0, 255}


def test_a_colour_is_called_as_on_web_pages() -> None:
    assert [value_name(one) for one in (1, 255, 0xFF0000, 0x00FF00)] == [
        "1", "255", "#ff0000", "#00ff00",
    ]  # fmt: skip


def test_a_mask_saved_as_jpg_is_what_was_drawn(tmp_path: Path) -> None:
    drawn = np.zeros((90, 120), np.uint8)
    drawn[21:66, 33:90] = 255
    Image.fromarray(drawn).save(tmp_path / "a.jpg", quality=70)
    Image.fromarray(drawn).convert("RGB").save(tmp_path / "rgb.jpg", quality=70)
    assert len(np.unique(np.asarray(Image.open(tmp_path / "a.jpg")))) > 9
    for name in ("a.jpg", "rgb.jpg"):
        np.testing.assert_array_equal(read_codes(tmp_path / name), drawn)
    drawn[40:50, 40:50] = 128  # a class of its own, whose edges nobody can tell
    Image.fromarray(drawn).save(tmp_path / "two.jpg", quality=70)
    assert len(np.unique(read_codes(tmp_path / "two.jpg"))) > 9


@pytest.mark.parametrize(
    ("name", "whose"),
    [
        ("slide-3_tile-6.tif", "slide-3"),
        ("A12_tile_7.png", "a12"),
        ("12_left.png", "12"),
        ("Image_01L.jpg", "image_01"),
        ("a/patient-007/scan_3.png", "patient-007"),
        ("sub-12_ses-1_slice-040.png", "sub-12"),
        ("x/IDRiD_03.jpg", "idrid_03"),
        ("case12_OD_slice3.png", "case12"),
        ("detail.png", "detail"),
    ],
)
def test_names_show_whose_an_image_is(name: str, whose: str) -> None:
    assert subject_of(name) == whose


def test_no_subject_is_in_two_splits(folders: tuple[Path, Path]) -> None:
    images, masks = folders
    for name in all_names(images):
        mask(masks / f"{name}.png", 255)
    found = labelled_bank(pair(images, masks, "xray"), "xray", 32, seed=3)
    whose = {part: {found.subjects[one] for one in found.names(part)}
             for part in ("train", "validation", "test")}  # fmt: skip
    assert sorted(map(len, whose.values())) == [1, 1, 1]
    assert set.union(*whose.values()) == {"anna", "bert", "cleo"}
    with pytest.raises(DataError, match="label at least three"):
        splits_of({"a": "x", "b": "y"}, {}, 0)


@pytest.mark.parametrize("count", [3, 4, 5, 10, 13, 21])
@pytest.mark.parametrize("folds", [3, 4, 7])
def test_over_all_folds_every_subject_is_tested_once(count: int, folds: int) -> None:
    subjects = {f"{number}_{side}": str(number) for number in range(count) for side in "lr"}
    tested: list[str] = []
    for fold in range(min(folds, count)):
        parts = splits_of(subjects, {}, 5, fold, folds)
        whose = {part: {subjects[one] for one, where in parts.items() if where == part}
                 for part in ("train", "validation", "test")}  # fmt: skip
        assert all(whose.values())
        assert sum(map(len, whose.values())) == count
        tested += whose["test"]
    assert sorted(tested) == sorted(set(subjects.values()))


def test_a_table_may_give_splits_and_subjects(folders: tuple[Path, Path]) -> None:
    images, masks = folders
    names = all_names(images)
    for name in names:
        mask(masks / f"{name}.png", 255)
    table = images.parent / "split.csv"
    parts = ["train", "validation", "test"] * 2
    lines = [f"{name},{part}" for name, part in zip(names, parts, strict=True)]
    table.write_text("\n".join(["image,split", *lines]))
    found = labelled_bank(pair(images, masks, "xray"), "xray", 32, split=read_split(table))
    assert found.names("test") == [f"{names[2]}.png", f"{names[5]}.png"]
    table.write_text("\n".join(["image,split", *lines[:2]]))
    with pytest.raises(DataError, match="4 images have none"):
        labelled_bank(pair(images, masks, "xray"), "xray", 32, split=read_split(table))
    table.write_text("name,part\na,b\n")
    with pytest.raises(DataError, match="needs a column 'image'"):
        read_split(table)
