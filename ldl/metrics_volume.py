"""Scores of a segmented volume, organ by organ: DSC and 95 % Hausdorff distance in mm."""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ldl.errors import DataError

Array = np.ndarray
Spacing = tuple[float, float, float]
PERCENTILE = 95
LOST = 0.01


@dataclass(frozen=True)
class OrganScore:
    """How well one organ of one volume was found.

    An organ in neither truth nor prediction is not scored: None, and left out of means (a volume
    that does not reach it says nothing). One that is in only one of them has DSC 0 and, so that a
    missed organ never improves a mean, the largest distance the volume allows: its diagonal.

    Attributes:
        organ: its name.
        dsc: 2 |P n T| / (|P| + |T|) over all voxels, 0..1.
        hd95: mm; the larger of the two directed 95th percentiles of surface distance.
        truth: voxels in the label map.
        predicted: voxels in the prediction.
    """

    organ: str
    dsc: float | None
    hd95: float | None
    truth: int
    predicted: int


def score_volume(
    prediction: Array, truth: Array, organs: Mapping[int, str], spacing: Spacing
) -> tuple[OrganScore, ...]:
    """Score every organ of one volume, in the order of ``organs``.

    Args:
        prediction: (D, H, W) integer labels, 0 for background.
        truth: (D, H, W) the same.
        organs: label -> name, without the background.
        spacing: of the voxels in mm, (z, y, x).

    Raises:
        DataError: shapes differ or are not 3-D, a label has no name, or spacing is not positive.
    """
    if prediction.shape != truth.shape or truth.ndim != 3:
        raise DataError(
            f"prediction {prediction.shape} and truth {truth.shape} must both be (D, H, W)"
        )
    if len(spacing) != 3 or not all(0 < one < math.inf for one in spacing):
        raise DataError(f"spacing is {spacing}; it must be three lengths in mm above 0")
    for name, labels in (("prediction", prediction), ("truth", truth)):
        unknown = sorted(set(np.unique(labels).tolist()) - {0, *organs})
        if unknown:
            raise DataError(f"{name} has labels {unknown[:6]} where only {[0, *organs]} are known")
    return tuple(
        _score(name, prediction == label, truth == label, spacing) for label, name in organs.items()
    )


def lost_organs(dsc: Array) -> Array:
    """(S, K) bool: organs that a training gave up altogether, mean DSC below 0.01.

    Which ones does a training give up? That hangs on chance, and each moves the mean over organs by
    a step: they are told apart from the mean over the organs that were kept.

    Args:
        dsc: (S, V, K) of seeds, volumes and organs, 0..1; nan where an organ is not scored.
    """
    known = ~np.isnan(dsc)
    means = np.where(known, dsc, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.asarray((means < LOST) & known.any(axis=1))


def volume_gaps(first: Array, second: Array, kept: bool = False) -> Array | None:
    """(S, V) of ``first`` minus ``second``: means over organs, paired by seed and volume.

    A mean is over the organs that both scored in that volume: one that the volume lacks is scored
    only for whoever found it nonetheless, and would count against it alone. None where a volume
    has no such organ.

    Args:
        first, second: (S, V, K) scores, nan where not scored.
        kept: leave out the organs that either gave up under any seed, by `lost_organs`.
    """
    both = ~np.isnan(first) & ~np.isnan(second)
    if kept:
        both &= ~(lost_organs(first) | lost_organs(second)).any(axis=0)
    count = both.sum(axis=2)
    if not count.size or not count.all():
        return None
    return np.asarray(np.where(both, first - second, 0).sum(axis=2) / count)


def hausdorff95(prediction: Array, truth: Array, spacing: Spacing) -> float:
    """95 % Hausdorff distance in mm of two masks (D, H, W) bool that both have voxels, by monai.

    Surface voxels are those with a face neighbour outside the mask or the volume.
    """
    # Seconds to import, and the tables need the statistics above alone.
    import torch
    from monai.metrics import compute_hausdorff_distance
    from scipy import ndimage

    both = ndimage.find_objects((prediction | truth).astype(np.uint8))[0]
    yes, real = (torch.from_numpy(mask[both].copy())[None, None] for mask in (prediction, truth))
    with warnings.catch_warnings():
        # monai 1.6 calls itself with an argument that it has deprecated.
        warnings.filterwarnings("ignore", "monai.metrics.utils get_mask_edges", FutureWarning)
        distance = compute_hausdorff_distance(
            yes,
            real,
            include_background=True,
            percentile=PERCENTILE,
            spacing=[float(one) for one in spacing],
        )
    return float(distance)


def _score(name: str, yes: Array, real: Array, spacing: Spacing) -> OrganScore:
    predicted, truth = int(yes.sum()), int(real.sum())
    if not predicted and not truth:
        return OrganScore(name, None, None, 0, 0)
    if not predicted or not truth:
        sides = ((count - 1) * step for count, step in zip(real.shape, spacing, strict=True))
        return OrganScore(name, 0.0, math.hypot(*sides), truth, predicted)
    dsc = 2 * int((yes & real).sum()) / (predicted + truth)
    return OrganScore(name, dsc, hausdorff95(yes, real, spacing), truth, predicted)
