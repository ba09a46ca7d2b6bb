"""What a run would cost, without its data: operations and memory counted on one step."""

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from ldl.data.manifest import collection_named, task_members
from ldl.methods import METHODS
from ldl.methods.synthesis import SynthesisNet
from ldl.models.backbones import Encoder
from ldl.models.discriminator import discriminator
from ldl.models.organ_net import LocalUNet, OrganNet
from ldl.models.segmentation import SegmentationNet, TargetNet
from ldl.rng import numpy_generator, seed_everything
from ldl.runs.base import Run, Work
from ldl.runs.lrc import LocalRegionConfig, OrganConfig
from ldl.runs.pretrain import BorderName, ComparisonConfig, PretrainConfig
from ldl.runs.shape import GuideConfig, ShapeConfig
from ldl.runs.transfer import TransferConfig
from ldl.tasks import CHANNELS, task_named
from ldl.train.comparison import ComparisonStage
from ldl.train.device import Feed, fabric_for
from ldl.train.pretrain import PretrainStage

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
    """The cost of ``run``, all updates; None for a search, which trains nothing.

    Counted at full size on tensors without values, so that it costs next to nothing itself.
    """
    with torch.device("meta"):
        if isinstance(run, TransferConfig):
            return _transfer(run)
        if isinstance(run, PretrainConfig | ComparisonConfig):
            return _pretraining(run)
        if isinstance(run, LocalRegionConfig):
            return _trained(LocalUNet(run.base, 1, run.features, run.border), 1, *run.work())
        if isinstance(run, OrganConfig):
            # Of one organ: the last 1x1 convolution is little beside the branches.
            net = OrganNet(run.backbone, run.base, 1, run.local_base, 1, run.features, run.border)
            return _trained(net, 1, *run.work())
        if isinstance(run, GuideConfig):
            return _guide(run)
        if isinstance(run, ShapeConfig):
            return _shape(run)
    return None


def noise_stage(
    config: PretrainConfig | ComparisonConfig, images: int, device: str = "cpu"
) -> ComparisonStage | PretrainStage:
    """A training ready for its first step, on so many images of noise, or of no values ("meta")."""
    seed_everything(config.seed, "cost", config.method)
    shape = (images, config.channels, config.data.size, config.data.size)
    noise = np.broadcast_to(np.uint8(0), shape)
    if device != "meta":
        noise = numpy_generator(config.seed, "cost").integers(0, 256, shape, dtype=np.uint8)
    feed, rows = Feed(noise, torch.device(device)), list(range(images))
    with torch.device(device):
        net = METHODS[config.method].network(config, images)
    if isinstance(config, ComparisonConfig):
        labels = torch.zeros(images, dtype=torch.int64)
        return ComparisonStage(config, net, feed, rows, labels)
    return PretrainStage(config, net, feed, rows)


def _pretraining(config: PretrainConfig | ComparisonConfig) -> Estimate:
    if not METHODS[config.method].trains:
        return Estimate(0, 0.0, 0.0)
    batch = config.batch if isinstance(config, ComparisonConfig) else 2 * config.groups
    with torch.device("cpu"):
        stage = noise_stage(config, batch, "meta")
        try:
            flop, kept = counted(lambda: stage.losses(stage.net).values())
        except NotImplementedError:
            # Lightly's NT-Xent picks by a mask, which has no size without values: both views alone.
            views = torch.zeros(2 * batch, config.channels, config.crop, config.crop, device="meta")
            flop, kept = counted(lambda: [stage.net(views).square().mean()])
    return Estimate(config.steps, float(flop) * config.steps, _memory(stage.net, kept))


def _transfer(config: TransferConfig) -> Estimate:
    channels, (one,) = CHANNELS[task_named(config.task).modality], config.work()
    step = _segmentation(config.base, channels, config.border, one._replace(updates=1))
    updates = config.updates(_training_images(config))
    # A frozen encoder has no backward pass, about two thirds of a network that is half encoder.
    share = 1 - config.frozen_epochs / (config.frozen_epochs + config.full_epochs) / 3
    return replace(step, updates=updates, flop=step.flop * updates * share)


