"""Segmenting volumes slice by slice, stacking them to 3-D, scoring them per volume and organ."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ldl.data.colour import normalise, to_float
from ldl.data.ct import CtBank
from ldl.errors import DataError
from ldl.metrics_volume import OrganScore, score_volume
from ldl.train.feed import Feed

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
        bank: labelled.
        rows: (n,) rows of whole volumes.
        predicted: (n, H, W) uint8 labels.

    Raises:
        DataError: the bank has no labels, or a volume lacks slices.
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
        truth: the same shape.
        count: K.
    """
    both = truth.astype(np.int64).ravel() * (count + 1) + predicted.ravel()
    table = np.bincount(both, minlength=(count + 1) ** 2).reshape(count + 1, count + 1)
    total = (table.sum(axis=0) + table.sum(axis=1))[1:]
    return np.where(total > 0, 2 * np.diagonal(table)[1:] / np.maximum(total, 1), np.nan)


def labels_of(bank: CtBank) -> Array:
    """The labels of a labelled bank, (N, H, W) uint8.

    Raises:
        DataError: it has none.
    """
    if bank.labels is None:
        raise DataError(f"{bank.name}: not labelled; fine-tuning needs a labelled set")
    return bank.labels
