"""Reference masks of both kinds, from phantoms and from files; and the field of view."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldl import phantoms
from ldl.config import DataConfig
from ldl.data.manifest import id_list
from ldl.data.prepare import shape_prior
from ldl.data.preprocess import field_masks
from ldl.errors import DataError

PHANTOM = DataConfig(source="phantom", size=48)
OPEN = DataConfig(source="open", size=48)


@pytest.mark.parametrize("kind", ["dsa", "octa"])
def test_phantom_masks_are_the_phantoms(kind: str) -> None:
    prior = shape_prior(PHANTOM, kind, 4)
    assert prior.masks.shape == (4, 1, 48, 48)
    assert set(np.unique(prior.masks)) == {0, 255}
    drawn = phantoms.shape_prior(kind, count=4, size=48, seed=0)
    np.testing.assert_array_equal(prior.masks[:, 0] > 0, drawn > 0)
    other = shape_prior(PHANTOM.model_copy(update={"seed": 1}), kind, 4)
    assert other.fingerprint != prior.fingerprint


def test_more_masks_are_more_of_the_same_list() -> None:
    few, many = shape_prior(PHANTOM, "dsa", 3), shape_prior(PHANTOM, "dsa", 5)
    np.testing.assert_array_equal(few.masks, many.masks[:3])


def written(home: Path, **blank: bool) -> None:
    folder = home / "priors" / "dsa"
    folder.mkdir(parents=True)
    for number, one in enumerate(id_list("dsa")):
        mask = np.zeros((64, 96), np.uint8)
        if not blank.get("empty") or number:
            mask[8 * (number % 7) : 8 * (number % 7) + 8] = 255
        Image.fromarray(mask).save(folder / f"{one.id}.png")


def test_files_are_read_in_the_lists_order_and_squared(home: Path) -> None:
    written(home)
    prior = shape_prior(OPEN, "dsa", 10)
    assert prior.ids == tuple(one.id for one in id_list("dsa"))
    assert prior.masks.shape == (10, 1, 48, 48)
    rows = np.flatnonzero(prior.masks[1, 0].any(axis=1))
    assert (rows[0], rows[-1]) == (6, 11)
    assert prior.masks[1, 0, 6:12].all()
    assert len(shape_prior(OPEN, "dsa", 3).ids) == 3


def test_an_empty_mask_too_many_and_none_at_all_are_named(home: Path) -> None:
    with pytest.raises(DataError, match="dsa_prior"):
        shape_prior(OPEN, "dsa", 10)
    written(home, empty=True)
    with pytest.raises(DataError, match=f"{id_list('dsa')[0].id} is empty"):
        shape_prior(OPEN, "dsa", 10)
    with pytest.raises(DataError, match="11 are wanted"):
        shape_prior(OPEN, "dsa", 11)
    shutil.rmtree(home / "priors")


@pytest.mark.parametrize(("kind", "low", "high"), [("dsa", 0.03, 0.2), ("octa", 0.06, 0.3)])
def test_real_masks(
    real_data: Path, monkeypatch: pytest.MonkeyPatch, kind: str, low: float, high: float
) -> None:
    monkeypatch.setenv("LDL_DATA", str(real_data))
    prior = shape_prior(OPEN.model_copy(update={"size": 112}), kind, 10)
    share = (prior.masks > 0).mean(axis=(1, 2, 3))
    assert low < share.min() <= share.max() < high


def test_field_is_the_largest_lit_part_with_its_holes_filled() -> None:
    image = np.zeros((1, 3, 40, 40), np.uint8)
    image[0, 0, 5:35, 5:35] = 120
    image[0, :, 15:20, 15:20] = 3  # a dark fovea
    image[0, 2, 0, 39] = 255  # a label in the corner
    field = field_masks(image)[0]
    expected = np.zeros((40, 40), bool)
    expected[5:35, 5:35] = True
    np.testing.assert_array_equal(field, expected)
    assert field_masks(np.zeros((1, 3, 8, 8), np.uint8)).all()


@pytest.mark.parametrize("task", ["chasedb1_vessel", "rite_vessel", "stare_vessel"])
def test_vessels_lie_in_the_field(task: str) -> None:
    images, masks, _ = phantoms.task_images(task, train=0, test=4, size=64, seed=0)
    field = field_masks(images)
    assert 0.5 < field.mean() < 0.99
    assert (masks.astype(bool) & ~field).sum() < 0.05 * masks.sum()
