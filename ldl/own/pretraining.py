"""Pretraining on one's own images: a folder goes in, an encoder comes out."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock
from torch import Tensor

from ldl import paths
from ldl.config import build
from ldl.data.bank import Bank
from ldl.data.own import folder_bank
from ldl.own.model import refuse_output
from ldl.runs.pretrain import ComparisonConfig, EncoderConfig, PretrainConfig
from ldl.train import checkpoint
from ldl.train.comparison import LEAST_SPREAD, pretrain_comparison
from ldl.train.device import fabric_for
from ldl.train.made import How
from ldl.train.pretrain import held_out_rows, pretrain

LOG = logging.getLogger("ldl")


@dataclass(frozen=True)
class Encoder:
    """Where the weights went, and whether the training was long enough.

    Attributes:
        path: of the weights.
        images: that were used.
        retrieval, retrieval_before: share of held-out patches (LDL's methods) or images (the
            others) that find themselves in another view.
        collapsed: whether all images ended with nearly the same vector.
    """

    path: Path
    images: int
    retrieval: float
    retrieval_before: float
    collapsed: bool


@dataclass(frozen=True)
class _Done:
    weights: dict[str, Tensor]
    retrieval: float
    retrieval_before: float
    collapsed: bool = False


def fitted(config: ComparisonConfig, images: int) -> ComparisonConfig:
    """``config`` for a folder of few images.

    A batch is no larger than what is trained on, and a queue no longer than a sixth of that (but at
    least a batch): else it would hold most images as their own negatives.
    """
    trained_on = len(held_out_rows(images)[0])
    batch = min(config.batch, trained_on)
    knobs = dict(config.knobs)
    if "queue" in knobs:
        knobs["queue"] = min(int(knobs["queue"]), max(batch, trained_on // 6))
    fields = {name: getattr(config, name) for name in ComparisonConfig.model_fields}
    return build(ComparisonConfig, {**fields, "batch": batch, "knobs": knobs})


def pretrain_folder(
    folder: Path,
    config: EncoderConfig,
    output: Path,
    *,
    device: str,
    leave_out: bool = False,
    progress: bool = True,
    say: Callable[[str], object] = LOG.info,
) -> Encoder:
    """Pretrain on the images below ``folder`` and write the weights to ``output``.

    Interrupted, the same call goes on; with other images or knobs it starts anew.

    Args:
        folder: holds the images, in any subfolders.
        config: what to train; ``config.data.size`` is the side the images are brought to.
        output: a ``.safetensors`` file; its header holds config, data hash and retrieval. Names of
            the weights that transfer begin with ``encoder.``. LDL's methods keep their decoder and
            embedding branch beside them; of a comparison method nothing else is kept.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        leave_out: go on without files that cannot be read.
        progress: show bars.
        say: takes the line about which files were used.

    Raises:
        DataError: see `ldl.data.own.folder_bank`.
        LdlError: the output cannot be written, or would replace a file that is not ours; nothing
            was trained then.
    """
    refuse_output(output)
    bank = folder_bank(
        folder,
        config.modality,
        config.data.size,
        leave_out=leave_out,
        progress=progress,
        say=say,
    )
    if isinstance(config, ComparisonConfig):
        config = fitted(config, len(bank.ids))
    work = paths.cache_dir() / "own" / f"{config.digest()}-{bank.fingerprint[:8]}"
    paths.writable(work, "LDL_CACHE")
    how = How(work, fabric_for(device), progress=progress)
    with FileLock(work / "lock"):  # another call with the same images and config waits
        if isinstance(config, ComparisonConfig):
            done = _compare(bank, config, how)
        else:
            start = _step1(folder, config, work, device, leave_out, progress)
            done = _pretrain(bank, config, start, how)
    header = {
        "run_id": config.run_id(),
        "config": config.model_dump(mode="json"),
        "data": bank.fingerprint,
        "images": len(bank.ids),
        "retrieval": done.retrieval,
    }
    checkpoint.save(output, done.weights, header)
    return Encoder(output, len(bank.ids), done.retrieval, done.retrieval_before, done.collapsed)


def _step1(
    folder: Path, config: PretrainConfig, work: Path, device: str, leave_out: bool, progress: bool
) -> dict[str, Tensor] | None:
    if config.step1 is None:
        return None
    before = work / "step1.safetensors"
    if not before.exists():
        pretrain_folder(
            folder, config.step1, before, device=device, leave_out=leave_out, progress=progress
        )
    return checkpoint.load(before)[0]


def _pretrain(
    bank: Bank, config: PretrainConfig, start: dict[str, Tensor] | None, how: How
) -> _Done:
    done = pretrain(config, bank, how, start)
    return _Done(done.net.state_dict(), done.retrieval, done.retrieval_before)


def _compare(bank: Bank, config: ComparisonConfig, how: How) -> _Done:
    done = pretrain_comparison(config, bank, how)
    encoder: Any = done.net.encoder
    weights = checkpoint.prefixed("encoder", encoder.state_dict())
    collapsed = done.spread[-1] < LEAST_SPREAD
    return _Done(weights, done.retrieval, done.retrieval_before, collapsed)
