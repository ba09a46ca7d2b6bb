"""What a segmentation of whole regions could reach, worked out by hand and by loops."""

import numpy as np
import pytest

from ldl.data.superpixels import (
    achievable_dice,
    merged_share,
    overlap,
    quality,
    undersegmentation,
)
from ldl.errors import DataError


def maps(*rows):
    return np.array(rows)[None]


def test_regions_that_follow_the_organs_lose_nothing():
    labels = maps([0, 0, 1, 1, 2, 2])
    found = overlap(maps([0, 1, 2, 2, 3, 4]), labels, 3)
    assert found.slices == 1
    assert found.regions_per_slice == 5
    assert achievable_dice(found).tolist() == [1, 1, 1]
    assert merged_share(found).tolist()[1:] == [0, 0]
    assert undersegmentation(found).tolist() == [0, 0, 0]


def test_a_region_over_two_organs_by_hand():
    labels = maps([0, 0, 1, 1, 1, 2, 2, 2])
    found = overlap(maps([0, 0, 1, 1, 1, 1, 2, 2]), labels, 3)
    # Region 1 becomes organ 1 (3 of 4): organ 1 is found as 4 for 3, organ 2 as 2 for 3.
    assert achievable_dice(found) == pytest.approx([1, 6 / 7, 4 / 5])
    assert merged_share(found)[1:] == pytest.approx([0, 1 / 3])
    # The smaller part of region 1 is its one pixel of organ 2, for both organs.
    assert undersegmentation(found) == pytest.approx([0, 1 / 3, 1 / 3])


def test_pixels_in_no_region_count_as_background():
    labels = maps([0, 0, 1, 1])
    found = overlap(maps([-1, -1, -1, 5]), labels, 2)
    assert achievable_dice(found) == pytest.approx([2 * 2 / (3 + 2), 2 * 1 / (1 + 2)])
    assert undersegmentation(found)[1] == pytest.approx(1 / 2)
    assert merged_share(found)[1] == 0


def test_a_label_that_does_not_occur_is_nan():
    found = overlap(maps([0, 0, 1]), maps([0, 0, 2]), 3)
    for score in (achievable_dice(found), merged_share(found), undersegmentation(found)):
        assert np.isnan(score[1])
        assert not np.isnan(score[2])


def test_equal_ids_in_two_slices_are_two_regions():
    regions, labels = np.array([[[0, 0]], [[0, 0]]]), np.array([[[1, 1]], [[2, 2]]])
    found = overlap(regions, labels, 3)
    assert achievable_dice(found)[1:].tolist() == [1, 1]
    assert found.regions_per_slice == 1


def test_it_is_the_loop_over_regions():
    draw = np.random.default_rng(1)
    regions, labels = draw.integers(-1, 9, (3, 12, 10)), draw.integers(0, 4, (3, 12, 10))
    won = np.zeros_like(labels)
    merged, leak = np.zeros(4), np.zeros(4)
    for n in range(3):
        for region in range(9):
            inside = regions[n] == region
            counts = [(inside & (labels[n] == label)).sum() for label in range(4)]
            best = counts.index(max(counts))
            won[n][inside] = best
            for label in range(4):
                leak[label] += min(counts[label], inside.sum() - counts[label])
                if label and counts.index(max(counts[1:]), 1) != label:
                    merged[label] += counts[label]
        for label in range(1, 4):
            leak[label] += ((regions[n] == -1) & (labels[n] == label)).sum()
    found = overlap(regions, labels, 4)
    pixels = np.array([(labels == label).sum() for label in range(4)])
    for label in range(4):
        both = ((won == label) & (labels == label)).sum()
        expected = 2 * both / ((won == label).sum() + pixels[label])
        assert achievable_dice(found)[label] == pytest.approx(expected)
    np.testing.assert_allclose(merged_share(found)[1:], merged[1:] / pixels[1:])
    np.testing.assert_allclose(undersegmentation(found), leak / pixels)


def test_organs_are_merged_also_where_the_background_wins():
    found = overlap(maps([0, 0, 0, 0, 0, 1, 1, 2]), maps([0] * 5 + [1, 1, 2]), 3)
    assert merged_share(found).tolist()[1:] == [0, 0]
    found = overlap(maps([0] * 8), maps([0] * 5 + [1, 1, 2]), 3)
    assert merged_share(found).tolist()[1:] == [0, 1]
    assert achievable_dice(found)[1:].tolist() == [0, 0]


def test_joining_regions_never_helps():
    draw = np.random.default_rng(2)
    regions, labels = draw.integers(0, 32, (2, 16, 16)), draw.integers(0, 4, (2, 16, 16))
    lost, right = [], []
    for joined in (regions, regions // 2, regions // 4, regions // 16, regions * 0):
        found = overlap(joined, labels, 4)
        lost.append(np.nansum(merged_share(found) * found.pixels))
        right.append(found.shared.max(axis=1).sum())
    assert lost == sorted(lost)
    assert right == sorted(right, reverse=True)


def test_ids_are_names_only_and_gaps_are_no_regions():
    draw = np.random.default_rng(1)
    regions, labels = draw.integers(0, 6, (2, 8, 8)), draw.integers(0, 3, (2, 8, 8))
    names = np.array([40, 3, 0, 17, 5, 100])
    one, other = overlap(regions, labels, 3), overlap(names[regions], labels, 3)
    np.testing.assert_allclose(achievable_dice(one), achievable_dice(other))
    assert one.regions_per_slice == other.regions_per_slice == 6


def test_shapes_and_labels_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match=r"\(1, 1, 3\).*\(1, 1, 2\)"):
        overlap(maps([0, 0, 1]), maps([0, 1]), 2)
    with pytest.raises(DataError, match="labels 0 to 7 where 0 to 2"):
        overlap(maps([0, 0]), maps([0, 7]), 3)


def test_separate_organs_are_not_merged_and_one_region_over_both_merges_the_smaller():
    labels = np.zeros((2, 8, 8), np.uint8)
    labels[:, 2:6, 1:3], labels[:, 2:5, 5:7] = 1, 2
    apart = quality(labels.astype(np.int16), labels, ("a", "b"))
    assert (apart.merged, apart.dice, apart.leak, apart.regions) == (0, 1, 0, 3)
    together = quality((labels > 0).astype(np.int16), labels, ("a", "b"))
    assert together.worst == ("b", 1.0)
    assert together.merged == 0.5
    assert together.regions == 2
