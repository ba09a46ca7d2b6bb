"""The Dice similarity coefficient of each image."""

import numpy as np
import pytest

from ldl.errors import DataError
from ldl.metrics import dsc


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
