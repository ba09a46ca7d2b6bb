"""What a run would cost, without its data: operations and memory counted on one small step."""

import math
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ldl.data.manifest import collection_named, task_members
from ldl.losses.dice import dice_loss
from ldl.methods import COMPARISONS, METHODS
from ldl.models.segmentation import SegmentationNet
from ldl.models.vgg import Encoder
from ldl.rng import numpy_generator, seed_everything
from ldl.runs.base import Run
from ldl.runs.pretrain import ComparisonConfig, PretrainConfig
from ldl.runs.transfer import TransferConfig
from ldl.tasks import CHANNELS, task_named
from ldl.train.comparison import ComparisonStage
from ldl.train.device import fabric_for
from ldl.train.feed import Feed
from ldl.train.pretrain import PretrainStage
from ldl.train.transfer import take_fraction

# Sides at which a step is counted. What grows between them, grows with the area and the batch.
SIDES, BATCH = (64, 96), 8
# A weight, its gradient and Adam's two means, in bytes of float32.
_BYTES_A_WEIGHT = 16


@dataclass(frozen=True)
class Estimate:
    """Of one run.

    Attributes:
        updates: of the optimizer.
        flop: of all updates, forward and backward; a multiplication and the addition after it are
            two.
        memory: bytes of weights, optimizer and what a step keeps for its backward pass, float32.
    """

    updates: int
    flop: float
    memory: float


def estimate(run: Run) -> Estimate | None:
    """The cost of ``run``; None for kinds that are not counted: shape, CT, localization."""
    if type(run) is TransferConfig:
        return _transfer(run)
    if type(run) is PretrainConfig or type(run) is ComparisonConfig:
        return _pretraining(run)
    return None


def noise_stage(
    config: PretrainConfig | ComparisonConfig, images: int
) -> ComparisonStage | PretrainStage:
    """A training ready for its first step, on so many images of noise."""
    seed_everything(config.seed, "cost", config.method)
    shape = (images, config.channels, config.data.size, config.data.size)
    noise = numpy_generator(config.seed, "cost").integers(0, 256, shape, dtype=np.uint8)
    feed, rows = Feed(noise, torch.device("cpu")), list(range(images))
    if isinstance(config, ComparisonConfig):
        net = COMPARISONS[config.method].network(config, images)
        return ComparisonStage(config, net, feed, rows, torch.zeros(images, dtype=torch.int64))
    return PretrainStage(config, METHODS[config.method].network(config), feed, rows)


def small_stage(
    config: PretrainConfig | ComparisonConfig, side: int = SIDES[0]
) -> ComparisonStage | PretrainStage:
    """A training like ``config``, as wide, at ``side`` pixels, before its first step."""
    data = config.data.model_copy(update={"size": side})
    small: dict[str, Any] = {"crop": side, "data": data, "scale": "whole"}
    if isinstance(config, ComparisonConfig):
        small["batch"] = BATCH
    return noise_stage(config.model_copy(update=small), 4 * BATCH)


def _pretraining(config: PretrainConfig | ComparisonConfig) -> Estimate:
    if isinstance(config, ComparisonConfig) and not COMPARISONS[config.method].trains:
        return Estimate(0, 0.0, 0.0)
    batch = config.batch / BATCH if isinstance(config, ComparisonConfig) else 1.0
    stages = {side: small_stage(config, side) for side in SIDES}
    flop, kept = _extrapolated(
        {
            side: counted(lambda stage=stage: stage.losses(stage.net).values())
            for side, stage in stages.items()
        },
        config.crop,
        batch,
    )
    return Estimate(config.steps, flop * config.steps, _memory(stages[SIDES[0]].net, kept))


def _transfer(config: TransferConfig) -> Estimate:
    channels = CHANNELS[task_named(config.task).modality]
    side = config.crop or config.data.size
    batches = math.ceil(_training_images(config) / config.batch_size)
    updates = batches * (config.frozen_epochs + config.full_epochs)
    net = SegmentationNet(config.base, channels, config.border)

    def losses(small: int) -> list[Tensor]:
        images = torch.zeros(config.batch_size, channels, small, small)
        return [dice_loss(net(images), torch.ones(config.batch_size, 1, small, small))]

    sides = {small: counted(lambda small=small: losses(small)) for small in SIDES}
    flop, kept = _extrapolated(sides, side)
    # A frozen encoder has no backward pass, about two thirds of a network that is half encoder.
    share = (config.full_epochs + config.frozen_epochs * 2 / 3) * batches
    return Estimate(updates, flop * share, _memory(net, kept))


