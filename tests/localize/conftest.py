"""A toy embedder that shifts and turns exactly with its image, and scenes to look at with it."""

from collections.abc import Callable

import pytest
from torch import Tensor

from ldl.localize.toy import draw_scene, toy_embedder


@pytest.fixture
def embedder() -> Callable[[Tensor], Tensor]:
    """The toy."""
    return toy_embedder


@pytest.fixture
def scene() -> Callable[..., Tensor]:
    """Draws scenes from seeds."""
    return draw_scene
