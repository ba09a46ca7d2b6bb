"""What stages have in common: epochs of batches, randomness, and what a resume needs of both."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Generator, Tensor, nn

from ldl.train import checkpoint


class EpochSampler:
    """Draws batches of row numbers; every row comes once an epoch.

    Args:
        rows: the row numbers to draw from.
        batch: how many a draw gives.
        generator: shuffles, on the CPU.
        whole: True gives a last, smaller batch; False draws on into the next epoch's shuffle.
    """

    def __init__(self, rows: list[int], batch: int, generator: Generator, whole: bool) -> None:
        self.rows = torch.tensor(rows)
        self.batch, self.generator, self.whole = batch, generator, whole
        self.order = torch.empty(0, dtype=torch.int64)

    def draw(self) -> Tensor:
        """Row numbers, (batch,) int64."""
        if self.whole:
            return self._take(self.batch) if len(self.order) else self._refill()._take(self.batch)
        while len(self.order) < self.batch:
            self._refill()
        return self._take(self.batch)

    def _refill(self) -> "EpochSampler":
        shuffled = self.rows[torch.randperm(len(self.rows), generator=self.generator)]
        self.order = torch.cat([self.order, shuffled])
        return self

    def _take(self, count: int) -> Tensor:
        taken, self.order = self.order[:count], self.order[count:]
        return taken


class EpochStage:
    """The base of what :func:`ldl.train.loop.fit` trains; a subclass adds its ``losses``.

    Args:
        net: all of it is trained and checkpointed.
        rows, batch, whole: of the sampler.
        generator: of everything that the stage draws, on the CPU.
    """

    weight_decay = 0.0

    def __init__(
        self, net: nn.Module, rows: list[int], batch: int, generator: Generator, whole: bool = False
    ) -> None:
        self.net, self.generator = net, generator
        self.sampler = EpochSampler(rows, batch, generator, whole)

    def trainable(self) -> Iterable[Any]:
        """What takes a gradient, as one group for the optimizer."""
        moved = [each for each in self.net.parameters() if each.requires_grad]
        return [{"params": moved, "weight_decay": self.weight_decay}]

    def after_step(self, model: nn.Module, step: int) -> None:
        """Nothing to do."""

    def state(self) -> dict[str, Tensor]:
        """The rest of the sampler's epoch."""
        return {"order": self.sampler.order}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Put :meth:`state` back."""
        self.sampler.order = state["order"]


class BestStage(EpochStage):
    """A stage that is looked at now and then, and keeps the weights of its best look."""

    def keep(self) -> None:
        """The weights of now are the best so far."""
        self.best = {name: value.clone() for name, value in self.net.state_dict().items()}

    def state(self) -> dict[str, Tensor]:
        """The rest of the epoch and the best weights so far."""
        return {**super().state(), **checkpoint.prefixed("best", self.best)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Put :meth:`state` back."""
        super().restore(state)
        self.best = checkpoint.under("best", state)
