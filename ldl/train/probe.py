"""What a pretraining finds again among images it was not trained on: patches, regions."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ldl.data.colour import normalise, to_float
from ldl.data.elastic import draw_elastic
from ldl.data.views import draw_views
from ldl.losses.local_region import shared_regions, whole_means
from ldl.methods.common import paired_patches
from ldl.rng import generator
from ldl.runs.lrc import LocalRegionConfig
from ldl.runs.pretrain import PretrainConfig
from ldl.sphere import unit
from ldl.train.device import Fabric, Feed

PROBE_BATCHES = 8


@contextmanager
def evaluating(net: nn.Module) -> Iterator[None]:
    """``net`` in eval mode, and afterwards in the mode it was in."""
    training = net.training
    net.eval()
    yield
    net.train(training)


def retrieval_accuracy(first: Tensor, second: Tensor) -> float:
    """Share of second-view patches whose nearest first-view patch is their own.

    Args:
        first: (N, K) unit vectors.
        second: (N, K) unit vectors of the same patches, in the same order.
    """
    nearest = (second @ first.T).argmax(dim=1)
    own = torch.arange(len(first), device=first.device)
    return float((nearest == own).float().mean())


@torch.no_grad()
def held_out_retrieval(
    net: nn.Module, feed: Feed, rows: list[int], config: PretrainConfig, fabric: Fabric
) -> float:
    """Mean :func:`retrieval_accuracy` over batches of held-out images, drawn from a fixed seed.

    Each batch has 2 * groups images, so 2 * groups * grid^2 patches; the network is in eval mode.
    """
    draw = generator(config.seed, "probe")
    size = 2 * config.groups
    scores = []
    for number in range(PROBE_BATCHES):
        picked = torch.tensor([rows[(number * size + k) % len(rows)] for k in range(size)])
        views = draw_views(feed[picked], config.crop, config.symmetries, draw, config.scale)
        with evaluating(net), fabric.autocast():
            embedding = torch.cat([net(views.first)[0], net(views.second)[0]])
        first, second = embedding.chunk(2)
        first, second = paired_patches(first, second, views.symmetry, config.patch_grid)
        scores.append(retrieval_accuracy(first.flatten(0, 1), second.flatten(0, 1)))
    return sum(scores) / len(scores)


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
    right = among = 0
    for start in range(0, len(rows), config.batch):
        picked = torch.tensor(rows[start : start + config.batch])
        images, maps = to_float(slices[picked]), regions[picked]
        view = draw_elastic(images, maps, config.elastic, draw)
        with evaluating(net), fabric.autocast():
            features = net(normalise(torch.cat([images, view.images])))
        query, positive = features.chunk(2)
        found, present = nearest_regions(query, positive, maps, view.regions, config.smallest)
        own = torch.arange(found.shape[1], device=found.device)
        right += int(((found == own) & present).sum())
        among += int(present.sum())
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
