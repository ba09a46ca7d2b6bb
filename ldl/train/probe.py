"""Whether a pretraining was long enough to mean something."""

from collections.abc import Sequence

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ldl.config import PretrainConfig
from ldl.data.views import draw_views
from ldl.methods.common import paired_patches
from ldl.rng import generator
from ldl.train.feed import Feed

PROBE_BATCHES = 8
# A record below or above these is marked in every table that uses it.
LEAST_RETRIEVAL = 0.9
LARGEST_LATE_GAIN = 0.05


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
    training = net.training
    net.eval()
    size = 2 * config.groups
    scores = []
    for number in range(PROBE_BATCHES):
        picked = torch.tensor([rows[(number * size + k) % len(rows)] for k in range(size)])
        views = draw_views(feed[picked], config.crop, config.symmetries, draw, config.scale)
        with fabric.autocast():
            embedding = torch.cat([net(views.first)[0], net(views.second)[0]])
        first, second = embedding.chunk(2)
        first, second = paired_patches(first, second, views.symmetry, config.patch_grid)
        scores.append(retrieval_accuracy(first.flatten(0, 1), second.flatten(0, 1)))
    net.train(training)
    return sum(scores) / len(scores)


def late_gain(losses: Sequence[float]) -> float:
    """How much of the loss's whole fall happened in the last fifth; small means flattened.

    (m4 - m5) / (m1 - m5) with m_k the mean of the k-th fifth; 1 where the loss never fell.
    """
    fifth = max(1, len(losses) // 5)
    first, before, last = losses[:fifth], losses[-2 * fifth : -fifth] or losses, losses[-fifth:]
    means = [sum(part) / len(part) for part in (first, before, last)]
    fall = means[0] - means[2]
    return (means[1] - means[2]) / fall if fall > 0 else 1.0
