"""Is a target region vessel-like? A training against a judge fails in silence; this looks."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from scipy import ndimage
from skimage.morphology import skeletonize

from ldl.errors import DataError
from ldl.metrics import dsc

# Below or above these a target region counts as collapsed. The paper watches nothing.
LEAST_SHARE, LARGEST_SHARE = 0.01, 0.5
WIDEST, SHORTEST = 2.0, 1 / 8  # in the reference masks' own width and length of a piece
MOST_ALIKE = 0.6  # mean DSC of two different images' regions
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
    """

    share: float
    width: float
    piece: float
    alike: float

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

    Raises:
        DataError: no mask, or shapes that differ.
    """
    yes = np.asarray(masks).astype(bool)
    inside = np.ones(yes.shape, dtype=bool) if fields is None else np.asarray(fields).astype(bool)
    if yes.ndim != 3 or not len(yes) or yes.shape != inside.shape:
        raise DataError(f"masks {yes.shape} and fields {inside.shape} must be equal (N, H, W)")
    yes = yes & inside
    share = float((yes.sum(axis=(1, 2)) / np.maximum(inside.sum(axis=(1, 2)), 1)).mean())
    seen = yes if window is None else _windows(yes, window)
    bones = np.stack([skeletonize(each) for each in seen])
    lengths = np.concatenate([_lengths(each) for each in bones])
    length = int(lengths.sum())
    if not length:
        return Shape(share, float("nan"), float("nan"), float("nan"))
    piece = float((lengths**2).sum() / length)
    return Shape(share, float(seen.sum() / length), piece, _alike(yes))


def _windows(masks: np.ndarray, side: int) -> np.ndarray:
    """(N, H, W) -> (N * (H // side) * (W // side), side, side)."""
    count, rows, columns = len(masks), masks.shape[1] // side, masks.shape[2] // side
    whole = masks[:, : rows * side, : columns * side]
    cut = whole.reshape(count, rows, side, columns, side).swapaxes(2, 3)
    return cut.reshape(-1, side, side)


def _lengths(bones: np.ndarray) -> np.ndarray:
    """Pixels of each connected piece of a skeleton."""
    labels = ndimage.label(bones, structure=np.ones((3, 3)))[0]
    return np.bincount(labels.ravel())[1:]


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
    "speckle" where its pieces are shorter than an eighth of theirs; "fixed" where different images
    get the same region.

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
    return "speckle" if found.piece < SHORTEST * reference.piece else ""


def words(kinds: Sequence[str]) -> str:
    """How many runs collapsed, and how: "2 of 3: blob, fixed"."""
    lost = [kind for kind in kinds if kind]
    return f"{len(lost)} of {len(kinds)}" + (f": {', '.join(sorted(set(lost)))}" if lost else "")