def _extrapolated(
    counted: dict[int, tuple[int, int]], side: int, batch: float = 1.0
) -> tuple[float, float]:
    """Operations and bytes at ``side``: a constant, and what grows with the area and the batch."""
    (small, few), (large, many) = sorted(counted.items())
    slopes = [(b - a) / (large**2 - small**2) for a, b in zip(few, many, strict=True)]
    flop, kept = (
        a - slope * small**2 + slope * side**2 * batch for a, slope in zip(few, slopes, strict=True)
    )
    return flop, kept


def _training_images(config: TransferConfig) -> int:
    if config.data.source == "phantom":
        count = config.data.train - config.data.train // 5
    else:
        members = task_members(*collection_named(config.task))
        count = sum(one.split == "train" for one in members)
    return len(take_fraction(list(range(count)), config.label_fraction))


def counted(losses: Any) -> tuple[int, int]:
    """Operations of a step, and bytes it keeps between its two passes.

    Args:
        losses: a function without arguments that makes the step's losses.
    """
    kept: Counter[int] = Counter()

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = max(kept[storage.data_ptr()], storage.nbytes())
        return tensor

    counter = FlopCounterMode(display=False)
    # Attention is counted where it is two matrix products; the CPU's fused form is not.
    hooks = torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor)
    with counter, sdpa_kernel(SDPBackend.MATH), hooks:
        torch.stack(list(losses())).sum().backward()
    return counter.get_total_flops(), sum(kept.values())


def _memory(net: nn.Module, kept: float) -> float:
    return _BYTES_A_WEIGHT * sum(weight.numel() for weight in net.parameters()) + kept


def measured_rate(device: str = "auto", *, base: int = 16, seconds: float = 2.0) -> float:
    """Flop a second of a VGG16 of that width, forward and backward, on this machine's device."""
    fabric = fabric_for(device)
    side = 448 if fabric.device.type == "cuda" else 128
    net = Encoder(base).to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    model = fabric.setup_module(net)
    images = torch.randn(8, 3, side, side, device=fabric.device)

    def step() -> float:
        loss: Tensor = model(images)[-1].float().square().mean()
        fabric.backward(loss)
        return float(loss.detach())

    counter = FlopCounterMode(display=False)
    with counter:
        step()
    start, done = time.monotonic(), 0
    while time.monotonic() - start < seconds or not done:
        step()
        done += 1
    return counter.get_total_flops() * done / (time.monotonic() - start)


@dataclass(frozen=True)
class Total:
    """All runs of one name: a method's pretrainings, or its transfers."""

    name: str
    runs: int
    updates: int
    flop: float
    memory: float
    uncounted: int

    def hours(self, rate: float) -> float:
        """At so many flop a second."""
        return self.flop / rate / 3600


def totals(runs: Iterable[Run]) -> list[Total]:
    """Runs by kind and method, each kind of cost counted once."""
    found: dict[str, list[Estimate | None]] = {}
    known: dict[str, Estimate | None] = {}
    for run in runs:
        fields = {name: value for name, value in run if name not in ("seed", "encoder", "step1")}
        key = f"{type(run).__name__} {fields}"
        if key not in known:
            known[key] = estimate(run)
        parts = [run.kind, getattr(run, "method", ""), getattr(run, "modality", "")]
        name = run.kind if type(run) is TransferConfig else " ".join(filter(None, parts))
        found.setdefault(name, []).append(known[key])
    lines = []
    for name, each in sorted(found.items()):
        counted = [one for one in each if one]
        lines.append(
            Total(
                name,
                len(each),
                sum(one.updates for one in counted),
                sum(one.flop for one in counted),
                max((one.memory for one in counted), default=0.0),
                len(each) - len(counted),
            )
        )
    return lines
