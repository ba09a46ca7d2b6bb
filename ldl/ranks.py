"""One training on several devices: each rank has its part of the batch, losses see all of it.

Every rank draws what belongs to the whole batch from the same seed and takes its part, so that the
number of ranks changes rounding only. A gradient is the mean over ranks (DDP), and what was
gathered sends back the sum, so a loss of the whole batch is said on each rank as on one.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed import _functional_collectives as collectives


def ranks() -> int:
    """How many processes train together; 1 where none were launched."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def launched() -> bool:
    """Whether ``torchrun`` started this process."""
    return dist.is_available() and dist.is_torchelastic_launched()


def first() -> bool:
    """Whether this rank is the one that writes."""
    return ranks() == 1 or dist.get_rank() == 0


def agreed(yes: bool) -> bool:
    """What the first rank says; the others wait until it does."""
    if ranks() == 1:
        return yes
    cuda = dist.get_backend() == "nccl"
    answer = torch.tensor(int(yes), device="cuda" if cuda else "cpu")
    dist.broadcast(answer, 0)
    return bool(answer)


def mine(batch: Tensor) -> Tensor:
    """(B, ...) of the whole batch -> (B / ranks, ...), the rows of this rank."""
    return batch.chunk(ranks())[dist.get_rank()] if ranks() > 1 else batch


def gathered(part: Tensor) -> Tensor:
    """(b, ...) of this rank -> (ranks * b, ...) of all, in their order, with gradient."""
    if ranks() == 1:
        return part
    return collectives.all_gather_single_autograd(part.contiguous(), 0, dist.group.WORLD)  # type: ignore[arg-type]


class _BatchNorm(nn.modules.batchnorm._BatchNorm):
    """Normalises by mean and variance over the batches of all ranks, on any device."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Maps and vectors alike."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training or ranks() == 1:
            return super().forward(input)
        values = input.float()
        axes = [0, *range(2, values.ndim)]
        variance, mean = torch.var_mean(values, axes, correction=0)
        means, variances = gathered(torch.stack([mean, variance])[None]).unbind(1)
        mean = means.mean(0)
        variance = (variances + (means - mean).square()).mean(0)
        self._remember(mean.detach(), variance.detach(), ranks() * values.numel() // len(mean))
        scale = torch.rsqrt(variance + self.eps)
        shift = -mean * scale
        if self.affine:
            scale, shift = scale * self.weight, shift * self.weight + self.bias
        shape = [1, -1, *[1] * (values.ndim - 2)]
        return (values * scale.view(shape) + shift.view(shape)).to(input.dtype)

    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        assert self.num_batches_tracked is not None
        assert self.running_mean is not None
        assert self.running_var is not None
        self.num_batches_tracked.add_(1)
        share = self.momentum if self.momentum is not None else 1 / float(self.num_batches_tracked)
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance * (count / (count - 1)), share)


def across_ranks(net: nn.Module) -> nn.Module:
    """``net``, whose batch normalisations see all ranks; a teacher's see their own part (MoCo)."""
    for name, part in net.named_modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm) and not name.startswith("teacher"):
            kept: Any = part
            kept.__class__ = _BatchNorm
    return net
