"""Looking into the embedding: colours for pixel vectors, and which patches lie close."""

import numpy as np
from numpy.typing import NDArray


def principal_colours(embedding: NDArray) -> NDArray:
    """The first three principal components of all pixels as red, green and blue.

    One projection for the whole batch: the same colour means a similar vector, in every image.

    Args:
        embedding: (B, K, H, W) float, K >= 3.

    Returns:
        (B, H, W, 3) float in 0..1.
    """
    batch, channels, height, width = embedding.shape
    pixels = np.moveaxis(embedding, 1, -1).reshape(-1, channels).astype(np.float64)
    pixels -= pixels.mean(axis=0)
    _, axes = np.linalg.eigh(pixels.T @ pixels)
    top = axes[:, ::-1][:, :3]
    # The sign of an eigenvector is arbitrary; fixed here so that two equal runs look equal.
    top = top * np.where(top[np.abs(top).argmax(axis=0), range(3)] < 0, -1, 1)
    parts = pixels @ top
    low, high = np.percentile(parts, [2, 98], axis=0)
    scaled = np.clip((parts - low) / np.maximum(high - low, 1e-12), 0, 1)
    return scaled.reshape(batch, height, width, 3)


def nearest(queries: NDArray, candidates: NDArray, count: int) -> tuple[NDArray, NDArray]:
    """The ``count`` candidates nearest to each query on the unit sphere, nearest first.

    Args:
        queries: (Q, K) unit vectors.
        candidates: (N, K) unit vectors.
        count: how many to return for each query.

    Returns:
        (Q, count) int indices and (Q, count) float cosine similarities.
    """
    similarity = queries @ candidates.T
    order = np.argsort(-similarity, axis=1, kind="stable")[:, :count]
    return order, np.take_along_axis(similarity, order, axis=1)


def in_context(image: NDArray, grid: int, index: int) -> NDArray:
    """A cell in the middle of its eight neighbours, black beyond the edge of the image."""
    height, width = image.shape[-2] // grid, image.shape[-1] // grid
    row, column = divmod(index, grid)
    margin = [(0, 0)] * (image.ndim - 2) + [(height, height), (width, width)]
    padded = np.pad(image, margin)
    top, left = row * height, column * width
    return padded[..., top : top + 3 * height, left : left + 3 * width]


def cell(image: NDArray, grid: int, index: int) -> NDArray:
    """The ``index``-th cell, counted row by row, of a grid x grid division of a (C, H, W) image."""
    height, width = image.shape[-2] // grid, image.shape[-1] // grid
    row, column = divmod(index, grid)
    return image[..., row * height : (row + 1) * height, column * width : (column + 1) * width]
