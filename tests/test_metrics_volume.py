"""DSC and 95 % Hausdorff distance of volumes: closed forms and a distance transform by scipy."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from ldl.errors import DataError
from ldl.metrics import (
    OrganScore,
    hausdorff95,
    lost_organs,
    score_volume,
    volume_gaps,
)

ORGANS = {1: "liver", 4: "spleen"}
SPACING = (2.5, 1.0, 1.0)


def box(shape, low, high):
    mask = np.zeros(shape, bool)
    mask[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = True
    return mask


def ball(shape, centre, radius, spacing):
    """Voxels within ``radius`` mm of a voxel's centre."""
    axes = np.ogrid[tuple(slice(0, n) for n in shape)]
    away = sum(
        ((axis - at) * step) ** 2 for axis, at, step in zip(axes, centre, spacing, strict=True)
    )
    return away <= radius**2


def reference(prediction, truth, spacing):
    """Both directed percentiles from dense distance transforms of the surfaces."""
    surfaces = [mask & ~ndimage.binary_erosion(mask) for mask in (prediction, truth)]
    away = [ndimage.distance_transform_edt(~one, sampling=spacing) for one in surfaces]
    return max(np.percentile(away[1][surfaces[0]], 95), np.percentile(away[0][surfaces[1]], 95))


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), SPACING, (0.7, 3.0, 1.3)])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("shift", [0, 1, 3])
def test_a_shifted_cube_is_as_far_as_the_shift(spacing, axis, shift):
    low, high = np.array([5, 5, 5]), np.array([15, 15, 15])
    move = shift * np.eye(3, dtype=int)[axis]
    one, other = box((24, 24, 24), low, high), box((24, 24, 24), low + move, high + move)
    # The leading face alone is a tenth of the surface and more: the 95th percentile is there,
    # unless the way to a side of the cube is shorter, which 3 voxels of 3 mm do not exceed here.
    expected = reference(one, other, spacing)
    assert hausdorff95(one, other, spacing) == pytest.approx(expected, abs=1e-5)
    if spacing == (1.0, 1.0, 1.0):
        assert expected == shift


def test_parallel_plates_are_their_distance_apart():
    for axis, step in enumerate(SPACING):
        low, high = [0, 0, 0], [20, 20, 20]
        low[axis], high[axis] = 4, 5
        one = box((20, 20, 20), low, high)
        other = np.roll(one, 7, axis)
        assert hausdorff95(one, other, SPACING) == pytest.approx(7 * step)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), SPACING])
def test_concentric_balls_are_the_difference_of_their_radii_apart(spacing):
    shape = (31, 61, 61)
    small, large = (ball(shape, (15, 30, 30), radius, spacing) for radius in (14.0, 10.0))
    distance = hausdorff95(small, large, spacing)
    assert distance == pytest.approx(4.0, abs=max(spacing))
    assert distance == pytest.approx(reference(small, large, spacing), abs=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_distance_transforms_percentile(seed):
    draw = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(draw.normal(size=(2, 14, 30, 26)), (0, 1.5, 3, 3))
    one, other = noise > 0.6 * noise.std()
    expected = reference(one, other, SPACING)
    assert hausdorff95(one, other, SPACING) == pytest.approx(expected, rel=1e-5)
    assert hausdorff95(other, one, SPACING) == pytest.approx(expected, rel=1e-5)


@pytest.mark.filterwarnings("ignore:monai.metrics.utils get_mask_edges:FutureWarning")
@pytest.mark.parametrize("seed", range(4))
def test_it_is_monais_bit_for_bit(seed):
    """Records were made with monai's: the committed distances stay what this program makes."""
    from monai.metrics import compute_hausdorff_distance

    draw = np.random.default_rng(seed)
    noise = ndimage.gaussian_filter(draw.normal(size=(2, 14, 30, 26)), (0, 1.5, 3, 3))
    spacing = draw.uniform(0.5, 4, 3).tolist()
    one, other = noise > draw.uniform(0.3, 2) * noise.std()
    both = (torch.from_numpy(mask)[None, None] for mask in (one, other))
    theirs = compute_hausdorff_distance(
        *both, include_background=True, percentile=95, spacing=spacing
    )
    assert hausdorff95(one, other, spacing) == float(theirs)


def test_five_percent_of_outliers_do_not_count_and_ten_do():
    truth = box((1, 3, 200), (0, 1, 0), (1, 2, 100))
    few, many = truth.copy(), truth.copy()
    few[0, 1, 190:194] = True  # 4 of 104 surface voxels
    many[0, 1, 190:200] = True
    assert hausdorff95(few, truth, (1.0, 1.0, 1.0)) == 0
    assert hausdorff95(many, truth, (1.0, 1.0, 1.0)) > 90


def volumes():
    truth = np.zeros((6, 20, 20), np.uint8)
    truth[1:5, 2:10, 2:10] = 1
    truth[1:5, 12:18, 12:18] = 4
    return truth.copy(), truth


def test_scores_come_organ_by_organ():
    prediction, truth = volumes()
    prediction[prediction == 4] = 0
    prediction[1:5, 12:18, 14:20] = 4
    liver, spleen = score_volume(prediction, truth, ORGANS, SPACING)
    assert liver == OrganScore("liver", 1.0, 0.0, 256, 256)
    assert spleen.organ == "spleen"
    assert spleen.dsc == pytest.approx(4 / 6)
    assert spleen.hd95 == pytest.approx(2.0)
    assert (spleen.truth, spleen.predicted) == (144, 144)


def test_dsc_is_over_all_voxels_not_a_mean_over_slices():
    truth, prediction = np.zeros((2, 3, 10, 10), np.uint8)
    truth[0], truth[1, 0, 0] = 1, 1
    prediction[0] = 1
    score = score_volume(prediction, truth, {1: "liver"}, SPACING)[0]
    assert score.dsc == pytest.approx(200 / 201)


def test_organs_that_are_missing():
    prediction, truth = volumes()
    diagonal = math.sqrt((5 * 2.5) ** 2 + 19**2 + 19**2)
    missed = score_volume(np.where(prediction == 4, 0, prediction), truth, ORGANS, SPACING)[1]
    assert (missed.dsc, missed.hd95) == (0.0, pytest.approx(diagonal))
    invented = score_volume(prediction, np.where(truth == 4, 0, truth), ORGANS, SPACING)[1]
    assert (invented.dsc, invented.hd95) == (0.0, pytest.approx(diagonal))
    neither = score_volume(prediction, truth, {**ORGANS, 7: "pancreas"}, SPACING)[2]
    assert neither == OrganScore("pancreas", None, None, 0, 0)


def test_the_diagonal_is_the_largest_distance_there_is():
    truth, prediction = np.zeros((2, 4, 6, 8), np.uint8)
    truth[0, 0, 0], prediction[-1, -1, -1] = 1, 1
    found = score_volume(prediction, truth, {1: "liver"}, SPACING)[0]
    missed = score_volume(truth * 0, truth, {1: "liver"}, SPACING)[0]
    assert found.hd95 == pytest.approx(missed.hd95)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int64])
