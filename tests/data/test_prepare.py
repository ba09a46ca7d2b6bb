"""From files and from phantoms to banks: every layout, in a fixed order, whole or not at all.

Grades of the pretraining images: EyePACS' table, and phantoms by their lesions.
"""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ldl import phantoms
from ldl.config import DataConfig
from ldl.data import prepare
from ldl.data.bank import Bank
from ldl.data.folder import DatasetFolder
from ldl.data.manifest import Layout, Manifest, manifest_named, manifests
from ldl.data.prepare import (
    PHANTOM_LIMITS,
    grades,
    phantom_grade,
    phantom_splits,
    prepare_pretraining,
    prepare_task,
    pretraining_bank,
    task_bank,
)
from ldl.data.readers.tables import read_grades
from ldl.errors import ConfigError, DataError
from ldl.phantoms import LESION_SIDE, fundus, lesion_share

Write = Callable[[Manifest, Layout], Path]
CASES = [
    (name, layout.name)
    for name, manifest in manifests().items()
    for layout in manifest.layouts
    if any(one.purpose == "segmentation" for one in manifest.collections)
]


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Dice of two masks."""
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


@pytest.mark.parametrize(("name", "layout_name"), CASES)
def test_layout_becomes_banks(write_tree: Write, name: str, layout_name: str) -> None:
    manifest = manifest_named(name)
    layout = next(one for one in manifest.layouts if one.name == layout_name)
    root = write_tree(manifest, layout)
    assert DatasetFolder(manifest, root).layout == layout
    for collection in manifest.collections:
        bank = prepare_task(collection.key, 64)
        channels = 3 if manifest.modality == "fundus" else 1
        assert bank.images.shape == (7, channels, 64, 64)
        assert bank.splits == ("validation",) + ("train",) * 4 + ("test",) * 2
        for image, mask in zip(bank.images, bank.masks, strict=True):
            # The bright ellipse of the scene is what the mask marks, wherever the crop put it.
            assert overlap(image.min(0) > 150, mask.astype(bool)) > 0.9


def test_fundus_is_cropped_to_the_field_of_view(write_tree: Write) -> None:
    manifest = manifest_named("stare")
    write_tree(manifest, manifest.layouts[0])
    image = prepare_task("stare_vessel", 64).images[0]
    rim = np.concatenate([image[:, 0].ravel(), image[:, -1].ravel()])
    assert np.median(rim) < 20  # margin of 16 pixels cut at the border: the corners stay dark
    assert (image[:, 32] > 20).any(0).mean() > 0.6


def test_a_fresh_bank_is_opened_and_not_built_again(
    write_tree: Write, make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = manifest_named("stare")
    root = write_tree(manifest, manifest.layouts[0])
    first = prepare_task("stare_vessel", 32)
    with monkeypatch.context() as context:
        context.setattr("ldl.data.prepare.load_example", pytest.fail)
        assert prepare_task("stare_vessel", 32).fingerprint == first.fingerprint
    make.raster(root / "stare-images/im0001.ppm.gz", make.scene(99)[0])
    assert prepare_task("stare_vessel", 32).fingerprint != first.fingerprint


def test_damage_leaves_no_half_built_bank(write_tree: Write, tmp_path: Path) -> None:
    manifest = manifest_named("stare")
    root = write_tree(manifest, manifest.layouts[0])
    (root / "labels-ah/im0163.ah.ppm.gz").write_bytes(b"")
    with pytest.raises(DataError, match=r"im0163\.ah\.ppm\.gz: empty"):
        prepare_task("stare_vessel", 32)
    assert not list((tmp_path / "cache/banks").glob("[!.]*"))


def _eyes(folder: Path, make: SimpleNamespace, *ids: str) -> None:
    for seed, one in enumerate(ids):
        make.raster(folder / f"{one}.jpeg", make.scene(seed)[0])


def test_pretraining_order_is_good_quality_first_then_by_number(
    home: Path, make: SimpleNamespace
) -> None:
    folder = home / "fundus/eyepacs/images"
    _eyes(folder, make, "9_left", "10_right", "10003_left", "9998_left", "10007_left")
    bank = prepare_pretraining("fundus", 32)
    # The authors' list names 10003_left, 10007_left ... 9998_left in this order.
    assert bank.ids == ("10003_left", "10007_left", "9998_left", "9_left", "10_right")
    assert prepare_pretraining("fundus", 32, limit=2).ids == bank.ids[:2]


def test_nearly_black_originals_are_left_out_by_name(
    home: Path, make: SimpleNamespace, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    folder = home / "fundus/eyepacs/train"
    _eyes(folder, make, "10003_left", "17_left", "10007_left")
    dark = np.zeros((60, 80, 3), np.uint8)
    dark[20:30, 20:30] = 90
    make.raster(folder / "10007_left.jpeg", dark)
    bank = prepare_pretraining("fundus", 32, limit=2)
    assert bank.ids == ("10003_left", "17_left")
    assert "10007_left: left out, field of view covers" in caplog.text
    assert "10007_left" in bank.left_out


def test_xray_pretraining_reads_the_four_channel_files(home: Path, make: SimpleNamespace) -> None:
    folder = home / "cxr/nih_chestxray8/images"
    folder.mkdir(parents=True)
    grey = make.scene(0, 64, 64)[0][..., 1]
    Image.fromarray(grey).save(folder / "00000001_000.png")
    Image.fromarray(np.stack([255 - grey] * 3 + [np.full_like(grey, 255)], -1)).save(
        folder / "00000002_000.png"
    )
    bank = prepare_pretraining("xray", 64)
    assert bank.images.shape == (2, 1, 64, 64)
    np.testing.assert_array_equal(bank.images[1, 0], 255 - grey)


def test_siim_not_at_hand_is_one_clear_line(home: Path) -> None:
    with pytest.raises(DataError, match="ldl data fetch siim_pneumothorax") as caught:
        prepare_task("siim_pneumothorax", 64)
    assert "\n" not in str(caught.value)


def test_what_is_no_task_is_refused(home: Path) -> None:
    with pytest.raises(DataError, match="volumes, not a segmentation task"):
        prepare_task("btcv", 64)
    with pytest.raises(DataError, match="no manifest has a collection"):
        prepare_task("chase", 64)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LDL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def config(**knobs):
    return DataConfig(**{"source": "phantom", "size": 32, "images": 16, **knobs})


@pytest.mark.parametrize(("modality", "channels"), [("fundus", 3), ("xray", 1)])
def test_phantoms_to_pretrain_on(modality, channels):
    bank = pretraining_bank(config(), modality)
    assert bank.images.shape == (16, channels, 32, 32)
    assert len(set(bank.ids)) == 16
    drawn = phantoms.pretraining_images(modality, count=16, size=32, seed=0)
    np.testing.assert_array_equal(bank.images, drawn)


def test_phantoms_from_closer_are_banks_of_their_own():
    whole, near = (pretraining_bank(config(closer=c), "fundus") for c in (1.0, 3.0))
    assert whole.fingerprint != near.fingerprint
    drawn = phantoms.pretraining_images("fundus", count=16, size=32, seed=0, closer=3.0)
    np.testing.assert_array_equal(near.images, drawn)
    tests = [task_bank(config(closer=c), "stare_vessel").masks.mean() for c in (1.0, 3.0)]
    assert tests[0] != tests[1]


def test_a_phantom_task_has_validation_first_then_training_then_test():
    bank = task_bank(config(train=10, test=4), "stare_vessel")
    assert bank.splits == ("validation",) * 2 + ("train",) * 8 + ("test",) * 4
    assert bank.images.shape == (14, 3, 32, 32)
    assert set(np.unique(bank.masks)) == {0, 1}


@pytest.mark.parametrize(("train", "validation"), [(5, 1), (9, 1), (10, 2), (14, 2), (15, 3)])
def test_validation_is_the_first_fifth_of_the_training_list(train, validation):
    splits = phantom_splits(train, 3)
    assert splits == ["validation"] * validation + ["train"] * (train - validation) + ["test"] * 3


def test_too_few_training_images_for_a_validation_part_are_said_so():
    with pytest.raises(DataError, match="4 training images leave none"):
        phantom_splits(4, 1)


def test_phantoms_are_drawn_once(monkeypatch):
    first = pretraining_bank(config(), "xray"), task_bank(config(), "scr_lung")

    def again(*_, **__):
        pytest.fail("drawn again")

    monkeypatch.setattr(phantoms, "pretraining_images", again)
    monkeypatch.setattr(phantoms, "task_images", again)
    second = pretraining_bank(config(), "xray"), task_bank(config(), "scr_lung")
    assert [bank.fingerprint for bank in first] == [bank.fingerprint for bank in second]


def test_every_setting_has_a_bank_of_its_own():
    settings = [config(), config(seed=1), config(size=48), config(images=17)]
    banks = [pretraining_bank(one, "xray") for one in settings]
    assert len({bank.fingerprint for bank in banks}) == 4
    tasks = [task_bank(config(train=t, test=2), "scr_lung") for t in (5, 6)]
    assert [len(bank.ids) for bank in tasks] == [7, 8]


def test_phantoms_of_another_generator_are_drawn_anew(monkeypatch, own_cache):
    pretraining_bank(config(), "xray")
    before = {path.name for path in (own_cache / "banks").iterdir() if path.is_dir()}
    monkeypatch.setattr(prepare, "PHANTOMS", 99)
    pretraining_bank(config(), "xray")
    after = {path.name for path in (own_cache / "banks").iterdir() if path.is_dir()}
    assert len(after - before) == 1


def test_a_bank_half_written_by_a_killed_process_is_drawn_anew(own_cache):
    pretraining_bank(config(), "xray")
    folder = next(path for path in (own_cache / "banks").iterdir() if path.is_dir())
    (folder / "index.json").unlink()
    assert len(pretraining_bank(config(), "xray").ids) == 16


def test_an_unknown_task_is_named():
    with pytest.raises(ConfigError, match="unknown task 'stare'"):
        task_bank(config(), "stare")


def test_originals_come_from_the_prepared_banks(monkeypatch):
    asked = []

    def prepared(*arguments, **options):
        asked.append((*arguments, options))
        return pretraining_bank(config(), "xray")

    monkeypatch.setattr(prepare, "prepare_pretraining", prepared)
    monkeypatch.setattr(prepare, "prepare_task", prepared)
    pretraining_bank(config(source="open", images=20), "xray")
    task_bank(config(source="open"), "scr_lung")
    assert asked == [("xray", 32, {"limit": 20}), ("scr_lung", 32, {})]


OPEN = DataConfig(source="open", size=32)
TABLE = "image_id,grade\n10_left,0\n10_right,4\n13_left,2\n"


def bank(*ids: str, channels: int = 3) -> Bank:
    return Bank("some images", np.zeros((len(ids), channels, 8, 8), np.uint8), ids, "none")


@pytest.fixture
def eyepacs(home: Path) -> Path:
    """A folder with one image and a table of three grades; returns the table's path."""
    folder = home / "fundus/eyepacs"
    (folder / "images").mkdir(parents=True)
    (folder / "images/10_left.jpeg").write_bytes(b"not looked at")
    (folder / "grades.csv").write_text(TABLE)
    return folder / "grades.csv"


