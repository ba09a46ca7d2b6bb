"""Scores of images and volumes; does a target look like vessels, did a pretraining get anywhere?"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from ldl.errors import DataError

# A pretraining counts as trained when it finds this much more of what was held out than its random
# start does, and its loss is flat. Ten points are 2.4 standard errors of a share of 64 images.
LEAST_GAIN = 0.1
LARGEST_LATE_GAIN = 0.1


def dsc(prediction: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Dice similarity coefficient ``2 |Y n Y'| / (|Y| + |Y'|)`` of each image (LDL 6.1.3).

    Args:
        prediction: (N, H, W) binary.
        target: (N, H, W) binary.

    Returns:
        (N,) float64 in 0..1; 1 where both are empty.
    """
    if prediction.shape != target.shape:
        raise DataError(f"prediction {prediction.shape} and target {target.shape} differ in shape")
    yes, truth = prediction.astype(bool), target.astype(bool)
    axes = tuple(range(1, yes.ndim))
    overlap = (yes & truth).sum(axis=axes)
    total = yes.sum(axis=axes) + truth.sum(axis=axes)
    return np.where(total == 0, 1.0, 2 * overlap / np.maximum(total, 1))


def late_gain(losses: Sequence[float]) -> float:
    """How much of the loss's whole fall happened in the last fifth; small means flattened.

    (m4 - m5) / (m1 - m5) with m_k the mean of the k-th fifth; 1 where the loss never fell.
    """
    fifth = max(1, len(losses) // 5)
    first, before, last = losses[:fifth], losses[-2 * fifth : -fifth] or losses, losses[-fifth:]
    means = [sum(part) / len(part) for part in (first, before, last)]
    fall = means[0] - means[2]
    return (means[1] - means[2]) / fall if fall > 0 else 1.0


def random_start(record: Mapping[str, Any]) -> float:
    """The retrieval of the network that a pretraining began with before anything was trained.

    Where it went on from another run's weights and did not measure that, chance.
    """
    if "retrieval_start" in record:
        return float(record["retrieval_start"])
    if record["config"].get("step1"):
        return float(1 / record["retrieval_among"])
    return float(record["retrieval_before"])


def far_enough(record: Mapping[str, Any]) -> bool:
    """One rule for every method: it learned something, and it had stopped learning.

    Held-out retrieval (of patches, regions or images, as the method sees them) is at least
    :data:`LEAST_GAIN` above that of the random start; or, where ``named`` was measured, the share
    of held-out labels named right is; or, where ``own_fall`` was, its own loss on held-out images
    is lower by that share. And the last fifth of the steps moved the loss by at most
    :data:`LARGEST_LATE_GAIN` of its whole fall. Outputs that are all alike, or a loss that never
    fell, fail. What is not trained here (``images_seen`` 0) is taken as it is.

    Args:
        record: of a pretraining: config, retrieval, retrieval_before, retrieval_among, late_gain.
    """
    if record.get("images_seen") == 0:
        return True
    start, end = record.get("named", (random_start(record), record["retrieval"]))
    gain = record.get("own_fall", end - start)
    return bool(gain >= LEAST_GAIN and abs(record["late_gain"]) <= LARGEST_LATE_GAIN)


Array = np.ndarray
Spacing = tuple[float, float, float]
PERCENTILE = 95
LOST = 0.01


def mean_of_known(values: Array, axis: int | tuple[int, ...]) -> Array:
    """Over ``axis``, which stays with length 1, nan left out; nan where there is nothing else."""
    there = np.isfinite(values)
    total = np.where(there, values, 0.0).sum(axis=axis, keepdims=True)
    count = there.sum(axis=axis, keepdims=True)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


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
        organs: label -> name, without the background.
        spacing: of the voxels in mm, (z, y, x).
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
    """95 % Hausdorff distance in mm of two masks (D, H, W) bool that both have voxels.

    Surface voxels are those with a face neighbour outside the mask or the volume. monai 1.6 gives
    the same float32 in ten times the time.
    """
    # Slow to import, and the tables need the statistics above alone.
    import torch
    from scipy import ndimage
    from scipy.spatial import KDTree

    both = ndimage.find_objects((prediction | truth).astype(np.uint8))[0]
    masks = (np.pad(mask[both], 1) for mask in (prediction, truth))
    surfaces = [np.argwhere(mask & ~ndimage.binary_erosion(mask)) * spacing for mask in masks]
    distances = (
        KDTree(to, leafsize=32).query(points)[0] for points, to in (surfaces, surfaces[::-1])
    )
    return max(float(torch.from_numpy(one).float().quantile(PERCENTILE / 100)) for one in distances)


def _score(name: str, yes: Array, real: Array, spacing: Spacing) -> OrganScore:
    predicted, truth = int(yes.sum()), int(real.sum())
    if not predicted and not truth:
        return OrganScore(name, None, None, 0, 0)
    if not predicted or not truth:
        sides = ((count - 1) * step for count, step in zip(real.shape, spacing, strict=True))
        return OrganScore(name, 0.0, math.hypot(*sides), truth, predicted)
    dsc = 2 * int((yes & real).sum()) / (predicted + truth)
    return OrganScore(name, dsc, hausdorff95(yes, real, spacing), truth, predicted)


# Below or above these a target region counts as collapsed. The paper watches nothing.
LEAST_SHARE, LARGEST_SHARE = 0.01, 0.5
WIDEST, SHORTEST = 2.0, 1 / 8  # in the reference masks' own width and length of a piece
# Mean DSC of two different images' regions: 0.1 to 0.16 of vessels, 0.52 of a ring along the rim.
MOST_ALIKE = 0.4
# A speck is a piece shorter than so many times its width. So much more of a region than of the
# reference masks may lie in specks: at 512 pixels 3 to 5 % of true vessels do, 13 to 19 % of what a
# filter finds, 19 to 27 % of targets with a DSC near 60, 26 % of a guide that was trained too
# shortly, 84 % of smooth noise. Above the first it is scattered, above the second collapsed.
SPECK, MANY_SPECKS, MOST_SPECKS = 5, 1 / 6, 1 / 2
SCATTERED = "scattered"
PAIRS = 12


@dataclass(frozen=True)
class Shape:
    """What target regions look like, means over images.

    Attributes:
        share: of the field of view that is target.
        width: pixels of the region over those of its skeleton; nan where every one is empty.
        piece: pixels of the connected piece that a pixel of the skeleton lies in: a few specks
            beside long vessels do not count for much.
        alike: mean DSC between the regions of different images: 1 where the image does not matter.
        specks: share of the skeletons that lies in pieces shorter than `SPECK` times their width;
            nan where it was not measured.
    """

    share: float
    width: float
    piece: float
    alike: float
    specks: float = math.nan

    @classmethod
    def of(cls, fields: Mapping[str, float | None]) -> Self:
        """As `record` wrote it; what it does not have was not measured."""
        return cls(**{name: math.nan if value is None else value for name, value in fields.items()})

    def record(self) -> dict[str, float | None]:
        """Five decimals, None for nan."""
        return {
            name: None if np.isnan(value) else round(value, 5)
            for name, value in asdict(self).items()
        }


def shape_of(
    masks: np.ndarray, fields: np.ndarray | None = None, window: int | None = None
) -> Shape:
    """Measure target regions.

    Args:
        masks: (N, H, W) binary.
        fields: (N, H, W) the fields of view they lie in; None is everywhere.
        window: side of the squares into which masks are cut before their width and pieces are
            measured, what is left over at the far edges dropped, so that a whole eye can be held
            against windows of reference masks; None measures them whole.
    """
    # Seconds to import, and the tables need the statistics above alone.
    from skimage.morphology import skeletonize

    yes = np.asarray(masks).astype(bool)
    inside = np.ones(yes.shape, dtype=bool) if fields is None else np.asarray(fields).astype(bool)
    if yes.ndim != 3 or not len(yes) or yes.shape != inside.shape:
        raise DataError(f"masks {yes.shape} and fields {inside.shape} must be equal (N, H, W)")
    yes = yes & inside
    share = float((yes.sum(axis=(1, 2)) / np.maximum(inside.sum(axis=(1, 2)), 1)).mean())
    seen = yes if window is None else _windows(yes, window)
    pieces = [_pieces(each, skeletonize(each)) for each in seen]
    areas, lengths = np.concatenate(pieces, axis=1)
    length = int(lengths.sum())
    if not length:
        return Shape(share, math.nan, math.nan, math.nan)
    piece = float((lengths**2).sum() / length)
    specks = float(lengths[lengths**2 < SPECK * areas].sum() / length)
    return Shape(share, float(seen.sum() / length), piece, _alike(yes), specks)


def _windows(masks: np.ndarray, side: int) -> np.ndarray:
    """(N, H, W) -> (N * (H // side) * (W // side), side, side)."""
    count, rows, columns = len(masks), masks.shape[1] // side, masks.shape[2] // side
    whole = masks[:, : rows * side, : columns * side]
    cut = whole.reshape(count, rows, side, columns, side).swapaxes(2, 3)
    return cut.reshape(-1, side, side)


def _pieces(mask: np.ndarray, bones: np.ndarray) -> np.ndarray:
    """(2, P) pixels of each connected piece, and of its skeleton, which keeps it in one."""
    from scipy import ndimage

    labels, count = ndimage.label(mask, structure=np.ones((3, 3)))
    counts = [np.bincount(labels[one], minlength=count + 1)[1:] for one in (mask, bones)]
    return np.stack(counts)


def _alike(masks: np.ndarray) -> float:
    """Mean DSC of each mask and the next few; empty ones do not count."""
    filled = masks[masks.any(axis=(1, 2))]
    if len(filled) < 2:
        return float("nan")
    shifts = range(1, min(len(filled), 1 + max(1, PAIRS // len(filled))))
    return float(np.mean([dsc(filled, np.roll(filled, shift, axis=0)) for shift in shifts]))


def collapse(found: Shape, reference: Shape) -> str:
    """How the target has collapsed, ``""`` where it looks like vessels.

    "empty" and "full" by its share; "blob" where it is wider than twice the reference masks;
    "speckle" where its pieces are shorter than an eighth of theirs, or half of it more lies in
    specks; "fixed" where different images get the same region. "scattered", a sixth more of it in
    specks, is no collapse.

    Args:
        found: of the target regions.
        reference: of the reference masks at the same size.
    """
    if found.share < LEAST_SHARE or np.isnan(found.width):
        return "empty"
    if found.share > LARGEST_SHARE:
        return "full"
    if found.alike > MOST_ALIKE:
        return "fixed"
    if found.width > WIDEST * reference.width:
        return "blob"
    specks = found.specks - reference.specks
    if specks > MOST_SPECKS or found.piece < SHORTEST * reference.piece:
        return "speckle"
    return SCATTERED if specks > MANY_SPECKS else ""
