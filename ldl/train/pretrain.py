"""Pretraining one encoder."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import update_bn

from ldl.data.bank import Bank
from ldl.data.prepare import pretraining_bank
from ldl.data.sampling import Affine
from ldl.data.views import ViewPair, draw_views
from ldl.errors import ConfigError, DataError
from ldl.methods import METHODS
from ldl.methods.base import paired_patches
from ldl.metrics import far_enough, late_gain
from ldl.ranks import across_ranks, mine, ranks
from ldl.rng import generator, seed_everything
from ldl.runs.pretrain import PretrainConfig
from ldl.train.device import Fabric, Feed, placed
from ldl.train.loop import EpochStage, Plan
from ldl.train.made import How, Learned, Made, Weights, data_line

# The last images of a bank are never trained on; retrieval is measured on them.
HELD_OUT = 64
# Enough that the mean over batches no longer depends on which they are.
STATISTICS_BATCHES = 50
PROBE_BATCHES = 8


def held_out_rows(count: int) -> tuple[list[int], list[int]]:
    """Row numbers for training and for measuring: the last eighth, at most 64, is held out."""
    held = min(HELD_OUT, count // 8)
    return list(range(count - held)), list(range(count - held, count))


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


def _of_this_rank(views: ViewPair) -> ViewPair:
    """A rank's images; on each the whole batch is drawn, which is little beside a step."""
    first, second, symmetry = map(mine, (views.first, views.second, views.symmetry))
    affines = (Affine(mine(each.matrix)) for each in (views.first_affine, views.second_affine))
    return ViewPair(first, second, symmetry, *affines)


class PretrainStage(EpochStage):
    """Draws images, makes two views of each on the device, and asks the method for its losses."""

    on_ranks = True

    def __init__(self, config: PretrainConfig, net: nn.Module, feed: Feed, rows: list[int]) -> None:
        draw = generator(config.seed, "pretrain", config.method)
        super().__init__(net, rows, 2 * config.groups, draw)
        self.config, self.feed, self.method = config, feed, METHODS[config.method]

    def losses(self, model: nn.Module) -> dict[str, Tensor]:
        return self.method.losses(model, _of_this_rank(self.views()), self.config, self.generator)

    def views(self) -> ViewPair:
        """Two views of each of the next images."""
        images, config = self.feed[self.sampler.draw()], self.config
        return draw_views(images, config.crop, config.symmetries, self.generator, config.scale)


def pretrain(config: PretrainConfig, bank: Bank, how: How, start: Weights | None = None) -> Learned:
    """Pretrain as ``config`` says.

    Args:
        bank: unlabelled images, (N, C, size, size) uint8.
        start: weights of step 1 for method ``rd``; what they lack (the clustering branch) is new.
    """
    _check(config, bank)
    seed_everything(config.seed, "initialise", config.method)
    net = placed(across_ranks(METHODS[config.method].network(config)), how.fabric)
    feed = Feed(bank.images, how.fabric.device)
    train, held = held_out_rows(len(bank.images))
    random = before = held_out_retrieval(net, feed, held, config, how.fabric)
    if start:
        net.load_state_dict({**net.state_dict(), **start})
        before = held_out_retrieval(net, feed, held, config, how.fabric)
    stage = PretrainStage(config, net, feed, train)
    plan = Plan(config.steps, config.learning_rate, config.halve_every)
    history = how.fit(config, stage, plan, bank.fingerprint)
    if config.statistics == "unmixed":
        estimate_statistics(net, stage)
    after = held_out_retrieval(net, feed, held, config, how.fabric)
    among = 2 * config.groups * config.patch_grid**2
    return Learned(net, history, before, after, among, random)


def estimate_statistics(net: nn.Module, stage: PretrainStage) -> None:
    """Batch normalisation's means and variances, anew, on :data:`STATISTICS_BATCHES` of views.

    During training they are made of mixed images, too, which no task ever shows.
    """
    drawn = (stage.views() for _ in range(STATISTICS_BATCHES))
    update_bn((torch.cat([views.first, views.second]) for views in drawn), net)


def _check(config: PretrainConfig, bank: Bank) -> None:
    if len(bank.images) < 4 * config.groups:
        raise DataError(
            f"{bank.name}: {len(bank.images)} images are too few for {config.groups} groups; "
            f"at least {4 * config.groups} are needed"
        )
    if config.groups % ranks():
        raise ConfigError(f"{config.groups} groups do not part into {ranks()} ranks")
    if bank.images.shape[1] != config.channels:
        raise DataError(
            f"{bank.name}: images have {bank.images.shape[1]} channel(s), "
            f"{config.modality} needs {config.channels}"
        )


def make(run: PretrainConfig, how: How) -> Made:
    """Step 1 first, where there is one; all of the network is kept."""
    start = how.before(run.step1)
    bank = pretraining_bank(run.data, run.modality)
    done = pretrain(run, bank, how, start)
    assert done.retrieval_start is not None, "it is measured here"
    fields = {
        "title": METHODS[run.method].title,
        **done.fields(),
        "retrieval_start": round(done.retrieval_start, 5),
        "late_gain": round(late_gain([sum(row) for row in done.history.rows]), 5),
    }
    fields["trained"] = far_enough({"config": run.model_dump(), **fields})
    return Made(done.net.state_dict(), data_line(bank), done.history.seconds, fields)
