"""CT phantoms: what is promised about volumes, ids, orders and errors."""

from itertools import islice

import numpy as np
import pytest

from ldl.errors import LdlError
from ldl.phantoms.ct import ORGANS, volumes

SMALL = {"size": 32, "slices": 8}


def test_the_organs_are_those_of_the_paper():
    assert {region: len(names) for region, names in ORGANS.items()} == {
        "abdomen": 11,
        "thorax": 6,
        "head_neck": 9,
    }
    assert ORGANS["thorax"][:3] == ("esophagus", "trachea", "spinal cord")
    assert all(len(set(names)) == len(names) for names in ORGANS.values())


@pytest.mark.parametrize("region", ORGANS)
def test_volumes_are_of_the_promised_kind(patients, region):
    for k, p in enumerate(patients[region]):
        assert p.id == f"{region}_{k:04d}"
        assert p.image.shape == p.label.shape == (24, 64, 64)
        assert (p.image.dtype, p.label.dtype) == (np.int16, np.uint8)
        assert set(np.unique(p.label)) == set(range(len(ORGANS[region]) + 1))
        assert -1024 <= p.image.min() < -900
        assert 250 < p.image.max() <= 3071
        z, y, x = p.spacing
        assert y == x
        assert 150 < 24 * z < 350
        assert 180 < 64 * x < 450


@pytest.mark.parametrize("region", ORGANS)
def test_every_organ_is_in_every_volume(patients, region):
    counts = np.array([np.bincount(p.label.ravel()) for p in patients[region]])
    assert counts.shape[1] == len(ORGANS[region]) + 1
    assert counts.min() >= 6


@pytest.mark.parametrize("region", ORGANS)
def test_a_volume_depends_on_region_seed_and_number_alone(region):
    many = list(volumes(region, count=3, seed=5, **SMALL))
    one = next(volumes(region, count=1, first=2, seed=5, **SMALL))
    other = next(volumes(region, count=1, first=2, seed=6, **SMALL))
    assert one.id == many[2].id
    assert one.spacing == many[2].spacing
    np.testing.assert_array_equal(one.image, many[2].image)
    np.testing.assert_array_equal(one.label, many[2].label)
    assert (one.image != other.image).mean() > 0.5


def test_volumes_are_drawn_only_when_they_are_asked_for():
    endless = volumes("thorax", count=10**9, seed=0, **SMALL)
    assert [p.id for p in islice(endless, 2)] == ["thorax_0000", "thorax_0001"]
    assert list(volumes("thorax", count=0, seed=0, **SMALL)) == []


@pytest.mark.parametrize("region", ORGANS)
def test_a_patient_has_the_same_anatomy_at_another_size(region):
    fine = next(volumes(region, count=1, size=96, slices=24, seed=1))
    coarse = next(volumes(region, count=1, size=48, slices=24, seed=1))
    assert fine.spacing[0] == coarse.spacing[0]
    assert fine.spacing[1] == pytest.approx(coarse.spacing[1] / 2)
    thinned = fine.label[:, ::2, ::2]
    for code in range(1, len(ORGANS[region]) + 1):
        a, b = thinned == code, coarse.label == code
        if b.sum() > 150:
            assert 2 * (a & b).sum() / (a.sum() + b.sum()) > 0.7


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"region": "knee"}, "choose one of abdomen, thorax, head_neck"),
        ({"size": 16}, "ask for 32 pixels and 8 slices or more"),
        ({"slices": 4}, "ask for 32 pixels and 8 slices or more"),
        ({"count": -1}, "both must be >= 0"),
        ({"first": -1}, "both must be >= 0"),
    ],
)
def test_what_cannot_be_drawn_is_refused_at_once(change, words):
    asked = {"region": "abdomen", "count": 1, "seed": 0, "first": 0, **SMALL, **change}
    with pytest.raises(LdlError, match=words):
        volumes(asked.pop("region"), **asked)
