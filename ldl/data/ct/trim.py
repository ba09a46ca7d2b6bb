"""Slices that show the whole body, where a set keeps its CT elsewhere only inside the structures.

OpenKBP blanks the CT outside the treated part of the body except inside the drawn structures and
targets. Such slices give the organs away and look like no patient. A whole slice shows at least 30
cm2 of tissue, and its tissue differs from the next slice's by less than 30 %: bodies change slowly,
blanking is a jump. The longest run of whole slices is kept.
"""

from dataclasses import replace

import numpy as np

from ldl.data.ct.volume import TISSUE, CtVolume
from ldl.errors import DataError

Array = np.ndarray
LEAST = 3000.0  # mm2 of tissue in a slice of the whole body; a neck has 60 cm2 and more
JUMP = 0.7  # smaller to larger area of two neighbours, below which one of them was blanked


def whole_slices(volume: CtVolume) -> CtVolume:
    """The volume without the slices in which the CT was blanked; `cut` says what was lost.

    Raises:
        DataError: no slice shows a whole body.
    """
    area = (volume.image > TISSUE).sum(axis=(1, 2)) * volume.spacing[1] * volume.spacing[2]
    start, stop = longest_run(area)
    if start == stop:
        raise DataError(f"{volume.id}: no slice shows {LEAST / 100:g} cm2 of tissue")
    kept = slice(start, stop)
    affine = volume.affine.copy()
    affine[:3, 3] += start * affine[:3, 2]
    cut = volume.cut
    if volume.label is not None:
        marked = (volume.label > 0).sum(axis=(1, 2))
        cut = 1.0 - float(marked[kept].sum()) / max(int(marked.sum()), 1)
    label = None if volume.label is None else volume.label[kept]
    return replace(volume, image=volume.image[kept], label=label, affine=affine, cut=cut)


def longest_run(area: Array) -> tuple[int, int]:
    """First and one past the last of the longest run of whole slices, given their areas (mm2)."""
    best, start = (0, 0), 0
    for z, here in enumerate(area):
        before = area[z - 1] if z else here
        if here < LEAST or min(here, before) < JUMP * max(here, before):
            start = z if here >= LEAST else z + 1
        if z + 1 - start > best[1] - best[0]:
            best = (start, z + 1)
    return best
