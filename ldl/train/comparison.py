"""Pretraining one encoder by a comparison method."""

from dataclasses import replace
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from ldl.data.bank import Bank
from ldl.data.colour import normalise, to_float
from ldl.data.prepare import grades, pretraining_bank
from ldl.data.recipes import INSTANCE, draw_view
from ldl.errors import DataError
from ldl.methods import METHODS
from ldl.methods.base import Batch, Comparison, Step
from ldl.metrics import far_enough, late_gain
from ldl.models.backbones import pooled
from ldl.ranks import across_ranks, gathered
from ldl.rng import generator, seed_everything, sent
from ldl.runs.pretrain import ComparisonConfig
from ldl.sphere import full_precision, unit
from ldl.train import checkpoint
from ldl.train.device import Fabric, Feed, placed
from ldl.train.loop import EpochStage, History, Plan
from ldl.train.made import How, Learned, Made, binned, data_line
from ldl.train.pretrain import HELD_OUT, evaluating, held_out_rows, retrieval_accuracy

# Outputs that spread less than this are called collapsed, and the record's row is marked.
LEAST_SPREAD = 0.1
# Of a method with labels, one training image in so many is kept to ask it for them.
ASKED = 8
RIDGE = 1e-3


def spread_of(vectors: Tensor) -> Tensor:
    """Whether outputs collapse (Chen & He 2021, section 4.1): 0 all equal, 1 all over the sphere.

    The standard deviation of the unit vectors, mean over dimensions, times sqrt(D).

    Args:
        vectors: (B, D).
    """
    return unit(vectors.detach()).std(dim=0).mean() * vectors.shape[1] ** 0.5


def seen_by(config: ComparisonConfig, images: Tensor, generator: Generator) -> Tensor:
    """What a method makes its views of: (B, C, H, H) images, or at native scale windows of them.

    The windows have ``config.crop`` pixels a side, each at a place of its own.
    """
    if config.scale == "whole":
        return images
    places = torch.randint(
        images.shape[-1] - config.crop + 1, (len(images), 2), generator=generator
    )
    return torch.stack(
        [
            image[:, top : top + config.crop, left : left + config.crop]
            for image, (top, left) in zip(images, places.tolist(), strict=True)
        ]
    )


class Images(Protocol):
    """What is trained on: a bank of images, or of the slices of CT."""

    @property
    def images(self) -> np.ndarray: ...
    @property
    def name(self) -> str: ...
    @property
    def fingerprint(self) -> str: ...


class ComparisonStage(EpochStage):
    """Draws images and asks the method for its losses; watches the spread of its outputs."""

    def __init__(
        self,
        config: ComparisonConfig,
        net: nn.Module,
        feed: Feed,
        rows: list[int],
        labels: Tensor | None,
    ) -> None:
        super().__init__(net, rows, config.batch, generator(config.seed, "pretrain", config.method))
        self.config, self.feed, self.labels = config, feed, labels
        self.weight_decay = config.weight_decay
        self.method: Comparison = METHODS[config.method]
        self.on_ranks, self.knobs = self.method.on_ranks, self.method.knobs(config)
        self.spread: list[Tensor] = []

    def losses(self, model: nn.Module) -> dict[str, Tensor]:
        if not self.spread:
            self.method.begin(self.net, self._step, self.knobs)
        outcome = self.method.step(model, self._step())
        self.spread.append(spread_of(gathered(outcome.vectors.detach())))
        return outcome.losses

    def _step(self) -> Step:
        rows = self.sampler.draw()
        images = seen_by(self.config, self.feed[rows], self.generator)
        labels = None if self.labels is None else sent(self.labels[rows], images)
        return Step(Batch(images, rows, labels), self.config, self.knobs, self.generator)

    def after_step(self, model: nn.Module, step: int) -> None:
        self.method.after_step(self.net, self.config, step)

    def state(self) -> dict[str, Tensor]:
        """The rest of the sampler's epoch and the spread so far."""
        # A resumed run holds values on the CPU beside new ones on the device.
        values = [value.float().cpu() for value in self.spread]
        spread = torch.stack(values) if values else torch.empty(0)
        return {**super().state(), "spread": spread}

    def restore(self, state: dict[str, Tensor]) -> None:
        super().restore(state)
        self.spread = list(state["spread"])


@torch.no_grad()
def image_retrieval(
    encoder: nn.Module, feed: Feed, rows: list[int], config: ComparisonConfig, fabric: Fabric
) -> float:
    """Share of held-out images whose second view is nearest to their own first view.

    On the encoder's pooled features in eval mode, with the views of Wu et al. 2018 drawn from a
    fixed seed, the same for every method.
    """
    draw = generator(config.seed, "probe")
    images = seen_by(config, feed[torch.tensor(rows)], draw)
    vectors = []
    for _ in range(2):
        view = draw_view(images, config.crop, INSTANCE, draw).image
        with evaluating(encoder), fabric.autocast():
            vectors.append(unit(pooled(encoder(view))))
    return retrieval_accuracy(*vectors)


