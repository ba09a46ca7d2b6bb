"""Segmenting volumes slice by slice, scoring them in 3-D, and the one slice that a record keeps."""

import base64
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ldl.data.colour import normalise, to_float
from ldl.data.ct import CtBank
from ldl.errors import DataError
from ldl.metrics import OrganScore, score_volume
from ldl.train.device import Feed

Array = np.ndarray
BATCH = 8


@dataclass(frozen=True)
class VolumeScore:
    """What one volume scores: its id and, organ by organ, DSC and HD95 in mm."""

    id: str
    organs: tuple[OrganScore, ...]


@torch.no_grad()
def segment(model: Callable[[Tensor], Tensor], slices: Feed, rows: Array) -> Array:
    """Most probable label of every pixel: (len(rows), H, W) uint8.

    Args:
        model: a network in eval mode, (B, C, H, W) -> (B, 1 + K, H, W).
        slices: of the bank.
        rows: (n,) int64.
    """
    parts = torch.from_numpy(rows).split(BATCH)
    found = [model(normalise(to_float(slices[part]))).argmax(dim=1).byte() for part in parts]
    return torch.cat(found).cpu().numpy()


def score_volumes(bank: CtBank, rows: Array, predicted: Array) -> list[VolumeScore]:
    """DSC and HD95 of every volume that ``rows`` cover, in the bank's order.

    Args:
        rows: (n,) rows of whole volumes.
        predicted: (n, H, W) uint8 labels.
    """
    names = dict(enumerate(bank.organs, start=1))
    truths = labels_of(bank)
    return [
        VolumeScore(one.id, score_volume(found, np.asarray(truths[one.rows]), names, one.spacing))
        for one, found in bank.stacked(rows, predicted)
    ]


def mean_dsc(bank: CtBank, rows: Array, predicted: Array) -> float:
    """Mean DSC over volumes and organs; organs in neither truth nor prediction do not count.

    Arguments as `score_volumes`; without HD95 it takes no time. 0 where no organ occurs at all.
    """
    truths, count = labels_of(bank), len(bank.organs)
    scores = [
        organ_dsc(found, np.asarray(truths[one.rows]), count)
        for one, found in bank.stacked(rows, predicted)
    ]
    known = np.concatenate(scores)
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else 0.0


def organ_dsc(predicted: Array, truth: Array, count: int) -> Array:
    """(count,) float64: DSC of organs 1..count over all voxels; nan where an organ is in neither.

    Args:
        predicted: uint8 labels of any shape.
    """
    both = truth.astype(np.int64).ravel() * (count + 1) + predicted.ravel()
    table = np.bincount(both, minlength=(count + 1) ** 2).reshape(count + 1, count + 1)
    total = (table.sum(axis=0) + table.sum(axis=1))[1:]
    return np.where(total > 0, 2 * np.diagonal(table)[1:] / np.maximum(total, 1), np.nan)


def labels_of(bank: CtBank) -> Array:
    """The labels of a labelled bank, (N, H, W) uint8."""
    if bank.labels is None:
        raise DataError(f"{bank.name}: not labelled; fine-tuning needs a labelled set")
    return bank.labels


def shown_row(bank: CtBank, rows: Array) -> int:
    """The slice with most organs, among equals that with most labelled pixels, then the first.

    Args:
        rows: (n,) rows to choose from.
    """
    labels = labels_of(bank)
    organs = [len(np.unique(labels[row])) for row in rows]
    pixels = [int(np.count_nonzero(labels[row])) for row in rows]
    return int(rows[max(range(len(rows)), key=lambda k: (organs[k], pixels[k], -k))])


def picture(
    net: Callable[[Tensor], Tensor], bank: CtBank, rows: Array, device: torch.device
) -> dict[str, Any]:
    """Figure 2's slice with the labels that ``net`` gives it: its row, volume, place, labels."""
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
