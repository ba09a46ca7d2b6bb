"""A training step on CUDA: are its numbers those of the CPU, does it wait, and how fast is it?

    python -m benchmarks.gpu                     # the paper's setting, in less than ten minutes
    python -m benchmarks.gpu --device cpu --size 32 --base 2 --groups 1 --repeats 1

Three parts. *Numbers*: loss and gradient of one step on the device, in float32 and bf16, against
the CPU's. *Waiting*: a step during which CUDA refuses every synchronisation. *Time*: steps of the
paper's setting (448 px, tiny, 20 images) from a bank that lies on the device, for each way of
running them, the median of many. The last line is JSON.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks import pretrain_step
from benchmarks.measure import MIB, Stopwatch
from ldl.methods import METHODS
from ldl.rng import numpy_generator, seed_everything
from ldl.runs.pretrain import PretrainConfig
from ldl.train.device import Feed, device_name, fabric_for
from ldl.train.loop import Plan
from ldl.train.pretrain import PretrainStage

# A step at the paper's setting is to take this long; bandwidth bounds it to about four.
TARGET_MS = 10.0
STEPS_OF_A_RUN = 100_000


@dataclass(frozen=True)
class Way:
    """How a step is run: precision, memory layout, and what is compiled."""

    name: str
    precision: Any
    layout: torch.memory_format = torch.channels_last
    compiled: str = ""


WAYS = (
    Way("float32", "32-true", torch.contiguous_format),
    Way("float32, channels last", "32-true"),
    Way("bf16", "bf16-mixed", torch.contiguous_format),
    Way("bf16, channels last (as trained)", "bf16-mixed"),
    Way("bf16, compiled", "bf16-mixed", compiled="default"),
    Way("bf16, compiled, CUDA graphs", "bf16-mixed", compiled="reduce-overhead"),
)


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda, or cpu to try the script")
    parser.add_argument("--size", type=int, default=448)
    parser.add_argument("--base", type=int, default=16)
    parser.add_argument("--groups", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=50, help="steps that are timed")
    parser.add_argument("--minutes", type=float, default=8.0, help="begin no way after these")
    return parser.parse_args(arguments)


def config_of(options: argparse.Namespace, method: str, **changes: int) -> PretrainConfig:
    """The step that `benchmarks.pretrain_step` measures, of the sizes asked for."""
    given = vars(pretrain_step.parse([])) | vars(options) | {"method": method} | changes
    return pretrain_step.config_of(argparse.Namespace(**given))


class Training:
    """One way of running a training on noise, its bank on the device."""

    def __init__(self, config: PretrainConfig, way: Way, device: str) -> None:
        self.config, self.fabric = config, fabric_for(device, way.precision)
        seed_everything(config.seed, "benchmark")
        net: nn.Module = METHODS[config.method].network(config)
        net.to(memory_format=way.layout)  # type: ignore[call-overload]
        count, side = 4 * config.groups, config.data.size
        noise = numpy_generator(0, "gpu").integers(0, 256, (count, 3, side, side), dtype=np.uint8)
        self.bare = Plan(1, config.learning_rate).build(net.parameters())
        run = torch.compile(net, mode=way.compiled) if way.compiled else net
        self.model, self.optimizer = self.fabric.setup(run, self.bare)
        self.net, feed = net, Feed(noise, self.fabric.device)
        self.stage = PretrainStage(config, net, feed, list(range(count)))

    def losses(self) -> torch.Tensor:
        """Gradients of a step; its losses."""
        losses = torch.stack(list(self.stage.losses(self.model).values()))
        self.optimizer.zero_grad()
        self.fabric.backward(losses.sum())
        return losses.detach()

    def step(self) -> None:
        """All of a step."""
        self.losses()
        self.optimizer.step()


def numbers(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Of both methods and precisions: how far loss and gradient are from the CPU's float32."""
    found = []
    for method in ("pd+mix", "rd"):
        config = config_of(options, method, size=min(options.size, 96), base=min(options.base, 8))
        expected = _first_step(config, Way("CPU", "32-true"), "cpu")
        for way in (Way("float32", "32-true"), Way("bf16", "bf16-mixed")):
            losses, gradient = _first_step(config, way, options.device)
            off = ((losses - expected[0]).abs() / expected[0].abs().clamp_min(1e-3)).max()
            along = torch.cosine_similarity(gradient, expected[1], dim=0)
            bound = (1e-3, 0.999) if way.name == "float32" else (0.1, 0.7)
            found.append(
                {
                    "method": method,
                    "precision": way.name,
                    "loss_off_by": float(off),
                    "gradient_cosine": float(along),
                    "right": bool(off < bound[0] and along > bound[1]),
                }
            )
    return found


