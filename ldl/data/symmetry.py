"""The eight symmetries of the square, exactly undone.

A code is three bits: 1 transpose, 2 flip rows, 4 flip columns, applied in that order.
"""

import torch
from torch import Tensor

from ldl.errors import ConfigError

TRANSPOSE, FLIP_ROWS, FLIP_COLUMNS = 1, 2, 4
# Quarter turns only: the release's "flip" reverses both axes, so it is a half turn too.
ROTATIONS = (0, TRANSPOSE | FLIP_COLUMNS, FLIP_ROWS | FLIP_COLUMNS, TRANSPOSE | FLIP_ROWS)
DIHEDRAL = tuple(range(8))
SYMMETRY_SETS = {"rotations": ROTATIONS, "dihedral": DIHEDRAL}

Code = int | Tensor


def apply_symmetry(x: Tensor, code: Code) -> Tensor:
    """Apply one symmetry to all maps (B, ..., H, W), or with (B,) int64 codes one to each.

    Where every code transposes the result is (B, ..., W, H).
    """
    x = _transpose(x, code)
    return _flip(_flip(x, code, FLIP_ROWS, -2), code, FLIP_COLUMNS, -1)


def undo_symmetry(x: Tensor, code: Code) -> Tensor:
    """The exact inverse of :func:`apply_symmetry` with the same code; same arguments."""
    x = _flip(_flip(x, code, FLIP_ROWS, -2), code, FLIP_COLUMNS, -1)
    return _transpose(x, code)


def _chosen(x: Tensor, code: Tensor, bit: int) -> Tensor:
    return (code & bit).bool().view(-1, *[1] * (x.ndim - 1))


def _flip(x: Tensor, code: Code, bit: int, dim: int) -> Tensor:
    if isinstance(code, int):
        return x.flip(dim) if code & bit else x
    return torch.where(_chosen(x, code, bit), x.flip(dim), x)


def _transpose(x: Tensor, code: Code) -> Tensor:
    if isinstance(code, int):
        if code not in DIHEDRAL:
            raise ConfigError(f"symmetry code {code}; use 0 to 7")
        return x.transpose(-1, -2) if code & TRANSPOSE else x
    if x.shape[-1] == x.shape[-2]:
        return torch.where(_chosen(x, code, TRANSPOSE), x.transpose(-1, -2), x)
    turned = (code & TRANSPOSE).bool()
    if turned.all():
        return x.transpose(-1, -2)
    if turned.any():
        raise ConfigError(
            f"maps of {x.shape[-2]}x{x.shape[-1]} cannot be transposed one by one in a batch; "
            "use square maps, or codes that all or none transpose"
        )
    return x
