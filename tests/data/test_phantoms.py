"""Phantoms: drawn from a seed, varied, with masks that fit."""

import numpy as np
import pytest

from ldl.data.phantoms import pretraining_images, shape_prior, task_images
from ldl.errors import LdlError

FUNDUS = (
    "chasedb1_vessel", "hrf_vessel", "rite_vessel", "stare_vessel",
    "drishti_gs1_cup", "drishti_gs1_od", "idrid_od", "idrid_hard_exudates",
)  # fmt: skip
XRAY = ("scr_heart", "scr_lung", "scr_clavicle", "siim_pneumothorax")


@pytest.mark.parametrize("task", FUNDUS + XRAY)
def test_a_task_has_images_masks_and_ids_of_the_promised_kind(task):
    images, masks, ids = task_images(task, train=3, test=2, size=48, seed=1)
    assert images.shape == (5, 3 if task in FUNDUS else 1, 48, 48)
    assert images.dtype == masks.dtype == np.uint8
    assert masks.shape == (5, 48, 48)
    assert set(np.unique(masks)) == {0, 1}
    assert masks.any(axis=(1, 2)).all()
    assert len(set(ids)) == 5
