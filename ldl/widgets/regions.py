"""What the region widget shows: to which cluster each pixel belongs, and what looks like it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ldl.errors import DataError
from ldl.localize.images import as_image
from ldl.plots.images import cluster_colours
from ldl.widgets.payload import Payload, packed, packed_map, palette, picture
from ldl.widgets.quantise import Quantised, cell_means, quantised, stride_within

BUDGET = 1_500_000  # bytes of embedding maps of one kind of images
MOST_SIMILAR = 20  # pixels that are marked
# (B, C, H, W) float in 0..1 -> embedding (B, K, H, W), assignment (B, clusters, H, W) with sum 1.
Outputs = Callable[[Tensor], tuple[Tensor, Tensor | None]]


@dataclass(frozen=True)
class RegionScene:
    """Images of one kind under a network with a clustering branch (Eq. 2).

    Attributes:
        name: of the kind.
        images: (C, H, W) float32 in 0..1 each, all of one size.
        names: one an image.
        stride: pixels of a cell's side.
        clusters: their number.
        maps: embeddings, one an image.
        labels: (N, h, w) uint8, the most probable cluster of each cell.
        certainty: (N, h, w) uint8, its probability in 255ths.
        words: what images and network are.
    """

    name: str
    images: tuple[Tensor, ...]
    names: tuple[str, ...]
    stride: int
    clusters: int
    maps: tuple[Quantised, ...]
    labels: NDArray[np.uint8]
    certainty: NDArray[np.uint8]
    words: str = ""


@torch.no_grad()
def region_scene(
    name: str,
    images: Sequence[Tensor | NDArray],
    outputs: Outputs,
    *,
    names: Sequence[str] | None = None,
    words: str = "",
    budget: int = BUDGET,
) -> RegionScene:
    """Embed and cluster every image.

    Raises:
        DataError: fewer than two images, or a network without a clustering branch.
    """
    given = [as_image(one, f"image {k}") for k, one in enumerate(images)]
    if len(given) < 2:
        raise DataError(f"{len(given)} images; give at least two")
    embedding, shares = outputs(torch.stack(given))
    if shares is None:
        raise DataError("the network assigns no clusters; use one of region discrimination")
    sizes = [(int(one.shape[1]), int(one.shape[2])) for one in given]
    stride = stride_within(budget, sizes, int(embedding.shape[1]), 1)
    most, labels = torch.stack([cell_means(one, stride) for one in shares]).max(dim=1)
    return RegionScene(
        name=name,
        images=tuple(given),
        names=tuple(names or [str(k) for k in range(len(given))]),
        stride=stride,
        clusters=int(shares.shape[1]),
        maps=tuple(quantised(cell_means(one, stride)) for one in embedding),
        labels=labels.to(torch.uint8).numpy(),
        certainty=(255 * most).round().to(torch.uint8).numpy(),
        words=words,
    )


def region_payload(scenes: Sequence[RegionScene]) -> Payload:
    """What the region widget is given."""
    return {
        "palette": palette(),
        "mostSimilar": MOST_SIMILAR,
        "scenes": [_scene(one) for one in scenes],
    }


def _scene(one: RegionScene) -> Payload:
    colours = cluster_colours(np.arange(one.clusters), one.clusters)
    return {
        "name": one.name,
        "words": one.words,
        "stride": one.stride,
        "clusters": one.clusters,
        "colours": packed(colours),
        "images": [
            {
                "name": name,
                "size": [int(image.shape[1]), int(image.shape[2])],
                "picture": picture(image),
                "map": packed_map(one.maps[k]),
                "labels": packed(one.labels[k]),
                "certainty": packed(one.certainty[k]),
            }
            for k, (name, image) in enumerate(zip(one.names, one.images, strict=True))
        ],
    }
