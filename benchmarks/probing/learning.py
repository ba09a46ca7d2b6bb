"""Trains a comparison method on phantoms and asks it its question before and after."""

import copy
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmarks.probing.asked import ASKED, STEPS, probed_config
from benchmarks.probing.phantom_questions import ANSWER, Eyes
from benchmarks.probing.probes import Answers
from ldl.data.colour import normalise, to_float
from ldl.data.prepare import grades, pretraining_bank
from ldl.methods import METHODS
from ldl.rng import seed_everything
from ldl.runs.pretrain import ComparisonConfig
from ldl.train.comparison import pretrain_comparison
from ldl.train.device import fabric_for
from ldl.train.made import How
from ldl.train.pretrain import held_out_rows

_AT_ONCE = 32


@dataclass(frozen=True)
class Lesson:
    """One seed of a method.

    Attributes:
        start: answers of the encoder before its first step.
        measured: the same with its normalisation's statistics measured on the training images,
            which training does by the way.
        trained: answers after the last step.
        losses: summed, one a step.
    """

    start: Answers
    measured: Answers
    trained: Answers
    losses: list[float]


def lesson(method: str, seed: int, eyes: Eyes, steps: int = STEPS) -> Lesson:
    """Train ``method`` on the CPU for ``steps`` and ask before and after."""
    config = probed_config(method, seed, steps)
    bank = pretraining_bank(config.data, "fundus")
    rows = held_out_rows(len(bank.images))[0]
    ask = ANSWER[ASKED[method][0]]
    encoder = untrained(config, len(rows))
    start = ask(encoder, eyes)
    measured = ask(with_statistics(encoder, torch.from_numpy(bank.images[rows])), eyes)
    with tempfile.TemporaryDirectory() as folder:
        done = pretrain_comparison(
            config,
            bank,
            How(Path(folder), fabric_for("cpu")),
            labels=grades(config.data, bank) if METHODS[method].labels else None,
        )
    trained = ask(done.net.encoder, eyes)  # type: ignore[arg-type]
    return Lesson(start, measured, trained, [sum(row) for row in done.history.rows])


def untrained(config: ComparisonConfig, images: int) -> nn.Module:
    """The encoder as the training of ``config`` finds it, in the training's layout of memory."""
    seed_everything(config.seed, "initialise", config.method)
    net = METHODS[config.method].network(config, images)
    encoder: nn.Module = net.encoder  # type: ignore[assignment]
    return encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


@torch.no_grad()
def with_statistics(encoder: nn.Module, images: Tensor) -> nn.Module:
    """A copy whose batch normalisations know the mean and variance of what passes through them.

    Args:
        encoder: as it was initialised.
        images: (N, C, H, H) uint8.
    """
    encoder = copy.deepcopy(encoder).train()
    for part in encoder.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.reset_running_stats()
            part.momentum = None  # the plain mean over all batches
    for some in images.split(_AT_ONCE):
        encoder(normalise(to_float(some)))
    return encoder
