"""The Dice similarity coefficient of each image."""

import math

import numpy as np
import pytest

from ldl.errors import DataError
from ldl.metrics import dsc, far_enough, late_gain


def masks(count, seed, share=0.4):
    return np.random.default_rng(seed).random((count, 7, 5)) < share


def test_it_is_the_loop_over_images_and_pixels():
    prediction, target = masks(6, 1), masks(6, 2)
    for n, score in enumerate(dsc(prediction, target)):
        both = yes = true = 0
        for place in np.ndindex(7, 5):
            p, t = bool(prediction[n][place]), bool(target[n][place])
            both, yes, true = both + (p and t), yes + p, true + t
        assert score == pytest.approx(2 * both / (yes + true))


def test_the_ends_of_the_scale():
    target = masks(3, 1)
    assert dsc(target, target).tolist() == [1.0, 1.0, 1.0]
    assert dsc(~target, target).tolist() == [0.0, 0.0, 0.0]


def test_empty_images():
    nothing, something = np.zeros((1, 4, 4)), np.ones((1, 4, 4))
    assert dsc(nothing, nothing).tolist() == [1.0]
    assert dsc(nothing, something).tolist() == [0.0]
    assert dsc(something, nothing).tolist() == [0.0]


def test_a_value_worked_out_by_hand():
    prediction = np.array([[[1, 1, 0, 0]]])
    target = np.array([[[0, 1, 1, 1]]])
    # 2 * 1 / (2 + 3)
    assert dsc(prediction, target) == pytest.approx([0.4])


def test_it_is_symmetric_and_each_image_counts_alone():
    prediction, target = masks(5, 1), masks(5, 2)
    scores = dsc(prediction, target)
    np.testing.assert_array_equal(scores, dsc(target, prediction))
    np.testing.assert_array_equal(scores[::-1], dsc(prediction[::-1], target[::-1]))
    assert scores.dtype == np.float64


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32])
def test_the_kind_of_number_does_not_matter(kind):
    # Sums of large uint8 masks would wrap at 256.
    prediction, target = np.ones((2, 40, 40), kind), np.ones((2, 40, 40), kind)
    prediction[0, :20] = 0
    assert dsc(prediction, target).tolist() == [pytest.approx(2 / 3), 1.0]


def test_other_shapes_are_refused_not_broadcast():
    with pytest.raises(DataError, match=r"\(2, 4, 4\).*\(1, 4, 4\)"):
        dsc(np.ones((2, 4, 4)), np.ones((1, 4, 4)))


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        # fifths' means 9, 7, 5, 3, 1: the last fifth brings 2 of 8.
        ([9.0, 7, 5, 3, 1], 2 / 8),
        ([9.0] * 2 + [7] * 2 + [5] * 2 + [3] * 2 + [1] * 2, 2 / 8),
        ([10.0, 0, 0, 0, 0], 0.0),
        ([10.0, 10, 10, 10, 0], 1.0),
        # It rose in the end: negative.
        ([10.0, 5, 2, 1, 2], -1 / 8),
        ([3.0] * 10, 1.0),
        ([1.0, 2, 3, 4, 5], 1.0),
        ([4.0], 1.0),
        ([4.0, 2.0], 1.0),
    ],
)
def test_the_late_gain_is_the_last_fifths_share_of_the_fall(losses, expected):
    assert late_gain(losses) == pytest.approx(expected)


def test_an_exponential_fall_flattens_and_a_straight_one_does_not():
    straight = [1 - k / 1000 for k in range(1000)]
    assert late_gain(straight) == pytest.approx(0.25)
    assert late_gain([math.exp(-k / 100) for k in range(1000)]) < 0.01


def record(**fields):
    """A pretraining that found 60 % where its random start found 10 %, and had flattened."""
    base = {
        "config": {"method": "moco"},
        "retrieval": 0.6,
        "retrieval_before": 0.1,
        "retrieval_among": 64,
        "late_gain": 0.02,
    }
    return base | fields


@pytest.mark.parametrize(
    ("fields", "enough"),
    [
        ({}, True),
        # DenseCL on real images: a flat loss and two of 64 found, as before its first step.
        ({"retrieval": 0.03125, "retrieval_before": 0.03125}, False),
        ({"retrieval": 0.19}, False),
        ({"retrieval": 0.21}, True),
        ({"late_gain": 0.09}, True),
        ({"late_gain": 0.11}, False),
        ({"late_gain": -0.12}, False),
        ({"late_gain": 1.0}, False),
        # Step 2 is held against the random network, not against step 1's.
        ({"config": {"step1": {"steps": 1}}, "retrieval": 0.83, "retrieval_before": 0.89}, True),
        ({"config": {"step1": {"steps": 1}}, "retrieval": 0.1, "retrieval_before": 0.89}, False),
        ({"retrieval": 0.83, "retrieval_before": 0.89, "retrieval_start": 0.2}, True),
        ({"retrieval": 0.25, "retrieval_before": 0.89, "retrieval_start": 0.2}, False),
        ({"retrieval": 0.1, "images_seen": 0}, True),
        # A method that learns labels is asked for labels.
        ({"retrieval": 0.1, "named": [0.25, 0.36]}, True),
        ({"named": [0.25, 0.34]}, False),
    ],
)
def test_one_rule_says_what_is_trained(fields, enough):
    assert far_enough(record(**fields)) is enough
