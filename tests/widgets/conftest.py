"""Images with unique places, and a network that sees them: a fixed random convolution."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from ldl.data.ct.bank import CtBank, CtEntry
from ldl.localize import EmbeddingMatcher
from ldl.rng import generator, numpy_generator
from ldl.sphere import unit

SIZE = 48


@pytest.fixture
def embedder() -> Callable[[Tensor], Tensor]:
    """(B, 1, H, W) -> (B, 32, H, W) unit vectors."""
    weight = torch.randn(32, 1, 11, 11, generator=generator(0, "weight"))
    weight -= weight.mean(dim=(2, 3), keepdim=True)

    def embed(images: Tensor) -> Tensor:
        padded = F.pad(images, (5, 5, 5, 5), mode="replicate")
        return unit(F.conv2d(padded, weight), dim=1)

    return embed


@pytest.fixture
def matchers(embedder) -> dict[str, EmbeddingMatcher]:
    """The even and the centre-sensitive window."""
    return {"even": EmbeddingMatcher(embedder, sigma=None), "cs": EmbeddingMatcher(embedder)}


@pytest.fixture
def images() -> list[np.ndarray]:
    """A smooth random image, and the same moved by 6 and by (4, -5) pixels."""
    coarse = numpy_generator(0, "images").random((1, 1, 26, 26), dtype=np.float32)
    smooth = F.interpolate(torch.from_numpy(coarse), SIZE + 16, mode="bicubic").clamp(0, 1)[0]
    return [
        smooth[:, 8 - down : 8 - down + SIZE, 8 - along : 8 - along + SIZE].numpy()
        for down, along in ((0, 0), (0, 6), (4, -5))
    ]


@pytest.fixture
def ct_bank() -> Callable[..., CtBank]:
    """Makes a bank of two volumes, three and five slices, of (8, H, W) images and labels."""

    def made(images: np.ndarray, labels: np.ndarray, organs: tuple[str, ...]) -> CtBank:
        entry = ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))
        volumes = (
            CtEntry("a", 0, 3, (5, 2, 2), entry, 0.0, "a"),
            CtEntry("b", 3, 5, (5, 2, 2), entry, 0.0, "b"),
        )
        return CtBank("test-16", "abdomen", images[:, None], labels, organs, volumes, (-100, 155),
                      "f", "", {})  # fmt: skip

    return made
