"""Pretraining the global encoder E_g on slices of CT, by a comparison method (LRC section 3)."""

from typing import Any

import numpy as np

from ldl.data.ct import CtBank, joined, pretraining_rows, slice_bank
from ldl.errors import DataError
from ldl.methods import METHODS
from ldl.runs.lrc import GlobalConfig, LocalRegionConfig
from ldl.train.comparison import compared, pretrain_on
from ldl.train.device import Feed
from ldl.train.made import How, Learned, Made


def pretrain_global(config: GlobalConfig, bank: CtBank, how: How) -> Learned:
    """Pretrain as ``config`` says, on the slices of the volumes that its part may see.

    The paper has SGD, elastic positives and weight decay: knobs here, set by profiles. Retrieval is
    measured on slices of the validation volumes, whose neighbours look alike.

    Args:
        bank: slices, (N, 1, size, size) uint8; its volumes are split.
    """
    if METHODS[config.method].labels:
        raise DataError(f"{bank.name}: {config.method} needs a label for each slice; CT has none")
    learned, watched = pretraining_rows(bank, config.part)
    feed = Feed(bank.images, how.fabric.device, np.concatenate([learned, watched]))
    rows = list(range(len(learned) + len(watched)))
    return pretrain_on(config, bank, how, feed, (rows[: len(learned)], rows[len(learned) :]))


def data_of(bank: CtBank, **more: object) -> dict[str, Any]:
    """A record's line about a slice bank."""
    return {
        "name": bank.name,
        "fingerprint": bank.fingerprint,
        "slices": len(bank.images),
        "volumes": {part: len(bank.part(part)) for part in ("train", "validation", "test")},
        "left_out": len(bank.left_out),
        "note": bank.note,
        **more,
    }


def bank_of(run: GlobalConfig | LocalRegionConfig, how: How) -> CtBank:
    """What a pretraining sees: its set, and more sets where the run names them."""
    return joined([slice_bank(one, progress=how.progress is True) for one in (run.data, *run.more)])


def make_global(run: GlobalConfig, how: How) -> Made:
    """E_g's pretraining; the weights are the encoder's, named ``encoder.*``."""
    bank = bank_of(run, how)
    return compared(run, pretrain_global(run, bank, how), data_of(bank))
