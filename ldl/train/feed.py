"""From a bank to the device: whole if it fits, batch by batch if not."""

import numpy as np
import torch
from torch import Tensor

from ldl.rng import sent

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
