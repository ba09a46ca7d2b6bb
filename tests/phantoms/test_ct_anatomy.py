"""CT phantoms: organs lie where they belong, differ between patients, are no grey level."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import ndimage

from ldl.phantoms.ct import ORGANS

# Organ on the patient's left (a higher column), organ on the right.
SIDES = [
    ("abdomen", "left kidney", "right kidney"),
    ("abdomen", "spleen", "liver"),
    ("abdomen", "stomach", "gallbladder"),
    ("thorax", "left lung", "right lung"),
    ("thorax", "heart", "right lung"),
    ("head_neck", "left optical nerve", "right optical nerve"),
    ("head_neck", "left parotid", "right parotid"),
    ("head_neck", "left submandibular gland", "right submandibular gland"),
]
# Higher (a higher slice), lower.
HEIGHTS = [
    ("abdomen", "liver", "small bowel"),
    ("abdomen", "spleen", "left kidney"),
    ("thorax", "trachea", "heart"),
    ("head_neck", "optical chiasm", "brainstem"),
    ("head_neck", "brainstem", "left submandibular gland"),
]
# Behind (a higher row), before.
DEPTHS = [
    ("abdomen", "spinal cord", "small bowel"),
    ("abdomen", "left kidney", "stomach"),
    ("thorax", "esophagus", "trachea"),
    ("thorax", "spinal cord", "heart"),
    ("head_neck", "left parotid", "mandible"),
    ("head_neck", "brainstem", "optical chiasm"),
]
# Bone and air do stand out; nothing else may.
HARD = {"mandible", "left lung", "right lung"}


def mask(patient, region, organ):
    return patient.label == ORGANS[region].index(organ) + 1


@pytest.mark.parametrize(
    ("axis", "region", "more", "less"),
    [(2, *case) for case in SIDES] + [(0, *case) for case in HEIGHTS] + [(1, *c) for c in DEPTHS],
)
def test_organs_lie_where_they_belong(patients, axis, region, more, less):
    for p in patients[region]:
        high, low = (np.argwhere(mask(p, region, name))[:, axis].mean() for name in (more, less))
        assert high > low


@pytest.mark.parametrize(
    ("region", "organ"),
    [("abdomen", "liver"), ("abdomen", "left kidney"), ("thorax", "heart"),
     ("thorax", "trachea"), ("head_neck", "brainstem"), ("head_neck", "right parotid")],
)  # fmt: skip
def test_organs_are_continuous_over_slices(patients, region, organ):
    for p in patients[region]:
        body = mask(p, region, organ)
        slices = np.flatnonzero(body.any((1, 2)))
        assert np.all(np.diff(slices) == 1)
        parts = ndimage.label(body, np.ones((3, 3, 3)))[0]
        assert np.bincount(parts.ravel())[1:].max() > 0.85 * body.sum()


@pytest.mark.parametrize("region", ORGANS)
def test_patients_differ_in_place_size_and_contrast(patients, region):
    some = patients[region]
    for code, organ in enumerate(ORGANS[region], 1):
        masks = [p.label == code for p in some]
        size = np.array([m.sum() for m in masks], float)
        assert size.std() / size.mean() > 0.05, organ
        overlap = [2 * (a & b).sum() / (a.sum() + b.sum()) for a, b in pairwise(masks)]
        assert np.mean(overlap) < 0.92, organ
        grey = [np.median(p.image[m]) for p, m in zip(some, masks, strict=True)]
        assert np.std(grey) > 3.0, organ


def best_interval(image, body):
    """The best Dice score that any interval of Hounsfield units can have for a body."""
    edges = np.arange(-1025, 1500, 6)
    every, own = (np.histogram(np.clip(a, -1024, 1490), edges)[0] for a in (image, image[body]))
    every, own = (np.concatenate([[0], np.cumsum(a)]) for a in (every, own))
    hit, taken = own[None] - own[:, None], every[None] - every[:, None]
    return float((2 * np.triu(hit) / (np.triu(taken) + own[-1])).max())


@pytest.mark.parametrize("region", ORGANS)
def test_no_window_of_grey_levels_is_an_organ(patients, region):
    """Liver and stomach are large and may reach more by chance; small organs drown."""
    for code, organ in enumerate(ORGANS[region], 1):
        scores = [best_interval(p.image, p.label == code) for p in patients[region][:4]]
        small = np.mean([(p.label == code).mean() for p in patients[region]]) < 0.01
        assert np.mean(scores) < (0.7 if organ in HARD else 0.35 if small else 0.6), organ


@pytest.mark.parametrize(
    ("region", "organ", "low", "high"),
    [("abdomen", "liver", 0, 150), ("abdomen", "gallbladder", -20, 80),
     ("thorax", "left lung", -950, -650), ("thorax", "trachea", -1010, -500),
     ("thorax", "heart", 10, 320), ("head_neck", "brainstem", 5, 60),
     ("head_neck", "mandible", 300, 1300), ("head_neck", "left parotid", -80, 110)],
)  # fmt: skip
def test_tissues_have_their_hounsfield_units(patients, region, organ, low, high):
    for p in patients[region]:
        assert low < np.median(p.image[mask(p, region, organ)]) < high


def test_the_body_lies_in_air_on_a_couch(patients):
    for p in patients["abdomen"]:
        assert np.median(p.image[:, :3]) < -950
        body = p.image > -250
        share = body.mean()
        assert 0.2 < share < 0.75
        fat = ((p.image > -140) & (p.image < -60)).sum() / body.sum()
        assert 0.05 < fat < 0.7
