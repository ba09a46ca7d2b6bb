"""Phantoms: drawn from a seed, varied, with masks that fit what is drawn.

The landmarks of phantoms are those of their own geometry.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from ldl.data.bank import Bank
from ldl.data.landmarks import landmark_bank
from ldl.data.preprocess import centroid
from ldl.errors import LdlError
from ldl.phantoms import pretraining_images, shape_prior, task_images
from ldl.phantoms.chest import FILMS, draw_chest
from ldl.phantoms.fields import streams
from ldl.phantoms.fundus import CAMERAS, draw_fundus
from ldl.tasks import TASKS

SIZE = 48
# Smallest and largest mean share of the square that a structure takes, with room around what the
# real collections show at this size.
SHARES = {
    "chasedb1_vessel": (0.05, 0.2),
    "hrf_vessel": (0.05, 0.2),
    "rite_vessel": (0.05, 0.2),
    "stare_vessel": (0.05, 0.2),
    "drishti_gs1_cup": (0.004, 0.03),
    "drishti_gs1_od": (0.015, 0.05),
    "idrid_od": (0.012, 0.04),
    "idrid_hard_exudates": (0.0003, 0.03),
    "scr_heart": (0.05, 0.16),
    "scr_lung": (0.2, 0.42),
    "scr_clavicle": (0.01, 0.04),
    "siim_pneumothorax": (0.008, 0.15),
}


@pytest.fixture(scope="module")
def drawn():
    """Four training and two test images of every task."""
    return {task: task_images(task, train=4, test=2, size=SIZE, seed=1) for task in SHARES}


def test_every_task_of_the_project_has_phantoms():
    assert set(SHARES) == set(TASKS)


@pytest.mark.parametrize("task", SHARES)
def test_images_and_masks_are_of_the_promised_kind(drawn, task):
    images, masks, ids = drawn[task]
    channels = {"fundus": 3, "xray": 1}[TASKS[task].modality]
    assert images.shape == (6, channels, SIZE, SIZE)
    assert masks.shape == (6, SIZE, SIZE)
    assert images.dtype == masks.dtype == np.uint8
    assert set(np.unique(masks)) == {0, 1}
    assert masks.any(axis=(1, 2)).all()
    assert len(set(ids)) == len(ids) == 6


@pytest.mark.parametrize("task", SHARES)
def test_structures_take_a_plausible_share_of_the_image(drawn, task):
    low, high = SHARES[task]
    assert low < drawn[task][1].mean() < high


@pytest.mark.parametrize("task", SHARES)
def test_no_two_images_of_a_task_are_alike(drawn, task):
    """Training and test images are different draws, and none is a near copy of another."""
    flat = drawn[task][0].reshape(6, -1).astype(float)
    gaps = np.abs(flat[:, None] - flat[None]).mean(2)[~np.eye(6, dtype=bool)]
    assert gaps.min() > 1.0


@pytest.mark.parametrize("task", ["stare_vessel", "siim_pneumothorax"])
def test_the_seed_alone_decides(task):
    once = task_images(task, train=2, test=1, size=SIZE, seed=5)
    again = task_images(task, train=2, test=1, size=SIZE, seed=5)
    other = task_images(task, train=2, test=1, size=SIZE, seed=6)
    assert once[0].tobytes() == again[0].tobytes()
    assert once[1].tobytes() == again[1].tobytes()
    assert once[2] == again[2]
    assert once[0].tobytes() != other[0].tobytes()


def test_more_images_are_more_of_the_same_list(drawn):
    """Neither other training images nor other test images move when the counts change."""
    images, masks, ids = task_images("rite_vessel", train=2, test=1, size=SIZE, seed=1)
    more_images, more_masks, more_ids = drawn["rite_vessel"]
    kept = [0, 1, 4]
    np.testing.assert_array_equal(images, more_images[kept])
    np.testing.assert_array_equal(masks, more_masks[kept])
    assert ids == tuple(more_ids[k] for k in kept)


@pytest.mark.parametrize(("modality", "channels"), [("fundus", 3), ("xray", 1)])
def test_pretraining_images_are_a_varied_list_with_the_prefix_property(modality, channels):
    few = pretraining_images(modality, count=3, size=SIZE, seed=2)
    many = pretraining_images(modality, count=16, size=SIZE, seed=2)
    assert many.shape == (16, channels, SIZE, SIZE)
    assert many.dtype == np.uint8
    np.testing.assert_array_equal(few, many[:3])
    assert many.mean(axis=(1, 2, 3)).std() > 8.0


def test_pretraining_images_are_not_those_of_a_task(drawn):
    pictures = pretraining_images("fundus", count=8, size=SIZE, seed=1)
    for task in ("chasedb1_vessel", "idrid_od"):
        gaps = np.abs(pictures[:, None].astype(float) - drawn[task][0][None]).mean((2, 3, 4))
        assert gaps.min() > 1.0


def test_one_scene_can_be_rendered_at_several_sizes():
    """The same eye at 48 and at 96 pixels: the vessels lie at the same places."""
    small = task_images("chasedb1_vessel", train=2, test=0, size=48, seed=3)[1].astype(float)
    large = task_images("chasedb1_vessel", train=2, test=0, size=96, seed=3)[1].astype(float)
    shrunk = large.reshape(2, 48, 2, 48, 2).mean((2, 4))
    for a, b in zip(small, shrunk, strict=True):
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.7


def test_from_closer_vessels_are_as_wide_as_in_native_windows_and_eyes_stay_varied():
    """Two to seven pixels at 128 px, where a whole eye shows them in one or two."""
    widths = {}
    for closer in (1.0, 4.0):
        masks = task_images("chasedb1_vessel", train=0, test=8, size=128, seed=0, closer=closer)[1]
        depth = [ndimage.distance_transform_edt(mask) for mask in masks]
        ridge = [2 * d[(d > 0) & (d == ndimage.maximum_filter(d, 3))] for d in depth]
        widths[closer] = np.percentile(np.concatenate(ridge), [50, 90])
    assert (widths[4.0] >= 2 * widths[1.0]).all()
    assert 3.0 <= widths[4.0][0] <= 6.0
    shown = pretraining_images("fundus", count=8, size=SIZE, seed=1, closer=4.0)
    assert shown.mean((1, 2, 3)).std() > 8.0
    assert (shown.max(1) > 0).mean() > 0.9  # hardly anything beyond the field of view
    with pytest.raises(LdlError, match="chest films are drawn whole"):
        pretraining_images("xray", count=1, size=SIZE, seed=0, closer=2.0)


def test_vessels_hang_together_and_differ_in_width():
    masks = task_images("chasedb1_vessel", train=2, test=0, size=192, seed=4)[1]
    for mask in masks:
        parts, _ = ndimage.label(mask, np.ones((3, 3)))
        assert np.bincount(parts.ravel())[1:].max() > 0.7 * mask.sum()
        # The distance to the border on the ridge of a vessel is half its width there.
        depth = ndimage.distance_transform_edt(mask)
        ridge = depth[(depth > 0) & (depth == ndimage.maximum_filter(depth, 3))]
        assert np.percentile(ridge, 97) >= 2.0 * np.percentile(ridge, 25)


def test_vessels_are_darker_than_what_is_beside_them():
    images, masks, _ = task_images("rite_vessel", train=4, test=0, size=96, seed=4)
    for image, mask in zip(images, masks.astype(bool), strict=True):
        green = image[1].astype(float)
        around = ndimage.uniform_filter(green, 9)
        assert (green - around)[mask].mean() < -2.0


def test_the_cup_lies_in_the_disc_and_both_come_from_one_kind_of_eye():
    cups = task_images("drishti_gs1_cup", train=4, test=0, size=64, seed=0)[1]
    discs = task_images("drishti_gs1_od", train=4, test=0, size=64, seed=0)[1]
    assert cups.mean() < 0.85 * discs.mean()


def test_heart_and_lungs_are_where_a_radiologist_expects_them():
    heart = task_images("scr_heart", train=6, test=0, size=64, seed=0)[1].mean(0)
    lung = task_images("scr_lung", train=6, test=0, size=64, seed=0)[1].mean(0)
    columns = np.arange(64)
    assert 32 < (heart.sum(0) * columns).sum() / heart.sum() < 40  # left of the patient
    assert lung[:, :32].sum() > 1.05 * lung[:, 32:].sum()  # the heart takes from the left lung


def test_the_masks_of_one_film_do_not_contradict_each_other():
    masks = draw_chest(streams(0, "film"), FILMS["siim"], 64, pneumothorax=True)[1]
    assert not (masks["heart"] & masks["lung"]).any()
    assert (masks["pneumothorax"] <= masks["lung"]).all()
    assert not draw_chest(streams(0, "film"), FILMS["siim"], 64)[1]["pneumothorax"].any()


@pytest.mark.parametrize("kind", ["octa", "dsa"])
def test_shape_priors_are_binary_branching_masks(kind):
    masks = shape_prior(kind, count=6, size=96, seed=0)
    assert masks.shape == (6, 96, 96)
    assert masks.dtype == np.uint8
    assert set(np.unique(masks)) == {0, 1}
    assert (masks.mean((1, 2)) > 0.01).all()
    assert (masks.mean((1, 2)) < 0.3).all()
    np.testing.assert_array_equal(masks[:2], shape_prior(kind, count=2, size=96, seed=0))


def test_the_two_priors_have_other_layouts():
    """OCTA vessels cross the square, a coronary artery leaves most of it empty."""
    octa = shape_prior("octa", count=8, size=64, seed=0)
    dsa = shape_prior("dsa", count=8, size=64, seed=0)
    assert octa.any(1).mean() > dsa.any(1).mean() + 0.2


def test_an_empty_list_has_the_right_shape():
    assert pretraining_images("xray", count=0, size=SIZE, seed=0).shape == (0, 1, SIZE, SIZE)
    assert shape_prior("dsa", count=0, size=SIZE, seed=0).shape == (0, SIZE, SIZE)
    images, masks, ids = task_images("scr_lung", train=0, test=0, size=SIZE, seed=0)
    assert (len(images), len(masks), ids) == (0, 0, ())


def test_unknown_names_are_refused_with_the_known_ones():
    with pytest.raises(LdlError, match=r"'chase'.*chasedb1_vessel.*siim_pneumothorax"):
        task_images("chase", train=1, test=1, size=SIZE, seed=0)
    with pytest.raises(LdlError, match=r"'ct'.*fundus.*xray"):
        pretraining_images("ct", count=1, size=SIZE, seed=0)
    with pytest.raises(LdlError, match=r"'mra'.*octa.*dsa"):
        shape_prior("mra", count=1, size=SIZE, seed=0)


def test_sizes_and_counts_that_make_no_sense_are_refused():
    with pytest.raises(LdlError, match="8 pixels"):
        pretraining_images("fundus", count=1, size=8, seed=0)
    with pytest.raises(LdlError, match="-1 phantoms"):
        task_images("scr_lung", train=-1, test=1, size=SIZE, seed=0)


@pytest.fixture
def phantom(home: Path) -> Callable[..., Bank]:
    """Twelve phantoms in an empty cache."""
    return lambda landmark, size=96, count=12, seed=5: landmark_bank(
        "phantom", landmark, size, count=count, seed=seed
    )


def test_phantom_discs_are_where_their_masks_are(phantom: Callable[..., Bank]) -> None:
    bank = phantom("disc")
    for number, point in enumerate(bank.points):
        image, masks = draw_fundus(streams(5, "landmarks", number), CAMERAS["idrid"], 96)
        np.testing.assert_array_equal(image, bank.images[number])
        assert np.abs(np.array(centroid(masks["od"])) - point).max() < 1.0


def test_phantom_foveas_are_darker_than_what_is_around_and_temporal_of_the_disc(
    phantom: Callable[..., Bank],
) -> None:
    fovea, disc = phantom("fovea", count=16), phantom("disc", count=16)
    np.testing.assert_array_equal(fovea.images, disc.images)
    apart = np.abs(fovea.points - disc.points)
    assert (apart[:, 1] > 20).all()
    assert (apart[:, 0] < 20).all()
    darker = []
    for image, (row, column) in zip(fovea.images, fovea.points, strict=True):
        rows, columns = np.mgrid[:96, :96]
        far = np.hypot(rows - row, columns - column)
        darker.append(np.median(image[1][far < 3]) < np.median(image[1][(far > 9) & (far < 13)]))
    assert np.mean(darker) > 0.8


def test_phantom_hearts_are_the_centroids_of_the_task(phantom: Callable[..., Bank]) -> None:
    bank = phantom("heart")
    assert bank.images.shape == (12, 1, 96, 96)
    rows, columns = bank.points.T
    assert (rows > 40).all()
    assert (rows < 75).all()
    assert (columns > 40).all()
    assert (columns < 65).all()


@pytest.mark.parametrize("landmark", ["disc", "fovea", "heart"])
def test_phantom_points_scale_with_the_image(phantom: Callable[..., Bank], landmark: str) -> None:
    small, large = phantom(landmark, 64, 3), phantom(landmark, 128, 3)
    scaled = (small.points + 0.5) * 2 - 0.5
    np.testing.assert_allclose(scaled, large.points, atol=0.5 if landmark == "heart" else 1e-3)


def test_more_phantoms_are_more_of_the_same(phantom: Callable[..., Bank]) -> None:
    few, more, other = phantom("disc", 64, 2), phantom("disc", 64, 3), phantom("disc", 64, 2, 6)
    np.testing.assert_array_equal(more.points[:2], few.points)
    np.testing.assert_array_equal(more.images[:2], few.images)
    assert few.fingerprint == phantom("disc", 64, 2).fingerprint != other.fingerprint