def test_grades_come_in_the_order_of_the_bank(eyepacs: Path) -> None:
    found = grades(OPEN, bank("13_left", "10_left", "10_right"))
    assert found.dtype == np.int64
    assert found.tolist() == [2, 0, 4]


def test_kaggles_own_table_in_its_own_place(eyepacs: Path) -> None:
    folder = eyepacs.parent
    eyepacs.unlink()
    (folder / "images").rename(folder / "train")
    (folder / "trainLabels.csv").write_text("image,level\n10_left,3\n")
    assert grades(OPEN, bank("10_left")).tolist() == [3]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TABLE.replace("13_left,2", "13_left,5"), "grade of 13_left is '5', not one of 0, 1, 2"),
        (TABLE.replace("13_left,2", "13_left,"), "grade of 13_left is ''"),
        (TABLE.replace("13_left,2", "13_left"), "grade of 13_left is ''"),
        (TABLE.replace("13_left,2", "13_left,1.0"), "grade of 13_left is '1.0'"),
        (TABLE.replace("13_left", "10_left"), "duplicate id 10_left"),
        (TABLE.replace("13_left", "14_left"), "no grade of 13_left of some images"),
        (TABLE.replace("image_id,grade\n", ""), "not a header"),
        ("\n", "not a header"),
        ("", "empty"),
    ],
)
def test_faults_of_the_table_name_file_and_id(eyepacs: Path, text: str, said: str) -> None:
    eyepacs.write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        grades(OPEN, bank("10_left", "13_left"))
    assert str(caught.value).startswith(str(eyepacs))
    assert "\n" not in str(caught.value)