def read_out(values: Tensor, answers: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Least squares from (n, C) features to one-hot answers, all classes weighing alike.

    Returns:
        (C, classes) weights and (classes,) biases, for the features as they are.
    """
    mean, deviation = values.mean(dim=0), values.std(dim=0) + 1e-6
    wide = F.pad((values - mean) / deviation, (0, 1), value=1.0).double()
    wanted = F.one_hot(answers, classes).double()
    weight = (1 / wanted.sum(dim=0).clamp_min(1))[answers][:, None] / classes
    gram = wide.T @ (wide * weight) + RIDGE * torch.eye(wide.shape[1], dtype=wide.dtype)
    found = torch.linalg.solve(gram, (wide * weight).T @ wanted).float()
    weights = found[:-1] / deviation[:, None]
    return weights, found[-1] - mean @ weights


@torch.no_grad()
def labels_named(
    encoder: nn.Module,
    feed: Feed,
    parts: tuple[list[int], list[int]],
    labels: Tensor,
    config: ComparisonConfig,
    fabric: Fabric,
) -> float:
    """Share of the second part's labels that are named right, all labels weighing alike.

    By a linear read-out of the encoder's pooled features in eval mode, fitted on the first part.
    """
    draw, vectors = generator(config.seed, "probe"), []
    for rows in torch.arange(len(labels)).split(HELD_OUT):
        images = normalise(to_float(seen_by(config, feed[rows], draw)))
        with evaluating(encoder), fabric.autocast():
            vectors.append(full_precision(pooled(encoder(images))).cpu())
    learned, asked = (torch.tensor(rows) for rows in parts)
    values = torch.cat(vectors)
    weights, bias = read_out(values[learned], labels[learned], int(labels.max()) + 1)
    right = ((values[asked] @ weights + bias).argmax(dim=1) == labels[asked]).float()
    return float(np.mean([float(right[labels[asked] == k].mean()) for k in labels[asked].unique()]))


def pretrain_comparison(
    config: ComparisonConfig, bank: Bank, how: How, labels: np.ndarray | None = None
) -> Learned:
    """Pretrain as ``config`` says, on the same images as LDL's own methods.

    One that needs labels is not shown all of them; the others are asked for, before and after.

    Args:
        bank: images, (N, C, size, size) uint8.
        labels: (N,) int64, one an image of the bank, for methods that need them.
    """
    train, held = held_out_rows(len(bank.images))
    _check(config, bank, labels)
    feed = Feed(bank.images, how.fabric.device)
    if labels is None or not METHODS[config.method].labels:
        return pretrain_on(config, bank, how, feed, (train, held))
    known = torch.from_numpy(np.asarray(labels, dtype=np.int64))
    asked = train[::ASKED]
    train = sorted(set(train) - set(asked))
    done = pretrain_on(config, bank, how, feed, (train, held), known)
    start = placed(at_its_start(config, len(train)), how.fabric)
    named = [
        labels_named(net.encoder, feed, (train, asked), known, config, how.fabric)
        for net in (start, done.net)
    ]
    return replace(done, named=(named[0], named[1]))


def at_its_start(config: ComparisonConfig, images: int) -> Any:
    """The method's network before its first step, for so many training images."""
    seed_everything(config.seed, "initialise", config.method)
    return METHODS[config.method].network(config, images)


def pretrain_on(
    config: ComparisonConfig,
    bank: Images,
    how: How,
    feed: Feed,
    parts: tuple[list[int], list[int]],
    labels: Tensor | None = None,
) -> Learned:
    """Pretrain on the first part of the feed's rows, and measure on the second."""
    train, held = parts
    if len(train) < config.batch:
        raise DataError(
            f"{bank.name}: {len(train)} images to train on are too few for batches of "
            f"{config.batch}; lower the batch"
        )
    method, history = METHODS[config.method], History()
    net: Any = placed(across_ranks(at_its_start(config, len(train))), how.fabric)
    before = image_retrieval(net.encoder, feed, held, config, how.fabric)
    stage = ComparisonStage(config, net, feed, train, labels)
    if method.trains:
        history = how.fit(config, stage, Plan.of(config), bank.fingerprint)
    after = image_retrieval(net.encoder, feed, held, config, how.fabric)
    spread = [float(value) for value in stage.spread]
    return Learned(net, history, before, after, len(held), spread=spread)


def _check(config: ComparisonConfig, bank: Bank, labels: np.ndarray | None) -> None:
    if bank.images.shape[1] != config.channels:
        raise DataError(
            f"{bank.name}: images have {bank.images.shape[1]} channel(s), "
            f"{config.modality} needs {config.channels}"
        )
    if METHODS[config.method].labels and (labels is None or len(labels) != len(bank.images)):
        count = 0 if labels is None else len(labels)
        raise DataError(
            f"{bank.name}: {config.method} needs a label for each of {len(bank.images)} images, "
            f"{count} given"
        )


def make(run: ComparisonConfig, how: How) -> Made:
    """The encoder alone is kept, as ``encoder.*``: heads, queues and teachers did their work."""
    bank = pretraining_bank(run.data, run.modality)
    labels = grades(run.data, bank) if METHODS[run.method].labels else None
    return compared(run, pretrain_comparison(run, bank, how, labels), data_line(bank))


def compared(run: ComparisonConfig, done: Learned, data: dict[str, Any]) -> Made:
    """What came out of a comparison method's training on ``data``."""
    method = METHODS[run.method]
    totals = [sum(row) for row in done.history.rows]
    gain = late_gain(totals) if totals else 0.0
    fields = {
        "title": method.title,
        "images_seen": run.steps * run.batch if method.trains else 0,
        **done.fields(),
        "spread": binned(np.asarray(done.spread)),
        "late_gain": round(gain, 5),
    }
    fields["trained"] = far_enough({"config": run.model_dump(), **fields})
    weights = checkpoint.prefixed("encoder", done.net.encoder.state_dict())
    return Made(weights, data, done.history.seconds, fields)
