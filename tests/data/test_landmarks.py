"""Landmarks come to lie where the prepared image shows them."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ldl.data.folder import DatasetFolder
from ldl.data.landmarks import KNOWN, landmark_bank
from ldl.data.manifest import Layout, Manifest, collection_named, id_list, manifest_named
from ldl.data.prepare import load_example
from ldl.data.preprocess import Box, centroid, placed
from ldl.errors import ConfigError, DataError
from ldl.runs.localize import window_at

Write = Callable[[Manifest, Layout], Path]
IDRID_ROWS, IDRID_COLUMNS = 2848, 4288
GRADING = "fundus/idrid_grading/test"
LOCALIZATION = "fundus/idrid_localization"
TABLES = {
    "disc": "IDRiD_OD_Center_Testing Set_Markups.csv",
    "fovea": "IDRiD_Fovea_Center_Testing Set_Markups.csv",
}


def centre_of(image: np.ndarray, level: int = 150) -> np.ndarray:
    """Row and column of the bright part of (C, H, W)."""
    return np.array(centroid(image.min(0) > level))


def write_eyes(home: Path, make: SimpleNamespace, reduction: int) -> None:
    """Two eyes at 1 / reduction of IDRiD's size with a bright disc, and the tables of its centre.

    The fovea's table says the same place one disc radius higher.
    """
    lines = ["Image No,X- Coordinate,Y - Coordinate,,"]
    for number, (row, column) in enumerate([(1200, 900), (1703, 3011)], start=1):
        rows, columns = np.mgrid[: IDRID_ROWS // reduction, : IDRID_COLUMNS // reduction]
        rows, columns = (rows + 0.5) * reduction - 0.5, (columns + 0.5) * reduction - 0.5
        image = np.zeros((*rows.shape, 3), np.uint8)
        image[(rows - 1423.5) ** 2 + (columns - 2100) ** 2 < 1800**2] = (90, 50, 30)
        image[(rows - row) ** 2 + (columns - column) ** 2 < 200**2] = (240, 220, 200)
        make.raster(home / GRADING / f"IDRiD_00{number}.jpg", image)
        lines.append(f"IDRiD_00{number},{column},{row},,")
    folder = home / LOCALIZATION
    folder.mkdir(parents=True)
    (folder / TABLES["disc"]).write_text("\n".join([*lines, ",,,,"]))
    for number, line in enumerate(lines[1:], start=1):
        name, column, row = line.split(",")[:3]
        lines[number] = f"{name},{column},{int(row) - 200},,"
    (folder / TABLES["fovea"]).write_text("\n".join(lines))


@pytest.mark.parametrize("reduction", [8, 4])
def test_centres_of_the_originals_are_mapped_into_reduced_copies(
    home: Path, short_lists: Path, make: SimpleNamespace, reduction: int
) -> None:
    write_eyes(home, make, reduction)
    bank = landmark_bank("idrid", "disc", 128)
    assert bank.ids == ("IDRiD_001", "IDRiD_002")
    assert (bank.images.shape, bank.points.shape) == ((2, 3, 128, 128), (2, 2))
    for image, point in zip(bank.images, bank.points, strict=True):
        assert np.abs(centre_of(image) - point).max() < 0.3
    fovea = landmark_bank("idrid", "fovea", 128)
    # 200 pixels of the original's 2848 rows, all of which the crop keeps.
    higher = np.array([[200 * 128 / IDRID_ROWS, 0]] * 2)
    np.testing.assert_allclose(bank.points - fovea.points, higher, atol=1e-9)


CASES = [
    (source, name, layout.name)
    for source, landmark, name in [("drishti_gs1", "disc", "drishti_gs1"),
                                   ("idrid_segmentation", "disc", "idrid_segmentation"),
                                   ("scr", "heart", "scr")]
    for layout in manifest_named(name).layouts
]  # fmt: skip


@pytest.mark.parametrize(("source", "name", "layout_name"), CASES)
def test_centroids_of_masks_lie_in_the_prepared_image(
    write_tree: Write, source: str, name: str, layout_name: str
) -> None:
    manifest = manifest_named(name)
    write_tree(manifest, next(one for one in manifest.layouts if one.name == layout_name))
    bank = landmark_bank(source, "heart" if source == "scr" else "disc", 96)
    assert len(bank.ids) == 7
    # Masks of half the size are written here by leaving out every second pixel.
    exact = 1.5 if (name, layout_name) == ("scr", "original") else 0.8
    for image, point in zip(bank.images, bank.points, strict=True):
        assert np.abs(centre_of(image) - point).max() < exact


def test_hrf_counts_in_its_own_originals(
    write_tree: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = manifest_named("hrf")
    root = write_tree(manifest, manifest.layouts[1])
    with pytest.raises(DataError, match=r"optic_disk_centers\.xls: missing"):
        landmark_bank("hrf", "disc", 64)
    (root / "optic_disk_centers.xls").write_bytes(b"a table")
    ids = [one.id for one in id_list("hrf_vessel")]
    # The files of the test are 80x60: its middle is the middle of 3504x2336.
    monkeypatch.setattr(
        "ldl.data.landmarks.read_hrf_centres",
        lambda path: dict.fromkeys(ids, ((3504 - 1) / 2, (2336 - 1) / 2)),
    )
    bank = landmark_bank("hrf", "disc", 64)
    assert bank.ids == tuple(ids)
    # The lit disc is round and in the middle, and so is its box but for a pixel of the file.
    np.testing.assert_allclose(bank.points, 31.5, atol=1.5)


def test_placed_keeps_edges_and_centres() -> None:
    whole = Box(0, 340, 0, 512)
    shapes = ((2848, 4288), (340, 512))
    assert placed((-0.5, -0.5), *shapes, whole, 128) == pytest.approx((-0.5, -0.5))
    assert placed((2847.5, 4287.5), *shapes, whole, 128) == pytest.approx((127.5, 127.5))
    same = placed((10.0, 20.0), (64, 64), (64, 64), Box(0, 64, 0, 64), 64)
    assert same == pytest.approx((10, 20))
    assert placed((10, 20), (64, 64), (64, 64), Box(8, 40, 16, 48), 32) == pytest.approx((2, 4))


def test_missing_and_stray_centres_are_named(
    home: Path, short_lists: Path, make: SimpleNamespace
) -> None:
    write_eyes(home, make, 8)
    table = home / LOCALIZATION / TABLES["disc"]
    kept = table.read_text()
    table.write_text(kept.replace("IDRiD_002", "IDRiD_102"))
    with pytest.raises(DataError, match="od_centres: no centre of IDRiD_002"):
        landmark_bank("idrid", "disc", 64)
    table.write_text(kept.replace("900,1200", "9000,1200"))
    with pytest.raises(DataError, match="landmark of IDRiD_001 lies outside the image"):
        landmark_bank("idrid", "disc", 64)
    assert not list((home.parent / "cache/banks").glob("*/"))


def test_a_bank_is_made_once_and_again_when_a_file_changes(
    home: Path, short_lists: Path, make: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_eyes(home, make, 8)
    first = landmark_bank("idrid", "disc", 64)
    with monkeypatch.context() as context:
        context.setattr("ldl.data.landmarks.load_example", pytest.fail)
        again = landmark_bank("idrid", "disc", 64)
    assert again.fingerprint == first.fingerprint
    np.testing.assert_array_equal(again.points, first.points)
    table = home / LOCALIZATION / TABLES["disc"]
    table.write_text(table.read_text().replace("900,1200", "900,1216"))
    changed = landmark_bank("idrid", "disc", 64)
    assert changed.fingerprint != first.fingerprint
    assert changed.points[0, 0] > first.points[0, 0]
    np.testing.assert_array_equal(changed.images, first.images)


def test_unknown_sources_and_landmarks_are_refused() -> None:
    with pytest.raises(ConfigError, match="no landmark 'heart' in 'idrid'; known: phantom disc"):
        landmark_bank("idrid", "heart", 64)
    with pytest.raises(ConfigError, match="unknown landmark 'lung'; use one of disc"):
        window_at("lung", 64)
    assert (window_at("disc", 512), window_at("heart", 512)) == (64, 128)
    assert window_at("heart", 128) == 32


def test_originals_not_at_hand_are_one_clear_line(home: Path) -> None:
    with pytest.raises(DataError, match="ldl data fetch scr"):
        landmark_bank("scr", "heart", 64)


@pytest.fixture
def real(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real data with an empty cache."""
    monkeypatch.setenv("LDL_DATA", str(real_data))
    monkeypatch.setenv("LDL_CACHE", str(tmp_path))
    return real_data


def test_real_discs_are_bright(real: Path) -> None:
    bank = landmark_bank("idrid", "disc", 64)
    assert bank.images.shape == (103, 3, 64, 64)
    brighter = []
    for image, (row, column) in zip(bank.images, bank.points.round().astype(int), strict=True):
        green = image[1].astype(float)
        here = green[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3].mean()
        brighter.append(here > np.quantile(green[green > 20], 0.9))
    assert np.mean(brighter) > 0.85


def test_real_hearts_are_the_247_of_the_paper(real: Path) -> None:
    bank = landmark_bank("scr", "heart", 64)
    listed = id_list("scr_heart")
    assert bank.ids == tuple(one.id for one in listed)
    assert len(bank.ids) == 247
    manifest, collection = collection_named("scr_heart")
    source = DatasetFolder(manifest)
    for row in range(0, 247, 30):
        found, mask = load_example(source, collection, listed[row], 64)
        np.testing.assert_array_equal(bank.images[row], found.square)
        assert mask is not None
        assert np.abs(np.array(centroid(mask)) - bank.points[row]).max() < 0.5


def test_every_known_landmark_has_a_window() -> None:
    assert all(window_at(landmark, 512) > 0 for _, landmark in KNOWN)
