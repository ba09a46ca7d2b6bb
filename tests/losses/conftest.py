"""A watch on how much is made on the way to a loss."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Largest(TorchDispatchMode):
    """Remembers how many elements the largest result of any operation has, and how many ran."""

    def __init__(self):
        super().__init__()
        self.elements = self.calls = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.calls += 1
        results = func(*args, **(kwargs or {}))
        for result in results if isinstance(results, (tuple, list)) else (results,):
            if isinstance(result, torch.Tensor):
                storage = result.untyped_storage().nbytes() // result.element_size()
                self.elements = max(self.elements, storage)
        return results


@pytest.fixture
def largest() -> type[Largest]:
    """To be opened about the work, once each."""
    return Largest
