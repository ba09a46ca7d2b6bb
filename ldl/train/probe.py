"""What a pretraining finds again among held-out images."""

import torch
from torch import Tensor, nn

from ldl.data.views import draw_views
from ldl.methods.common import paired_patches
from ldl.rng import generator
from ldl.runs.pretrain import PretrainConfig
from ldl.train.device import Fabric
from ldl.train.feed import Feed

PROBE_BATCHES = 8


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
