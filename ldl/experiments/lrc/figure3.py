"""Figure 3 of LRC: superpixels beside k-means of the local branch's embeddings."""

from dataclasses import dataclass

import numpy as np

from ldl.experiments.lrc.cases import Case, fullest, phantom_case, real_case
from ldl.experiments.lrc.clusters import clustered, dice_of, embeddings, greys
from ldl.experiments.lrc.superpixel_study import maps_of
from ldl.models.local_unet import LocalUNet
from ldl.runs.lrc import SuperpixelConfig

Array = np.ndarray
FEW = 12  # clusters of the coarse map
UNSEEN = 10_000  # added to the seed: phantoms that no training draws
KINDS = ("superpixels", "embeddings", "embeddings, untrained", "grey values")


@dataclass(frozen=True)
class Row:
    """One slice of the figure, with the numbers of several slices like it.

    Attributes:
        case: the one slice, a phantom's where the set may not be shown.
        real: whether the numbers are of real CT.
        regions: (S, S) int16 superpixels.
        few, many: (S, S) int16 clusters of the trained embeddings, ``FEW`` and as many as there are
            superpixels.
        dice: by kind of map, with as many parts as superpixels: mean DSC over the organs that whole
            parts reach, over ``slices`` slices.
        slices: how many.
    """

    case: Case
    real: bool
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
    drawn = phantom_case(region, size=size, count=count, seed=seed + UNSEEN)
    case = real_case(region, size=size, count=count) if real else drawn
    if case is None:
        return None
    regions = maps_of(case.images, SuperpixelConfig())
    parts = round(float((regions.max(axis=(1, 2)) + 1).mean()))
    values = {
        "embeddings": embeddings(net, case.images),
        "embeddings, untrained": embeddings(start, case.images),
        "grey values": greys(case.images),
    }
    dice = {"superpixels": dice_of(regions, case)}
    dice |= {
        name: clustered(case, regions >= 0, one, parts, seed).dice for name, one in values.items()
    }
    one = fullest(case if case.showable else drawn)
    own = maps_of(one.images, SuperpixelConfig())
    few, many = (
        clustered(one, own >= 0, embeddings(net, one.images), number, seed).maps[0]
        for number in (FEW, int(own.max()) + 1)
    )
    return Row(one, case.real, own[0], few, many, dice, len(case.images))
