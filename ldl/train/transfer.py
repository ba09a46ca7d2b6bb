"""Transfer of an encoder to a segmentation task, in two phases (LDL section 6.1.2)."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ldl.data.bank import Bank
from ldl.data.colour import normalise, to_float
from ldl.data.prepare import task_bank
from ldl.data.views import draw_labelled
from ldl.errors import DataError
from ldl.losses.dice import dice_loss
from ldl.metrics import dsc
from ldl.models.segmentation import SegmentationNet
from ldl.rng import generator, seed_everything
from ldl.runs.transfer import TransferConfig, taken
from ldl.train import checkpoint
from ldl.train.device import Feed, placed
from ldl.train.loop import BestStage, History, Plan
from ldl.train.made import How, Made, Weights, curves

THRESHOLD = 0.5
TEST_BATCH = 8


@dataclass(frozen=True)
class Transferred:
    """A trained segmentation network, its history and what it scores on the test images."""

    net: SegmentationNet
    histories: dict[str, History]
    validation: dict[str, float]
    test_ids: list[str]
    scores: np.ndarray


class TransferStage(BestStage):
    """One phase: everything is trained, or all but the encoder, which then stays in eval mode."""

    net: SegmentationNet

    def __init__(
        self, config: TransferConfig, net: SegmentationNet, data: "TaskFeed", frozen: bool
    ) -> None:
        draw = generator(config.seed, "transfer", "frozen" if frozen else "full")
        super().__init__(net, data.train, config.batch_size, draw, whole=True)
        self.config, self.data, self.frozen = config, data, frozen
        self.steps_per_epoch = math.ceil(len(data.train) / config.batch_size)
        self.steps = self.steps_per_epoch * (config.frozen_epochs if frozen else config.full_epochs)
        self.best_loss = torch.tensor(math.inf, dtype=torch.float64)
        self.keep()
        self.training_mode()

    def training_mode(self) -> None:
        """Frozen means no gradient and no change of the running statistics."""
        self.net.train()
        self.net.encoder.train(not self.frozen)
        self.net.encoder.requires_grad_(not self.frozen)

    def losses(self, model: nn.Module) -> dict[str, Tensor]:
        """Dice loss (Eq. 30) of the next augmented batch."""
        images, masks = self.data.batch(self.sampler.draw())
        images, masks = draw_labelled(images, masks, self.generator, self.config.crop)
        return {"dice": classes_dice(model(images), masks)}

    def after_step(self, model: nn.Module, step: int) -> None:
        """After each epoch to be looked at: keep the weights if validation was never better."""
        epoch, within = divmod(step, self.steps_per_epoch)
        if within or (epoch % self.config.validate_every and step != self.steps):
            return
        loss = validation_loss(model, self.data, self.config.batch_size)
        self.training_mode()
        if loss < float(self.best_loss):
            self.best_loss = torch.tensor(loss, dtype=torch.float64)
            self.keep()

    def state(self) -> dict[str, Tensor]:
        return {**super().state(), "best_loss": self.best_loss}

    def restore(self, state: dict[str, Tensor]) -> None:
        super().restore(state)
        self.best_loss = state["best_loss"]


class TaskFeed:
    """A task's images and masks on the device, and its row numbers by split."""

    def __init__(self, bank: Bank, fraction: float, device: torch.device) -> None:
        self.bank = bank
        self.images, self.masks = Feed(bank.images, device), Feed(bank.masks, device)
        self.train = take_fraction(bank.rows("train"), fraction)
        self.validation = take_fraction(bank.rows("validation"), fraction)
        self.test = bank.rows("test")
        for split in ("train", "validation", "test"):
            if not getattr(self, split):
                raise DataError(f"{bank.name}: no {split} images; check its split list")

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, H, W) and (B, H, W) uint8 of the given rows."""
        return self.images[rows], self.masks[rows]


def planes(masks: Tensor, classes: int) -> Tensor:
    """(B, 1, H, W) masks whose bit k says class k -> (B, K, H, W) float in {0, 1}."""
    if classes == 1:
        return masks
    bits = 2 ** torch.arange(classes, device=masks.device).view(1, -1, 1, 1)
    return (masks.long() & bits).ne(0).float()


def classes_dice(prediction: Tensor, masks: Tensor) -> Tensor:
    """Dice loss (Eq. 30), mean over the classes: (B, K, H, W) and (B, 1, H, W) with K bits."""
    count = prediction.shape[1]
    pairs = zip(prediction.unbind(1), planes(masks, count).unbind(1), strict=True)
    return torch.stack([dice_loss(one, truth) for one, truth in pairs]).mean()


def take_fraction(rows: list[int], fraction: float) -> list[int]:
    """The first ``fraction`` of the list, see `ldl.runs.transfer.taken`."""
    return rows[: taken(len(rows), fraction)]


@torch.no_grad()
def predict(net: nn.Module, feed: Feed, rows: list[int], batch: int) -> Tensor:
    """Probabilities (len(rows), K, H, W) float32 on the CPU, in eval mode, no augmentation."""
    net.eval()
    parts = [
        net(normalise(to_float(feed[torch.tensor(rows[start : start + batch])]))).float()
        for start in range(0, len(rows), batch)
    ]
    return torch.cat(parts).cpu()


def validation_loss(net: nn.Module, data: TaskFeed, batch: int) -> float:
    """Mean Dice loss over the batches of the validation images."""
    probability = predict(net, data.images, data.validation, batch)
    masks = torch.from_numpy(np.ascontiguousarray(data.bank.masks[data.validation])).float()
    pairs = zip(probability.split(batch), masks.split(batch), strict=True)
    losses = [float(classes_dice(part, truth[:, None])) for part, truth in pairs]
    return sum(losses) / len(losses)


def phases(config: TransferConfig) -> list[tuple[str, bool]]:
    """Name and whether the encoder is frozen; a phase of no epochs is left out."""
    return [("frozen", True), ("full", False)] if config.frozen_epochs else [("full", False)]


def transfer(
    config: TransferConfig, bank: Bank, how: How, encoder: Weights | None = None
) -> Transferred:
    """Train on the task's training images, choose by validation, score the test images.

    Each phase has a fresh Adam and ends with the weights of its best epoch by validation loss;
    the second phase starts from them.

    Args:
        bank: labelled images.
        encoder: weights for the encoder; None is a start from scratch.
    """
    seed_everything(config.seed, "initialise", "transfer")
    net = SegmentationNet(config.base, bank.images.shape[1], config.border, config.classes)
    if encoder is not None:
        net.encoder.load_state_dict(encoder)
    placed(net, how.fabric)
    data = TaskFeed(bank, config.label_fraction, how.fabric.device)
    histories, validation = {}, {}
    for name, frozen in phases(config):
        stage = TransferStage(config, net, data, frozen)
        plan = Plan(stage.steps, config.learning_rate)
        histories[name] = how.fit(config, stage, plan, bank.fingerprint, name)
        net.load_state_dict(stage.best)
        validation[name] = float(stage.best_loss)
    predicted = predict(net, data.images, data.test, TEST_BATCH) > THRESHOLD
    truth = planes(torch.from_numpy(np.array(bank.masks[data.test]))[:, None], config.classes)
    scores = np.stack(
        [dsc(predicted[:, k].numpy(), truth[:, k].numpy()) for k in range(config.classes)]
    ).mean(axis=0)
    return Transferred(net, histories, validation, [bank.ids[row] for row in data.test], scores)


def make(run: TransferConfig, how: How) -> Made:
    """The scores of every test image; it starts from the encoder's part of what is before it."""
    before = how.before(run.encoder)
    bank = task_bank(run.data, run.task)
    done = transfer(run, bank, how, None if before is None else checkpoint.under("encoder", before))
    counts = {split: bank.splits.count(split) for split in ("train", "validation", "test")}
    data = {"name": bank.name, "fingerprint": bank.fingerprint, **counts}
    fields = {
        "losses": {name: curves(history) for name, history in done.histories.items()},
        "updates": sum(len(history.rows) for history in done.histories.values()),
        "validation_loss": {name: round(v, 6) for name, v in done.validation.items()},
        "test_ids": done.test_ids,
        "dsc": [round(float(score), 6) for score in done.scores],
    }
    seconds = sum(history.seconds for history in done.histories.values())
    return Made(done.net.state_dict(), data, seconds, fields)