@cache
def _segmentation(base: int, channels: int, border: BorderName, work: Work) -> Estimate:
    """The same for all tasks of a size."""
    return _trained(SegmentationNet(base, channels, border), channels, work)


def _guide(config: GuideConfig) -> Estimate:
    """Region discrimination, and the judge on its targets, then on these and as many references."""
    region = _pretraining(config.region)
    judge = discriminator(config.judge_base, config.judge)
    masks = 3 * 4 * config.region.groups
    beside = _network(judge, [(masks, 1)], config.region.crop, region.updates)
    return Estimate(region.updates, region.flop + beside.flop, region.memory + beside.memory)


def _shape(config: ShapeConfig) -> Estimate:
    """A segmentation network on pseudo labels, or a translation between images and masks."""
    if config.refine and config.guide:
        return _trained(TargetNet(config.guide.region.base), 3, *config.work())
    if not config.synthesis:
        return Estimate(0, 0.0, 0.0)
    one = config.synthesis
    net = SynthesisNet(one, joint=not one.segment_steps)
    translated = _network(net, [(one.batch, 1), (one.batch, 3)], one.crop, one.steps)
    # Each judge sees what was translated, then that and what is real.
    judged = [
        _network(judge, [(3 * one.batch, channels)], one.crop, one.steps)
        for judge, channels in ((net.judges["image"], 3), (net.judges["mask"], 1))
    ]
    works = config.work()
    segmented = [_trained(TargetNet(one.segment_base), 3, work) for work in works[1:]]
    together = [translated, *judged]
    return Estimate(
        sum(work.updates for work in works),
        sum(part.flop for part in [*together, *segmented]),
        max(sum(part.memory for part in together), *(part.memory for part in segmented), 0.0),
    )


def _trained(net: nn.Module, channels: int, work: Work) -> Estimate:
    """Of ``net`` on images of so many channels."""
    return _network(net, [(work.images, channels)], work.side, work.updates)


def _network(net: nn.Module, inputs: list[tuple[int, int]], side: int, updates: int) -> Estimate:
    """Updates of ``net`` alone, on (images, channels) maps of that side; losses are little."""

    def losses() -> list[Tensor]:
        out = net(*(torch.zeros(count, channels, side, side) for count, channels in inputs))
        return [one.float().square().mean() for one in tree_leaves(out)]

    flop, kept = counted(losses)
    return Estimate(updates, float(flop) * updates, _memory(net, kept))


def _training_images(config: TransferConfig) -> int:
    if config.data.source == "phantom":
        return config.data.train - config.data.train // 5
    members = task_members(*collection_named(config.task))
    return sum(one.split == "train" for one in members)


def counted(losses: Any) -> tuple[int, int]:
    """Operations of a step, and bytes it keeps between its two passes.

    Args:
        losses: a function without arguments that makes the step's losses.
    """
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage._cdata] = storage.nbytes()
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


def estimates(runs: Iterable[Run]) -> list[tuple[Run, Estimate | None]]:
    """Each run with its cost; runs that differ by seed or what they start from are counted once."""
    known: dict[str, Estimate | None] = {}
    started = ("seed", "encoder", "local", "second", "step1")
    found = []
    for run in runs:
        fields = {name: value for name, value in run if name not in started}
        key = f"{type(run).__name__} {fields}"
        if key not in known:
            known[key] = estimate(run)
        found.append((run, known[key]))
    return found


def totals(costs: Iterable[tuple[Run, Estimate | None]]) -> pd.DataFrame:
    """By kind and method: runs, those that were counted, updates, flop, and the most memory."""
    lines = []
    for run, cost in costs:
        parts = [run.kind, getattr(run, "method", ""), getattr(run, "modality", "")]
        name = run.kind if type(run) is TransferConfig else " ".join(filter(None, parts))
        nothing = {"updates": 0, "flop": np.nan, "memory": np.nan}
        lines.append({"name": name, **(asdict(cost) if cost else nothing)})
    return (
        pd.DataFrame(lines, columns=["name", "updates", "flop", "memory"])
        .groupby("name")
        .agg(runs=("name", "size"), counted=("flop", "count"), updates=("updates", "sum"),
             flop=("flop", "sum"), memory=("memory", "max"))
    )  # fmt: skip
