"""Resampling: exact spacing, right places, labels by nearest, HU to grey."""

import numpy as np
import pytest
from nibabel.affines import apply_affine

from ldl.data.ct.prepare import Grid, fit, keep, sections, share_outside, to_grey
from ldl.data.ct.volume import CtVolume, plain_affine
from ldl.errors import ConfigError, DataError
from ldl.tasks import AIR, FACTS, spacing_for

from .conftest import scan

WINDOW = (-1000, 1000)


def ramp(spacing: tuple[float, float, float], shape: tuple[int, int, int]) -> CtVolume:
    """HU that grow linearly in millimetres along all three axes."""
    z, y, x = (np.arange(n) * one for n, one in zip(shape, spacing, strict=True))
    image = (2 * z[:, None, None] + 3 * y[:, None] + 4 * x).astype(np.int16)
    return CtVolume("ramp", image, None, spacing, plain_affine(spacing))


def stack(volume: CtVolume, grid: Grid, window: tuple[int, int] = WINDOW) -> tuple:
    found = list(sections(volume, grid, window))
    labels = None if volume.label is None else np.stack([label for _, label in found])
    return np.stack([image for image, _ in found]), labels


@pytest.mark.parametrize("spacing", [(2.5, 1.0, 1.0), (3.0, 1.5, 1.5), (5.0, 2.0, 2.0)])
def test_a_linear_volume_stays_linear_and_in_place(spacing: tuple[float, float, float]) -> None:
    volume = ramp((2.0, 1.0, 1.0), (20, 40, 40))
    grid = fit(volume, 12, spacing)
    image, _ = stack(volume, grid, (0, 255))
    affine = grid.affine(volume.affine)
    for k, r, c in ((0, 0, 0), (len(image) // 2, 5, 3), (len(image) - 1, 11, 11)):
        left, back, up = apply_affine(affine, (c, r, k)) * (-1, -1, 1)
        inside = 4 <= up <= 34  # a triangle that reaches over the edge is not symmetric
        assert image[k, r, c] == pytest.approx(2 * up + 3 * back + 4 * left, abs=1) or not inside
    np.testing.assert_allclose(np.linalg.norm(affine[:3, :3], axis=0), spacing[::-1])


def test_twice_the_spacing_agrees_with_a_naive_loop() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (8, 24, 24)).astype(np.int16)
    label = rng.integers(0, 5, image.shape, dtype=np.uint8)
    volume = CtVolume("a", image, label, (2.0, 1.0, 1.0), plain_affine((2.0, 1.0, 1.0)))
    grid = Grid((4, 12, 12), (4.0, 2.0, 2.0), (0.5, 0.5, 0.5), (2.0, 2.0, 2.0))
    greys, labels = stack(volume, grid, (0, 255))
    weights = np.array([0.25, 0.75, 0.75, 0.25]) / 2.0
    for k, r, c in ((1, 5, 5), (2, 8, 3), (1, 1, 10), (2, 10, 10)):
        total = 0.0
        for z, wz in zip(range(2 * k - 1, 2 * k + 3), weights, strict=True):
            for y, wy in zip(range(2 * r - 1, 2 * r + 3), weights, strict=True):
                for x, wx in zip(range(2 * c - 1, 2 * c + 3), weights, strict=True):
                    total += float(wz * wy * wx * image[z, y, x])
        assert greys[k, r, c] == pytest.approx(total, abs=0.51)
        # Half way between two voxels the upper one is the nearest.
        assert labels[k, r, c] == label[2 * k + 1, 2 * r + 1, 2 * c + 1]


def test_same_spacing_only_crops() -> None:
    volume = scan()
    _, row, column = volume.centre()
    grid = fit(volume, 8, volume.spacing)
    shifted = Grid(
        grid.shape, grid.spacing, (0.0, round(row - 3.5), round(column - 3.5)), grid.step
    )
    image, label = stack(volume, shifted)
    part = np.s_[
        :, shifted.first[1] : shifted.first[1] + 8, shifted.first[2] : shifted.first[2] + 8
    ]
    np.testing.assert_array_equal(image, to_grey(volume.image[part], WINDOW))
    np.testing.assert_array_equal(label, volume.label[part])


def test_beyond_the_scan_is_air_and_background() -> None:
    volume = scan()
    image, label = stack(volume, fit(volume, 64, volume.spacing), (AIR, 1000))
    assert (image[:, 0] == 0).all()
    assert (image[:, :, -1] == 0).all()
    assert (label[:, 0] == 0).all()
    assert (label > 0).sum() == (volume.label > 0).sum()


@pytest.mark.parametrize("shift", [-5, 0, 4])
def test_the_patient_is_in_the_middle_wherever_he_lay(shift: int) -> None:
    volume = scan(shape=(4, 40, 40), spacing=(2.5, 2.0, 2.0))
    moved = CtVolume("m", np.roll(volume.image, shift, 2), np.roll(volume.label, shift, 2),
                     volume.spacing, volume.affine)  # fmt: skip
    image, label = stack(moved, fit(moved, 20, (2.5, 3.0, 3.0)))
    plain, plain_label = stack(volume, fit(volume, 20, (2.5, 3.0, 3.0)))
    np.testing.assert_array_equal(label, plain_label)
    assert np.abs(image.astype(int) - plain).max() <= 1


def test_labels_are_never_mixed() -> None:
    volume = scan()
    swapped = CtVolume("a", volume.image, np.where(volume.label == 2, 200, volume.label),
                       volume.spacing, volume.affine)  # fmt: skip
    _, label = stack(swapped, fit(swapped, 37, (1.7, 1.3, 1.3)))
    assert set(np.unique(label)) == {0, 1, 200}


def test_number_of_slices_follows_the_height() -> None:
    for spacing, depth, wanted in (
        ((3.0, 1, 1), 100, 120),
        ((5.0, 1, 1), 7, 14),
        ((1.0, 1, 1), 1, 1),
    ):
        volume = ramp(spacing, (depth, 4, 4))
        assert fit(volume, 8, (2.5, 1.0, 1.0)).shape == (wanted, 8, 8)


def test_what_is_cut_off_is_counted() -> None:
    volume = scan()
    assert share_outside(volume, fit(volume, 32, (5, 2, 3))) == 0
    small = Grid((6, 4, 4), (5, 2, 3), (0, 6, 5), (1, 1, 1))
    inside = (volume.label[:, 6:10, 5:9] > 0).sum() / (volume.label > 0).sum()
    assert share_outside(volume, small) == pytest.approx(1 - inside)


def test_window_ends_are_black_and_white() -> None:
    grey = to_grey(np.array([-2000, -125, 75, 275, 3000]), FACTS["abdomen"].window)
    assert grey.tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize("region", FACTS)
def test_the_full_size_is_the_papers_spacing(region: str) -> None:
    assert spacing_for(region, FACTS[region].field) == (2.5, 1.0, 1.0)
    assert spacing_for(region, FACTS[region].field // 2) == (2.5, 2.0, 2.0)


def test_unknown_region() -> None:
    with pytest.raises(ConfigError, match=r"unknown region 'leg'; known: abdomen, thorax"):
        spacing_for("leg", 128)


def test_volumes_kept_as_they_are_must_have_the_size() -> None:
    square = scan(shape=(3, 16, 16))
    image, label = stack(square, keep(square, 16))
    np.testing.assert_array_equal(image, to_grey(square.image, WINDOW))
    np.testing.assert_array_equal(label, square.label)
    with pytest.raises(DataError, match=r"a: slices of \(20, 16\) where \(16, 16\)"):
        keep(scan(), 16)
