"""Whether a local branch tells regions apart, on slices it was not trained on."""

import torch
from torch import Tensor, nn

from ldl.data.colour import normalise, to_float
from ldl.data.elastic import draw_elastic
from ldl.losses.region_pixels import shared_regions, whole_means
from ldl.rng import generator
from ldl.runs.lrc import LocalRegionConfig
from ldl.sphere import unit
from ldl.train.device import Fabric
from ldl.train.feed import Feed


@torch.no_grad()
def region_retrieval(
    net: nn.Module,
    slices: Feed,
    regions: Feed,
    rows: list[int],
    config: LocalRegionConfig,
    fabric: Fabric,
) -> tuple[float, int]:
    """Share of regions whose nearest region in the bent slice is their own, and how many there are.

    Region vectors are means over all pixels; the elastic transforms come from a fixed seed; the
    network is in eval mode. 0 where no slice has two regions.
    """
    draw = generator(config.seed, "region probe")
    training = net.training
    net.eval()
    right = among = 0
    for start in range(0, len(rows), config.batch):
        picked = torch.tensor(rows[start : start + config.batch])
        images, maps = to_float(slices[picked]), regions[picked]
        view = draw_elastic(images, maps, config.elastic, draw)
        with fabric.autocast():
            features = net(normalise(torch.cat([images, view.images])))
        query, positive = features.chunk(2)
        found, present = nearest_regions(query, positive, maps, view.regions, config.smallest)
        own = torch.arange(found.shape[1], device=found.device)
        right += int(((found == own) & present).sum())
        among += int(present.sum())
    net.train(training)
    return right / max(among, 1), among


def nearest_regions(
    query: Tensor, positive: Tensor, query_regions: Tensor, positive_regions: Tensor, smallest: int
) -> tuple[Tensor, Tensor]:
    """Each region's nearest one in the other view, by the angle of their means.

    Args:
        query: (B, D, H, W) features of the slices.
        positive: the same of the bent slices.
        query_regions: (B, H, W) region ids, negative for none.
        positive_regions: the same after the transform.
        smallest: pixels that a region needs in both views.

    Returns:
        (B, K) int64 numbers of the nearest regions and (B, K) bool, which numbers exist.
    """
    slots = shared_regions(query_regions, positive_regions, smallest)
    count = slots.present.shape[1]
    first = unit(whole_means(query, slots.first, count))
    second = unit(whole_means(positive, slots.second, count))
    similarity = (first @ second.mT).masked_fill(~slots.present[:, None], -2)
    return similarity.argmax(dim=2), slots.present
