"""Clocks and counters that the benchmarks share."""

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.flop_counter import FlopCounterMode

MIB = 2**20


@dataclass
class Stopwatch:
    """Seconds by part; waits for an accelerator's queue before it reads the clock."""

    device: torch.device
    seconds: dict[str, float] = field(default_factory=dict)

    def now(self) -> float:
        """The time at which everything asked for so far is done."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Add what happens inside to ``name``."""
        start = self.now()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + self.now() - start


def peak_mib(device: torch.device) -> float:
    """Most memory held so far: the process on the CPU, the allocator's on an accelerator."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / MIB
    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB


def resident_mib() -> float:
    """Memory that the process holds now (0 where /proc is not there)."""
    status = Path("/proc/self/statm")
    pages = int(status.read_text().split()[1]) if status.exists() else 0
    return pages * resource.getpagesize() / MIB


def count_step(step: Callable[[], object]) -> tuple[float, float]:
    """GFLOP of a step, and MiB of tensors it keeps for the backward pass (each storage once)."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    counter = FlopCounterMode(display=False)
    with counter, saved_tensors_hooks(keep, lambda tensor: tensor):
        step()
    return counter.get_total_flops() / 1e9, sum(kept.values()) / MIB
