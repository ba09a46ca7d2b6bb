"""One's own folder of images as a bank."""

from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from ldl import paths
from ldl.data.bank import BankWriter, ImageBank, open_image_bank
from ldl.data.preprocess import crop, field_of_view, resize_image
from ldl.data.readers.image import as_colour, as_grey, read_image
from ldl.data.readers.raster import SUFFIXES
from ldl.errors import DataError
from ldl.tasks import CHANNELS, Modality

KINDS = (*SUFFIXES, ".dcm")
LEAST = 16


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
