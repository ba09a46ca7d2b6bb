"""How long a pretraining step takes, part by part, and how much memory it needs.

    python -m benchmarks.pretrain_step
    python -m benchmarks.pretrain_step --size 96 --base 8 --threads 1
    python -m benchmarks.pretrain_step --naive

The step is the one of a training: views from a bank's bytes, network, losses, gradients, Adam.
"""

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks import naive
from benchmarks.measure import Stopwatch, count_step, peak_mib, resident_mib
from ldl.config import DataConfig
from ldl.data.views import ViewPair, draw_views
from ldl.methods import METHODS
from ldl.rng import seed_everything
from ldl.runs.pretrain import PretrainConfig
from ldl.train.device import Feed, device_name, fabric_for
from ldl.train.pretrain import PretrainStage

PARTS = ("data", "forward", "loss", "backward", "optimizer")
# Images of a bank are larger than the views cut from them, as 512 is to 448 in the paper.
MARGIN = 512 / 448


@dataclass(frozen=True)
class Result:
    """The fastest of the measured steps, and what it took."""

    device: str
    setting: str
    images: int
    seconds: float
    parts: dict[str, float]
    median_seconds: float
    cpu_seconds: float
    gigaflop: float
    kept_mib: float
    before_mib: float
    peak_mib: float

    @property
    def images_a_second(self) -> float:
        """Images through the network a second: two views of each, and one mixed image a pair."""
        return self.images / self.seconds


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--size", type=int, default=128, help="side of the views in pixels")
    parser.add_argument("--base", type=int, default=16, help="channels of the first stage")
    parser.add_argument("--groups", type=int, default=4, help="data groups, 5 images each")
    parser.add_argument("--clusters", type=int, default=16)
    parser.add_argument("--grid", type=int, default=8, help="patches a side")
    parser.add_argument(
        "--method",
        choices=[name for name, one in METHODS.items() if not one.compared],
        default="rd",
    )
    parser.add_argument("--formulation", choices=["released", "paper"], default="released")
    parser.add_argument("--naive", action="store_true", help="the losses as the equations read")
    parser.add_argument(
        "--alone", action="store_true", help="the network, the mean of its maps its loss"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="cpu, cuda or auto")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=8)
    parser.add_argument("--json", action="store_true", help="print the numbers for a program")
    return parser.parse_args(arguments)


def config_of(options: argparse.Namespace) -> PretrainConfig:
    """The pretraining whose step is measured."""
    side = int(np.ceil(options.size * MARGIN / 16)) * 16
    fields: dict[str, Any] = {
        "modality": "fundus",
        "data": DataConfig(source="phantom", size=side),
        "base": options.base,
        "steps": 1,
        "crop": options.size,
        "halve_every": 1,
        "patch_grid": options.grid,
        "groups": options.groups,
        "formulation": options.formulation,
    }
    if options.method != "rd":
        return PretrainConfig(method=options.method, **fields)
    below = PretrainConfig(method="pd+mix", **fields)
    return PretrainConfig(method="rd", clusters=options.clusters, step1=below, **fields)


class Timed(nn.Module):
    """A network whose forward pass is timed apart from the losses made of it."""

    def __init__(self, model: nn.Module, watch: Stopwatch) -> None:
        super().__init__()
        self.model, self.watch = model, watch

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        with self.watch.part("forward"):
            answer: tuple[Tensor, Tensor | None] = self.model(images)
        return answer


