"""Pretraining on one's own images: a folder goes in, an encoder comes out."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from ldl import paths
from ldl.config import PretrainConfig
from ldl.data.bank import BankWriter, ImageBank, open_image_bank
from ldl.data.preprocess import crop, field_of_view, resize_image
from ldl.data.readers.image import as_colour, as_grey, read_image
from ldl.data.readers.raster import SUFFIXES
from ldl.data.tasks import CHANNELS, Modality
from ldl.errors import DataError
from ldl.train import checkpoint
from ldl.train.device import fabric_for
from ldl.train.pretrain import pretrain

KINDS = (*SUFFIXES, ".dcm")
LEAST = 16


@dataclass(frozen=True)
class Encoder:
    """Where the weights went, and whether the training was long enough."""

    path: Path
    images: int
    retrieval: float
    retrieval_before: float


def image_files(folder: Path) -> list[Path]:
    """Every image below ``folder``, sorted.

    Raises:
        DataError: no such folder, or fewer than 16 images in it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name the one that holds your images")
    found = sorted(path for path in folder.rglob("*") if path.name.lower().endswith(KINDS))
    if len(found) < LEAST:
        raise DataError(
            f"{folder}: {len(found)} images ({' '.join(KINDS)}); at least {LEAST} are needed"
        )
    return found


def prepared(path: Path, modality: Modality, size: int) -> np.ndarray:
    """One image as the networks see it, (C, size, size) uint8; fundus is cropped to what is lit."""
    pixels = read_image(path)
    if modality == "xray":
        return resize_image(as_grey(pixels, path), size)
    colour = as_colour(pixels, path)
    return resize_image(crop(colour, field_of_view(colour, path)), size)


def folder_bank(folder: Path, modality: Modality, size: int, *, progress: bool) -> ImageBank:
    """The images of ``folder`` as a bank, (N, C, size, size); made anew at each call.

    Raises:
        DataError: too few images, or one that cannot be read; it is named.
    """
    files = image_files(folder)
    place = paths.cache_dir() / "banks" / f"own-{folder.resolve().name}-{modality}-{size}"
    shape = (CHANNELS[modality], size, size)
    with BankWriter(place, f"own-{folder.name}", len(files), shape) as writer:
        for path in tqdm(files, desc=folder.name, unit="image", disable=not progress):
            writer.add(str(path.relative_to(folder)), prepared(path, modality, size))
    return open_image_bank(place)


def pretrain_folder(
    folder: Path, config: PretrainConfig, output: Path, *, device: str, progress: bool = True
) -> Encoder:
    """Pretrain on the images below ``folder`` and write the whole network to ``output``.

    Interrupted, the same call goes on; with other images or knobs it starts anew.

    Args:
        folder: holds the images, in any subfolders.
        config: what to train; ``config.data.size`` is the side the images are brought to.
        output: a ``.safetensors`` file; its header holds config, data hash and retrieval.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        progress: show bars.
    """
    bank = folder_bank(folder, config.modality, config.data.size, progress=progress)
    work = paths.cache_dir() / "own" / f"{config.digest()}-{bank.fingerprint[:8]}"
    start = None
    if config.step1:
        before = work / "step1.safetensors"
        if not before.exists():
            pretrain_folder(folder, config.step1, before, device=device, progress=progress)
        start = checkpoint.load(before)[0]
    done = pretrain(
        config,
        bank,
        folder=work,
        fabric=fabric_for(device),
        start=start,
        identity={"data": bank.fingerprint},
        progress=progress,
    )
    header = {
        "run_id": config.run_id(),
        "config": config.model_dump(mode="json"),
        "data": bank.fingerprint,
        "images": len(bank.ids),
        "retrieval": done.retrieval,
    }
    checkpoint.save(output, done.net.state_dict(), header)
    return Encoder(output, len(bank.ids), done.retrieval, done.retrieval_before)