def _first_step(config: PretrainConfig, way: Way, device: str) -> tuple[torch.Tensor, torch.Tensor]:
    training = Training(config, way, device)
    losses = training.losses()
    gradient = [part.grad.flatten() for part in training.net.parameters() if part.grad is not None]
    return losses.double().cpu(), torch.cat(gradient).double().cpu()


def waits(options: argparse.Namespace) -> str:
    """What makes a step wait for the device: an empty text, or CUDA's own words."""
    training = Training(config_of(options, "rd"), WAYS[3], options.device)
    training.step()
    if options.device != "cuda":
        return ""
    torch.cuda.set_sync_debug_mode("error")
    try:
        training.step()
    except RuntimeError as error:
        return str(error).splitlines()[0]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return ""


def timed(options: argparse.Namespace, way: Way) -> dict[str, Any]:
    """Milliseconds of a step and MiB at the peak."""
    training = Training(config_of(options, "rd"), way, options.device)
    watch = Stopwatch(training.fabric.device)
    start = watch.now()
    for _ in range(min(5, options.repeats)):
        training.step()
    warm, cuda = watch.now() - start, options.device == "cuda"
    if cuda:
        torch.cuda.reset_peak_memory_stats()
    # Ten steps a reading: a step alone would be timed with an empty queue.
    lot = min(10, options.repeats)
    readings = []
    for _ in range(max(1, options.repeats // lot)):
        start = watch.now()
        for _ in range(lot):
            training.step()
        readings.append((watch.now() - start) / lot * 1e3)
    peak = torch.cuda.max_memory_allocated() / MIB if cuda else 0.0
    median = float(np.median(readings))
    return {**asdict(way), "layout": str(way.layout), "ms": median, "warm": warm, "peak_mib": peak}


def attempt(call: Callable[[], dict[str, Any]], name: str) -> dict[str, Any]:
    """One way that this device or compiler refuses does not end the others."""
    try:
        return call()
    except Exception as error:
        return {"name": name, "failed": f"{type(error).__name__}: {error}".splitlines()[0]}


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    options, began = parse(arguments), time.monotonic()
    result: dict[str, Any] = {"device": device_name(fabric_for(options.device))}
    print(f"{result['device']}, {options.size} px, base {options.base}, {options.groups} groups")
    result["numbers"] = numbers(options)
    for one in result["numbers"]:
        print(
            f"{one['method']:<8}{one['precision']:<9} loss off by {one['loss_off_by']:.1e}, "
            f"cosine of the gradients {one['gradient_cosine']:.5f}: "
            f"{'right' if one['right'] else 'WRONG'}"
        )
    result["waits"] = waits(options)
    print(f"waits for the device: {result['waits'] or 'never'}")
    result["ways"] = []
    for way in WAYS:
        if way.compiled and options.device != "cuda":
            continue
        if time.monotonic() - began > options.minutes * 60:
            print(f"{way.name}: no time left")
            continue
        one = attempt(lambda way=way: timed(options, way), way.name)  # type: ignore[misc]
        result["ways"].append(one)
        if "failed" in one:
            print(f"{way.name:<36}{one['failed']}")
            continue
        hours = one["ms"] * STEPS_OF_A_RUN / 3.6e6
        print(
            f"{way.name:<36}{one['ms']:>9.2f} ms{one['ms'] / TARGET_MS:>8.1f} of the target"
            f"{hours:>8.2f} h a run{one['peak_mib']:>9.0f} MiB, {one['warm']:.0f} s to warm up",
            flush=True,
        )
    print(json.dumps(result))


if __name__ == "__main__":
    main()
