"""Device and precision, by Lightning Fabric."""

import ctypes
import os
import platform
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from ldl.compat import as_if_missing
from ldl.errors import ConfigError
from ldl.ranks import launched, ranks
from ldl.rng import sent

# Over a second to import, for what trains: elsewhere it is a name in signatures.
if TYPE_CHECKING:
    from lightning_fabric import Fabric
else:
    Fabric = Any

__all__ = ["Fabric", "device_name", "fabric_for", "multiplies_bf16", "placed"]

Net = TypeVar("Net", bound=nn.Module)

DEVICES = ("auto", "cpu", "cpu-bf16", "cuda")


def fabric_for(device: str = "auto", precision: Any = None) -> Fabric:
    """bf16 mixed precision on CUDA, float32 on the CPU, where bf16 is a choice: ``"cpu-bf16"``.

    Under ``torchrun`` a rank's part of one training, gradients averaged by DDP; else one process.

    Args:
        device: one of :data:`DEVICES`; ``"auto"`` is CUDA where there is one.
        precision: another than the device's, by Fabric's name.
    """
    if device not in DEVICES:
        raise ConfigError(f"device is {device!r}; use one of {', '.join(DEVICES)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device is 'cuda' but no CUDA device is visible; use 'auto' or 'cpu'")
    if device == "cpu-bf16" and not multiplies_bf16():
        raise ConfigError(
            "this CPU multiplies no bf16, which would be many times slower; use 'cpu'"
        )
    cuda = device in ("auto", "cuda") and torch.cuda.is_available()
    if not cuda:
        _keep_memory()
    half = cuda or device == "cpu-bf16"
    return _fabric(cuda, precision or ("bf16-mixed" if half else "32-true"), launched())


def multiplies_bf16() -> bool:
    """Whether this CPU has instructions for bf16, by AVX-512, AMX or on ARM."""
    has = torch.cpu.get_capabilities()
    return any(has.get(name, False) for name in ("avx512_bf16", "amx_bf16", "bf16"))


@cache
def _fabric(cuda: bool, precision: Any, many: bool) -> Fabric:
    """Kept, because each new one reads what every installed package declares: 20 ms."""
    # Fabric loads torchmetrics, and with it much of scipy, to know its version.
    with as_if_missing("torchmetrics"):
        from lightning_fabric import Fabric
    from lightning_fabric.plugins.environments import LightningEnvironment, TorchElasticEnvironment
    from lightning_fabric.strategies import DDPStrategy

    here = int(os.environ["LOCAL_WORLD_SIZE"]) if many else 1
    fabric = Fabric(
        accelerator="cuda" if cuda else "cpu",
        devices=here,
        num_nodes=int(os.environ["WORLD_SIZE"]) // here if many else 1,
        # Buffers are made of all ranks or, a teacher's, of no concern.
        strategy=DDPStrategy(forward_sync_buffers=False) if many else "auto",
        # Said, not guessed: on a cluster, too, a run is one process unless it was launched as many.
        plugins=TorchElasticEnvironment() if many else LightningEnvironment(),
        precision=precision,
    )
    if many:
        fabric.launch()
    return fabric


def _keep_memory() -> None:
    """Let glibc keep what a step frees for the next one, and give back what the last run kept.

    It would hand maps of over 32 MiB back to the kernel at once, and every step would pay for each
    of their pages anew: a tenth of its time.
    """
    if platform.libc_ver()[0] == "glibc":
        trim_threshold, mmap_max = -1, -4
        libc = ctypes.CDLL(None)
        libc.malloc_trim(0)
        libc.mallopt(mmap_max, 0)
        libc.mallopt(trim_threshold, 2**31 - 1)


def placed(net: Net, fabric: Fabric) -> Net:
    """``net`` on the device, with channels last in memory, as convolutions want it."""
    return net.to(memory_format=torch.channels_last).to(fabric.device)  # type: ignore[call-overload]


def device_name(fabric: Fabric) -> str:
    """What records call the device."""
    name = f"CPU, {torch.get_num_threads()} thread(s)"
    if fabric.device.type == "cuda":
        name = torch.cuda.get_device_name(fabric.device)
    return f"{ranks()} x {name}" if ranks() > 1 else name


# The share of free accelerator memory that banks may take.
SHARE = 0.4


class Feed:
    """Rows of a uint8 array as tensors on ``device``.

    Args:
        array: (N, ...) uint8, may be memory-mapped.
        device: where batches are wanted.
        rows: the only ones, (n,); numbered anew from 0, as methods with a memory of images expect.
    """

    def __init__(
        self, array: np.ndarray, device: torch.device, rows: np.ndarray | None = None
    ) -> None:
        self.array, self.device = array, device
        self.rows = None if rows is None else torch.from_numpy(np.asarray(rows, dtype=np.int64))
        self.resident = self._fits()
        self.whole = torch.from_numpy(np.array(array)).to(device) if self.resident else None

    def _fits(self) -> bool:
        if self.device.type != "cuda":
            return False
        free, _ = torch.cuda.mem_get_info(self.device)
        return bool(self.array.nbytes < SHARE * free)

    def __getitem__(self, rows: Tensor) -> Tensor:
        """(B,) int64 row numbers on the CPU -> (B, ...) uint8 on the device."""
        rows = rows if self.rows is None else self.rows[rows]
        if self.whole is not None:
            return self.whole[sent(rows, self.whole)]
        # Sorted access reads a memory-mapped file in order; the inverse brings the draw back.
        values, back = torch.unique(rows, return_inverse=True)
        picked = torch.from_numpy(np.ascontiguousarray(self.array[values.numpy()]))
        return picked[back].to(self.device)
