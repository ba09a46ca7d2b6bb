"""Figure 3 of LRC: superpixels beside k-means of the local branch's embeddings."""

from dataclasses import dataclass

import numpy as np

from ldl.data.superpixels import SuperpixelConfig
from ldl.experiments.lrc.cases import Case, fullest, phantom_case, real_case
from ldl.experiments.lrc.clusters import clustered, dice_of, embeddings, greys
from ldl.experiments.lrc.superpixel_study import maps_of
from ldl.models.local_unet import LocalUNet

Array = np.ndarray
FEW = 12  # clusters of the coarse map
KINDS = ("superpixels", "embeddings", "embeddings, untrained", "grey values")


@dataclass(frozen=True)
class Row:
    """One slice of the figure, with the numbers of several slices like it.

    Attributes:
        case: the one slice.
        regions: (S, S) int16 superpixels.
        few, many: (S, S) int16 clusters of the trained embeddings, ``FEW`` and as many as there are
            superpixels.
        dice: by kind of map, with as many parts as superpixels: mean DSC over the organs that whole
            parts reach, over ``slices`` slices.
        slices: how many.
    """

    case: Case
    regions: Array
    few: Array
    many: Array
    dice: dict[str, float]
    slices: int


def row(
    region: str, net: LocalUNet, start: LocalUNet, *, size: int, real: bool, count: int, seed: int
) -> Row | None:
    """One region's slice and numbers; None where real CT is asked for and not at hand.

    Args:
        region: "abdomen", "thorax" or "head_neck".
        net: the trained local branch, in eval mode.
        start: the same before its training.
        size: side of the slices.
        real: slices of patients.
        count: how many the numbers are taken over.
        seed: of phantoms and starts of k-means.
    """
    case = (
        real_case(region, size=size, count=count)
        if real
        else phantom_case(region, size=size, count=count, seed=seed + 1)
    )
    if case is None:
        return None
    regions = maps_of(case.images, SuperpixelConfig())
    inside = regions >= 0
    many = round(float((regions.max(axis=(1, 2)) + 1).mean()))
    values = {
        "embeddings": embeddings(net, case.images),
        "embeddings, untrained": embeddings(start, case.images),
        "grey values": greys(case.images),
    }
    found = {name: clustered(case, inside, one, many, seed) for name, one in values.items()}
    dice = {"superpixels": dice_of(regions, case)}
    dice |= {name: one.dice for name, one in found.items()}
    one = fullest(case)
    place = next(k for k, image in enumerate(case.images) if np.array_equal(image, one.images[0]))
    picked = slice(place, place + 1)
    few = clustered(one, inside[picked], values["embeddings"][picked], FEW, seed)
    maps = found["embeddings"].maps
    return Row(one, regions[place], few.maps[0], maps[place], dice, len(case.images))
