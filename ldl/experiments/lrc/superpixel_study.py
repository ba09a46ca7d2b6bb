"""Superpixels on labelled slices: do they keep organs apart, and what do they cost?"""

import time
from dataclasses import dataclass

import numpy as np

from ldl.data.ct import REGIONS, facts
from ldl.data.superpixel_quality import achievable_dice, merged_share, overlap, undersegmentation
from ldl.data.superpixels import superpixels
from ldl.experiments.lrc.cases import Case, phantom_case
from ldl.runs.lrc import SuperpixelConfig

Array = np.ndarray
SCALES = (10.0, 20.0, 50.0, 200.0, 1000.0)
PRETRAINING_SLICES = 240_000  # LRC section 3.1
CORES = 16


@dataclass(frozen=True)
class Quality:
    """How far the superpixels of some slices respect organs; shares are means over the organs.

    Attributes:
        name: of the slices.
        scale: Felzenszwalb's.
        regions: mean number a slice.
        merged: share of an organ's pixels in regions that hold more of another organ.
        dice: DSC that a segmentation made of whole regions reaches.
        leak: undersegmentation error.
        worst: the organ with the most merged pixels, and its share.
    """

    name: str
    scale: float
    regions: float
    merged: float
    dice: float
    leak: float
    worst: tuple[str, float]


def maps_of(images: Array, config: SuperpixelConfig | None = None) -> Array:
    """Superpixels of (N, 1, S, S) uint8 slices: (N, S, S) int16."""
    config = config or SuperpixelConfig()
    return np.stack([superpixels(one, config) for one in images])


def quality(case: Case, config: SuperpixelConfig) -> Quality:
    """Superpixels of a case's slices against its labels."""
    found = overlap(maps_of(case.images, config), case.labels, len(case.organs) + 1)
    merged, dice = merged_share(found)[1:], achievable_dice(found)[1:]
    worst = int(np.nanargmax(merged))
    return Quality(
        case.name,
        config.scale,
        found.regions_per_slice,
        float(np.nanmean(merged)),
        float(np.nanmean(dice)),
        float(np.nanmean(undersegmentation(found)[1:])),
        (case.organs[worst], float(merged[worst])),
    )


@dataclass(frozen=True)
class Cost:
    """Processor time of one slice.

    Attributes:
        size: side in pixels.
        seconds: of one core, fastest of the slices tried.
    """

    size: int
    seconds: float

    @property
    def hours(self) -> float:
        """All of the paper's pretraining slices, on 16 cores."""
        return self.seconds * PRETRAINING_SLICES / CORES / 3600


def costs(*, small: bool = False, seed: int = 0) -> list[Cost]:
    """Time of a slice at several sizes, up to the region's full field; abdomen phantoms.

    Processor time, which other work on the machine does not count into, though it slows caches.

    Args:
        small: the two smallest sizes only.
        seed: of the phantoms.
    """
    sizes = (64, 128) if small else (64, 128, 256, facts(REGIONS[0]).field)
    config, found = SuperpixelConfig(), []
    for size in sizes:
        images = phantom_case(REGIONS[0], size=size, count=3, seed=seed).images
        found.append(Cost(size, min(_seconds(one, config) for one in images)))
    return found


def _seconds(image: Array, config: SuperpixelConfig) -> float:
    start = time.process_time()
    superpixels(image, config)
    return time.process_time() - start