class Bench:
    """A training ready to take steps on noise images."""

    def __init__(
        self,
        config: PretrainConfig,
        device: str,
        layout: torch.memory_format = torch.channels_last,
        alone: bool = False,
    ) -> None:
        self.config, self.fabric, self.alone = config, fabric_for(device), alone
        seed_everything(config.seed, "benchmark")
        net = METHODS[config.method].network(config)
        net.to(memory_format=layout)  # type: ignore[call-overload]
        count, side = 4 * config.groups, config.data.size
        noise = np.random.default_rng(0).integers(0, 256, (count, 3, side, side), dtype=np.uint8)
        adam = torch.optim.Adam(net.parameters(), lr=config.learning_rate)
        self.model, self.optimizer = self.fabric.setup(net, adam)
        feed = Feed(noise, self.fabric.device)
        self.stage = PretrainStage(config, net, feed, list(range(count)))

    def step(self) -> tuple[float, float, dict[str, float]]:
        """Take one step; its seconds, those of all processor cores, and those of its parts."""
        watch, stage = Stopwatch(self.fabric.device), self.stage
        start, busy = watch.now(), time.process_time()
        with watch.part("data"):
            images = stage.feed[stage.sampler.draw()]
            views = draw_views(images, self.config.crop, self.config.symmetries, stage.generator)
        with watch.part("loss"):
            timed = Timed(self.model, watch)
            if self.alone:
                losses = of_maps(timed, views)
            else:
                losses = stage.method.losses(timed, views, self.config, stage.generator)
            total = torch.stack(list(losses.values())).sum()
        with watch.part("backward"):
            self.optimizer.zero_grad()
            self.fabric.backward(total)
        with watch.part("optimizer"):
            self.optimizer.step()
        seconds, busy = watch.now() - start, time.process_time() - busy
        watch.seconds["loss"] -= watch.seconds["forward"]
        return seconds, busy, {name: watch.seconds[name] for name in PARTS}


def of_maps(net: nn.Module, views: ViewPair) -> dict[str, Tensor]:
    """No loss to speak of, on as many images as a step with mixtures has."""
    mixed = views.first[: len(views.first) // 2]
    maps = net(torch.cat([views.first, views.second, mixed]))
    return {str(number): each.mean() for number, each in enumerate(maps) if each is not None}


@contextmanager
def formulated(naively: bool) -> Iterator[None]:
    """The losses as the equations read where ``naively``."""
    with ExitStack() as stack:
        for name, function in naive.INSTEAD.items() if naively else ():
            stack.enter_context(patch(name, function))
        yield


def run(options: argparse.Namespace) -> Result:
    """Measure as the command line says."""
    torch.set_num_threads(options.threads)
    config = config_of(options)
    layout = naive.LAYOUT if options.naive else torch.channels_last
    with formulated(options.naive):
        bench = Bench(config, options.device, layout, options.alone)
        before = resident_mib()
        for _ in range(options.warmup):
            bench.step()
        steps = [bench.step() for _ in range(options.repeats)]
        # The counters hold on to tensors, so they come after the peak has been read.
        peak = peak_mib(bench.fabric.device)
        gigaflop, kept = count_step(bench.step)
    seconds, _, parts = min(steps, key=lambda step: step[0])
    losses_are = "as the equations read" if options.naive else "ours"
    return Result(
        device=device_name(bench.fabric),
        setting=f"{config.method}, {options.size} px, base {options.base}, "
        f"{options.groups} groups, {config.clusters} clusters ({losses_are})",
        images=5 * options.groups if config.method != "pd" else 4 * options.groups,
        seconds=seconds,
        parts=parts,
        median_seconds=float(np.median([total for total, *_ in steps])),
        cpu_seconds=min(busy for _, busy, _ in steps),
        gigaflop=gigaflop,
        kept_mib=kept,
        before_mib=before,
        peak_mib=peak,
    )


def table(result: Result) -> str:
    """The numbers for a reader."""
    lines = [result.setting, f"on {result.device}", ""]
    lines.append(f"{'part':<12}{'seconds':>9}{'share':>8}")
    for name, seconds in result.parts.items():
        lines.append(f"{name:<12}{seconds:>9.3f}{seconds / result.seconds:>8.0%}")
    lines.append(f"{'step':<12}{result.seconds:>9.3f}{1:>8.0%}")
    rate = result.gigaflop / result.seconds
    lines += [
        "",
        f"fastest of the steps; their median {result.median_seconds:.3f} s; "
        f"{result.cpu_seconds:.3f} s of processor time in the least",
        f"{result.images} images a step, {result.images_a_second:.1f} images a second",
        f"{result.gigaflop:.1f} GFLOP a step, {rate:.0f} GFLOP a second",
        f"{result.kept_mib:.0f} MiB of tensors kept for the backward pass",
        f"{result.peak_mib:.0f} MiB at the peak, {result.before_mib:.0f} MiB before the first step",
    ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    options = parse(arguments)
    result = run(options)
    numbers = {**asdict(result), "images_a_second": result.images_a_second}
    print(json.dumps(numbers) if options.json else table(result))


if __name__ == "__main__":
    main()
