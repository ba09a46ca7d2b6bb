"""Which images come next: epochs of permutations, with a state that can be saved."""

import torch
from torch import Generator, Tensor


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