def test_the_kind_of_number_does_not_matter(kind):
    prediction, truth = volumes()
    prediction[2, 3:6, 3:6] = 0
    expected = score_volume(prediction, truth, ORGANS, SPACING)
    assert score_volume(prediction.astype(kind), truth.astype(kind), ORGANS, SPACING) == expected


def test_the_volumes_edge_is_a_surface():
    whole = np.ones((4, 12, 12), bool)
    assert hausdorff95(whole, whole, SPACING) == 0
    inner = box((4, 12, 12), (0, 0, 4), (4, 12, 12))
    assert hausdorff95(inner, whole, (1.0, 1.0, 1.0)) == reference(inner, whole, (1, 1, 1))


@pytest.mark.filterwarnings("error")
def test_nothing_is_warned_about():
    prediction, truth = volumes()
    score_volume(prediction, truth, {**ORGANS, 7: "pancreas"}, SPACING)


def test_what_cannot_be_scored_gets_one_line():
    prediction, truth = volumes()
    with pytest.raises(DataError, match=r"\(6, 20, 20\) and truth \(5, 20, 20\)"):
        score_volume(prediction, truth[:5], ORGANS, SPACING)
    with pytest.raises(DataError, match=r"must both be \(D, H, W\)"):
        score_volume(prediction[0], truth[0], ORGANS, SPACING)
    with pytest.raises(DataError, match=r"truth has labels \[4\] where only \[0, 1\]"):
        score_volume(prediction * (prediction == 1), truth, {1: "liver"}, SPACING)
    with pytest.raises(DataError, match="spacing is"):
        score_volume(prediction, truth, ORGANS, (2.5, 1.0, 0.0))


def table(*organs):
    """(S, V, K) from one list of lists (seeds of volumes) an organ."""
    return np.stack([np.array(one, float) for one in organs], axis=2)


def test_lost_organs_are_those_a_seed_never_found():
    nan = math.nan
    dsc = table([[0.8, 0.9], [0.7, 0.8]], [[0.0, 0.0], [0.5, 0.4]], [[0.0, 0.021], [nan, 0.0]])
    assert lost_organs(dsc).tolist() == [[False, True, False], [False, False, True]]
    # What no volume has was not lost.
    assert not lost_organs(np.full((1, 2, 1), nan)).any()


def test_gaps_are_means_over_the_organs_that_both_scored():
    nan = math.nan
    first = table([[0.8, 0.6]], [[0.4, nan]], [[0.0, 0.0]])
    second = table([[0.6, 0.5]], [[0.1, 0.9]], [[0.5, 0.3]])
    np.testing.assert_allclose(volume_gaps(first, second), [[0.0, -0.1]], atol=1e-12)
    # The third organ is one that the first lost.
    np.testing.assert_allclose(volume_gaps(first, second, kept=True), [[0.25, 0.1]])
    assert volume_gaps(first[:, :, 2:], second[:, :, 2:], kept=True) is None


def test_an_organ_lost_under_one_seed_is_left_out_under_all():
    first = table([[0.8], [0.6]], [[0.0], [0.4]])
    second = table([[0.5], [0.5]], [[0.2], [0.2]])
    np.testing.assert_allclose(volume_gaps(first, second, kept=True), [[0.3], [0.1]])
