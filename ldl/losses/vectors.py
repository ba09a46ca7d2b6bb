"""From pixel embeddings to vectors of patches (LDL Eq. 3, 13) and regions (Eq. 9, 10)."""

import torch.nn.functional as F
from torch import Tensor

from ldl.sphere import full_precision, unit


def patch_vectors(embedding: Tensor, grid: int) -> Tensor:
    """Eq. 3: one unit vector s_n(i) for each cell of a ``grid`` x ``grid`` division.

    Args:
        embedding: (B, K, H, W) pixel embeddings v_n; a cell is as Eq. 3 rounds it when ``grid``
            does not divide H or W (adaptive pooling).

    Returns:
        (B, grid * grid, K) float32 unit vectors, cells in row-major order. The mean in place of
        the sum of Eq. 3 makes no difference after normalisation.
    """
    cells = F.adaptive_avg_pool2d(full_precision(embedding), grid)
    return unit(cells.flatten(2).transpose(1, 2))


def region_vectors(embedding: Tensor, assignment: Tensor) -> Tensor:
    """Eq. 9: one unit vector t_nc for each image n and cluster c.

    A matrix product over pixels: the (B, C, K, H, W) product is never materialised.

    Args:
        embedding: (B, K, H, W) pixel embeddings v_n.
        assignment: (B, C, H, W) cluster probabilities r_n in 0..1.

    Returns:
        (B, C, K) float32 unit vectors.
    """
    pixels = full_precision(embedding).flatten(2).transpose(1, 2)
    weighted = full_precision(assignment).flatten(2).to(pixels.dtype) @ pixels
    return unit(weighted / pixels.shape[1])
