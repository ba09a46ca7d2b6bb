"""Slices back into volumes, and scores per volume and organ."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ldl.errors import DataError
from ldl.metrics import score_volume
from ldl.train.device import Feed
from ldl.train.organs import mean_dsc, organ_dsc, score_volumes, segment


def scrambled(labels, seed=0):
    """Labels with some pixels changed."""
    draw = np.random.default_rng(seed)
    noise = draw.integers(0, 3, labels.shape, dtype=np.uint8)
    return np.where(draw.random(labels.shape) < 0.1, noise, labels)


def test_segmentation_is_the_most_probable_label_in_the_order_of_the_rows(ct_bank):
    bank = ct_bank()
    rows = np.array([7, 0, 12, 3, 4, 5, 9, 1, 2, 23])
    seen = []

    def model(images):
        seen.append(len(images))
        level = images[:, 0]
        return torch.stack([-(level - grey).abs() for grey in (-1.0, 0.75, -0.7)], dim=1)

    found = segment(model, Feed(bank.images, torch.device("cpu")), rows)
    assert found.shape == (10, 32, 32)
    assert found.dtype == np.uint8
    assert seen == [8, 2]
    grey = bank.images[rows, 0].astype(np.float32) / 127.5 - 1
    expected = np.abs(grey[:, None] - np.array([-1, 0.75, -0.7])[:, None, None]).argmin(axis=1)
    np.testing.assert_array_equal(found, expected)


def test_volumes_are_scored_one_by_one_in_3d_with_their_spacing(ct_bank):
    bank = ct_bank()
    rows = bank.rows("test")
    predicted = scrambled(bank.labels[rows])
    shuffled = np.random.default_rng(1).permutation(len(rows))
    scores = score_volumes(bank, rows[shuffled], predicted[shuffled])
    assert [one.id for one in scores] == ["p4", "p5"]
    for number, one in enumerate(scores):
        part = slice(4 * number, 4 * number + 4)
        expected = score_volume(
            predicted[part], bank.labels[rows][part], {1: "bright", 2: "dark"}, (5.0, 2.0, 2.0)
        )
        assert one.organs == expected


def test_background_alone_scores_nothing_at_the_largest_distance(ct_bank):
    bank = ct_bank()
    rows = bank.rows("test")
    for one in score_volumes(bank, rows, np.zeros_like(bank.labels[rows])):
        assert [organ.dsc for organ in one.organs] == [0.0, 0.0]
        diagonal = np.hypot(3 * 5.0, 31 * 2.0 * 2**0.5)
        assert [organ.hd95 for organ in one.organs] == pytest.approx([diagonal] * 2)


def test_a_volume_that_lacks_slices_is_refused(ct_bank):
    bank = ct_bank()
    rows = bank.rows("test")[1:]
    with pytest.raises(DataError, match="p4 lacks 1 of 4 slices"):
        score_volumes(bank, rows, bank.labels[rows])


def test_the_quick_dsc_is_that_of_the_slow_one(ct_bank):
    bank = ct_bank()
    rows = bank.rows("test")
    predicted = scrambled(bank.labels[rows])
    slow = [organ.dsc for one in score_volumes(bank, rows, predicted) for organ in one.organs]
    assert mean_dsc(bank, rows, predicted) == pytest.approx(np.mean(slow))
    quick = [organ_dsc(predicted[k : k + 4], bank.labels[rows][k : k + 4], 2) for k in (0, 4)]
    np.testing.assert_allclose(np.concatenate(quick), slow)


def test_an_organ_in_neither_does_not_count():
    truth, found = np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0])
    np.testing.assert_allclose(organ_dsc(found, truth, 3), [2 / 3, np.nan, np.nan])
    np.testing.assert_allclose(organ_dsc(found * 2, truth, 2), [0.0, 0.0])


def test_no_organ_anywhere_scores_zero(ct_bank):
    bank = ct_bank()
    empty = replace(bank, labels=np.zeros_like(bank.labels))
    assert mean_dsc(empty, bank.rows("test"), empty.labels[bank.rows("test")]) == 0.0


def test_a_bank_without_labels_is_refused(ct_bank):
    bank = ct_bank(labelled=False)
    with pytest.raises(DataError, match="patients: not labelled"):
        mean_dsc(bank, bank.rows("test"), np.zeros((8, 32, 32), np.uint8))
