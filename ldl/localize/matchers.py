"""What can be looked for, and how alike every pixel of a query is to it."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ldl.errors import DataError
from ldl.localize.filtering import filtered, vector_at
from ldl.localize.images import Point, Window
from ldl.runs.localize import SIGMA

# (B, C, H, W) float in 0..1 -> (B, K, H, W) unit vectors of the pixels.
Embedder = Callable[[Tensor], Tensor]


class Matcher(Protocol):
    """A way to find a place again: what it keeps of the support, and its maps on a query."""

    def target(self, support: Tensor, point: Point, window: Window) -> Any:
        """What represents ``point`` of the support (C, H, W) float in 0..1."""
        ...

    def maps(self, targets: Sequence[Any], query: Tensor, window: Window) -> np.ndarray:
        """(T, H, W) float32 in -1..1: how alike each pixel of the query is to each target."""
        ...


class EmbeddingMatcher:
    """Eq. 26 and 35: cosine similarity of centre-sensitive embeddings.

    Args:
        embedder: any callable (B, C, H, W) float in 0..1 -> (B, K, H, W) unit vectors. It is
            given tensors on the CPU and may answer on another device, where the filter then runs.
        sigma: of Eq. 24; None averages evenly over the window (variants without ``cs``).
    """

    def __init__(self, embedder: Embedder, *, sigma: float | None = SIGMA) -> None:
        self.embedder, self.sigma = embedder, sigma

    @torch.no_grad()
    def target(self, support: Tensor, point: Point, window: Window) -> Tensor:
        """s_t: the filtered embedding at the point, (K,) unit vector."""
        return vector_at(self.vectors(support, window), point)

    @torch.no_grad()
    def maps(self, targets: Sequence[Tensor], query: Tensor, window: Window) -> np.ndarray:
        """(T, H, W) cosines; every query is embedded and filtered once for all targets."""
        values = self.vectors(query, window)
        dims = {len(one) for one in targets} | {len(values)}
        if len(dims) > 1:
            raise DataError(f"the embedder gives vectors of {sorted(dims)} dimensions")
        cosines = torch.stack(list(targets)) @ values.flatten(1)
        return cosines.view(-1, *values.shape[1:]).cpu().numpy()

    def vectors(self, image: Tensor, window: Window) -> Tensor:
        """Eq. 26: (C, H, W) float in 0..1 -> (K, H, W) unit vectors of every pixel's window."""
        embedding = self.embedder(image[None])
        size = tuple(image.shape[1:])
        if embedding.ndim != 4 or len(embedding) != 1 or tuple(embedding.shape[2:]) != size:
            raise DataError(
                f"the embedder gave {tuple(embedding.shape)} for an image of {size[0]}x{size[1]}; "
                f"(1, K, {size[0]}, {size[1]}) is asked"
            )
        if not embedding.isfinite().all():
            raise DataError("the embedder gave values that are not finite; were its weights lost?")
        return filtered(embedding[0], window, sigma=self.sigma)
