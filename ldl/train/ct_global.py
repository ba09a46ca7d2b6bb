"""Pretraining on CT slices by a comparison method: LRC's global branch, and Table 2's second."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ldl.data.ct import CtBank
from ldl.data.ct_sources import joined, pretraining_rows, slice_bank
from ldl.errors import DataError
from ldl.methods import COMPARISONS
from ldl.methods.moco import MoCo
from ldl.methods.momentum import MomentumNet
from ldl.models.local_unet import LocalEncoder
from ldl.models.queue import Queue
from ldl.rng import seed_everything
from ldl.runs.lrc import GlobalConfig, LocalRegionConfig
from ldl.train.comparison import Compared, ComparisonStage, compared, image_retrieval
from ldl.train.device import Fabric
from ldl.train.feed import Feed
from ldl.train.loop import History, Plan, fit
from ldl.train.made import How, Made


class RowsFeed(Feed):
    """Some rows of an array, numbered from 0 as methods with a memory of images expect it."""

    def __init__(self, array: np.ndarray, device: torch.device, rows: np.ndarray) -> None:
        super().__init__(array, device)
        self.rows = torch.from_numpy(np.asarray(rows, dtype=np.int64))

    def __getitem__(self, rows: Tensor) -> Tensor:
        """(B,) int64 on the CPU -> (B, ...) uint8 on the device."""
        return super().__getitem__(self.rows[rows])


def global_network(config: GlobalConfig, images: int) -> nn.Module:
    """The method's network; under backbone "unet" MoCo trains the local branch's encoder."""
    method = COMPARISONS[config.method]
    if config.backbone != "unet" or not isinstance(method, MoCo):
        return method.network(config, images)
    knobs, encoder = method.knobs(config), LocalEncoder(config.base, config.channels, config.border)
    net = MomentumNet(encoder, method.projection(encoder.channels[-1], knobs))
    net.queue = Queue(knobs.queue, knobs.dim)
    return net


def pretrain_global(
    config: GlobalConfig,
    bank: CtBank,
    *,
    folder: Path,
    fabric: Fabric,
    identity: dict[str, Any] | None = None,
    progress: bool = False,
) -> Compared:
    """Pretrain as ``config`` says, on the slices of the volumes that its part may see.

    The paper has SGD, elastic positives and weight decay: knobs here, set by profiles. Retrieval is
    measured on slices of the validation volumes, whose neighbours look alike.

    Args:
        config: what to train.
        bank: slices, (N, 1, size, size) uint8; its volumes are split.
        folder: for the checkpoint.
        fabric: device and precision.
        identity: further fields that a checkpoint must agree with.
        progress: show a progress bar.

    Raises:
        ConfigError: a method that cannot train this backbone.
        DataError: too few slices for a batch, or a method that needs labels.
        TrainingError: see :func:`ldl.train.loop.fit`.
    """
    method = COMPARISONS[config.method]
    if method.labels:
        raise DataError(f"{bank.name}: {config.method} needs a label for each slice; CT has none")
    learned, watched = pretraining_rows(bank, config.part)
    if len(learned) < config.batch:
        raise DataError(
            f"{bank.name}: {len(learned)} slices to train on are too few for batches of "
            f"{config.batch}; lower the batch"
        )
    train = list(range(len(learned)))
    held = list(range(len(learned), len(learned) + len(watched)))
    feed = RowsFeed(bank.images, fabric.device, np.concatenate([learned, watched]))
    seed_everything(config.seed, "initialise", config.method)
    net: Any = global_network(config, len(train))
    net.to(memory_format=torch.channels_last).to(fabric.device)
    before = image_retrieval(net.encoder, feed, held, config, fabric)
    stage = ComparisonStage(config, net, feed, train, None)
    history = History()
    if method.trains:
        history = fit(
            stage,
            Plan.of(config),
            folder=folder,
            identity={"config": config.model_dump(mode="json"), **(identity or {})},
            fabric=fabric,
            title=config.run_id(),
            progress=progress,
        )
    after = image_retrieval(net.encoder, feed, held, config, fabric)
    return Compared(net, history, [float(one) for one in stage.spread], before, after, len(held))


def data_of(bank: CtBank, **more: object) -> dict[str, Any]:
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
    return joined([slice_bank(one, progress=how.progress) for one in (run.data, *run.more)])


def make_global(run: GlobalConfig, how: How) -> Made:
    """E_g's pretraining; the weights are the encoder's, named ``encoder.*``."""
    bank = bank_of(run, how)
    done = pretrain_global(
        run,
        bank,
        folder=how.folder,
        fabric=how.fabric,
        identity=how.identity(bank.fingerprint),
        progress=how.progress,
    )
    return compared(run, done, data_of(bank))
