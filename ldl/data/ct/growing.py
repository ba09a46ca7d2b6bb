"""An .npy file whose length is not known when it is begun."""

from pathlib import Path
from typing import BinaryIO

import numpy as np

Array = np.ndarray


class GrowingArray:
    """A uint8 array (n, *shape) that grows on disk.

    numpy pads the header so that it may be written again with another length.
    """

    def __init__(self, path: Path, shape: tuple[int, ...]) -> None:
        self.shape, self.count = shape, 0
        self._file: BinaryIO = path.open("wb+")
        self._head()

    def _head(self) -> None:
        self._file.seek(0)
        header = {"descr": "|u1", "fortran_order": False, "shape": (self.count, *self.shape)}
        np.lib.format.write_array_header_1_0(self._file, header)

    def add(self, array: Array) -> None:
        """Append one array of ``shape``."""
        self._file.write(np.ascontiguousarray(array).tobytes())
        self.count += 1

    def shorten(self, count: int) -> None:
        """Forget everything after the first ``count`` arrays."""
        room = (self.count - count) * int(np.prod(self.shape))
        self._file.flush()
        self._file.truncate(self._file.seek(-room, 2))
        self.count = count

    def close(self) -> None:
        """Write the final length."""
        self._head()
        self._file.close()