def test_several_images_without_a_grade_are_counted(eyepacs: Path) -> None:
    with pytest.raises(DataError, match="no grade of 7_left and 1 more images"):
        grades(OPEN, bank("10_left", "7_left", "8_left"))


def test_a_missing_table_says_where_it_should_be(eyepacs: Path) -> None:
    eyepacs.unlink()
    with pytest.raises(DataError, match=r"grades\.csv: missing.*ldl data fetch eyepacs"):
        grades(OPEN, bank("10_left"))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "grades.csv").write_bytes(b"image,level\n\xff\xfe,1\n")
    with pytest.raises(DataError, match="not a table in UTF-8"):
        read_grades(tmp_path / "grades.csv", range(5))


@pytest.mark.parametrize("config", [OPEN, DataConfig(source="phantom", size=32)])
def test_chest_films_have_no_grades(config: DataConfig) -> None:
    with pytest.raises(DataError, match="chest X-rays have no grades"):
        grades(config, bank("xray-0000", channels=1))


def test_phantoms_are_graded_by_the_lesions_that_are_in_the_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the drawing of the image itself asks for, caught on the way, is what is graded."""
    original, drawn = fundus.lesions, []

    def caught(rng, eye, *more):  # type: ignore[no-untyped-def]
        drawn.append((eye, original(rng, eye, *more)))
        return drawn[-1][1]

    monkeypatch.setattr(fundus, "lesions", caught)
    shares = []
    for number in range(24):
        phantoms.pretraining_image("fundus", number, size=LESION_SIDE, seed=3)
        eye, found = drawn.pop()
        cover = found.get("haemorrhages", 0 * eye.u) + found.get("exudates", 0 * eye.u)
        shares.append(lesion_share(3, number))
        assert shares[-1] == pytest.approx(cover[eye.u**2 + eye.v**2 < 1].mean())
    assert 3 < sum(share > 0 for share in shares) < 21


def test_grades_of_a_phantom_bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDL_CACHE", str(tmp_path))
    config = DataConfig(source="phantom", size=32, images=16, seed=5)
    found = grades(config, pretraining_bank(config, "fundus"))
    assert found.tolist() == [phantom_grade(5, number) for number in range(16)]
    with pytest.raises(DataError, match="image-1 is no fundus phantom"):
        grades(config, bank("image-1"))


def test_every_grade_occurs_and_follows_the_share() -> None:
    shares = [lesion_share(0, number) for number in range(200)]
    found = [phantom_grade(0, number) for number in range(200)]
    counts = np.bincount(found, minlength=5) / 200
    assert 0.5 < counts[0] < 0.8
    assert counts[1:].min() > 0.02
    order = np.argsort(shares, kind="stable")
    assert (np.diff(np.array(found)[order]) >= 0).all()
    for grade, (low, high) in enumerate(
        zip((0, *PHANTOM_LIMITS), (*PHANTOM_LIMITS, 1), strict=True), start=1
    ):
        within = [share for share, one in zip(shares, found, strict=True) if one == grade]
        assert all(low <= share < high and share > 0 for share in within)


def test_the_real_table(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDL_DATA", str(real_data))
    table = read_grades(real_data / "fundus/eyepacs/grades.csv", range(5))
    found = grades(OPEN, bank(*list(table)[:50]))
    assert found.tolist() == list(table.values())[:50]
    assert np.bincount(list(table.values())).tolist() == [2217, 150, 350, 173, 134]
