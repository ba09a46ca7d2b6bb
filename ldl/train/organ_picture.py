"""The one slice that a record keeps: its labels as the network sees them, for Figure 2."""

import base64
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ldl.data.ct import CtBank
from ldl.train.feed import Feed
from ldl.train.organ_scores import labels_of, segment

Array = np.ndarray


def shown_row(bank: CtBank, rows: Array) -> int:
    """The slice with most organs, among equals that with most labelled pixels, then the first.

    Args:
        bank: labelled.
        rows: (n,) rows to choose from.
    """
    labels = labels_of(bank)
    organs = [len(np.unique(labels[row])) for row in rows]
    pixels = [int(np.count_nonzero(labels[row])) for row in rows]
    return int(rows[max(range(len(rows)), key=lambda k: (organs[k], pixels[k], -k))])


def picture(
    net: Callable[[Tensor], Tensor], bank: CtBank, rows: Array, device: torch.device
) -> dict[str, Any]:
    """The predicted labels of the shown slice: its row, volume, place and packed labels."""
    row = shown_row(bank, rows)
    found = segment(net, Feed(bank.images, device), np.array([row]))[0]
    return {
        "row": row,
        "volume": bank.volumes[int(bank.volume_of[row])].id,
        "slice": int(bank.z_of[row]),
        "size": int(found.shape[0]),
        "labels": packed(found),
    }


def packed(labels: Array) -> str:
    """(S, S) uint8 as text."""
    return base64.b64encode(zlib.compress(labels.tobytes(), 9)).decode("ascii")


def unpacked(text: str, size: int) -> Array:
    """What `packed` packed, (size, size) uint8."""
    data = zlib.decompress(base64.b64decode(text))
    return np.frombuffer(data, dtype=np.uint8).reshape(size, size)
