"""One image and its mask, from the files of a data set to what the bank stores."""

import logging
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage
from tqdm import tqdm

from ldl.data.folder import DatasetFolder
from ldl.data.manifest import Collection, Member
from ldl.data.preprocess import (
    FOV_THRESHOLD,
    crop,
    field_of_view,
    resize_image,
    resize_mask,
    stretch_flat,
)
from ldl.data.readers import as_colour, as_grey, read_image, read_mask, read_rle_mask
from ldl.data.readers.raster import open_raster
from ldl.errors import DataError

LOG = logging.getLogger("ldl")
SIDE = 256  # the share of lit pixels needs no more detail


def view_share(path: Path) -> float:
    """Share of the picture that its largest lit region covers, 0..1."""
    image = open_raster(path, draft=SIDE).convert("RGB")
    image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    lit = (np.asarray(image) > FOV_THRESHOLD).any(axis=-1)
    labels, count = ndimage.label(lit, structure=np.ones((3, 3)))
    return float(np.bincount(labels.ravel())[1:].max() / lit.size) if count else 0.0


def screen(
    source: DatasetFolder,
    collection: Collection,
    members: list[Member],
    limit: int | None,
    *,
    progress: bool = False,
) -> tuple[list[Member], dict[str, str]]:
    """The first ``limit`` images that show enough, and those left out with the reason.

    The release leaves out Kaggle images whose field of view covers less than a quarter of the
    picture (most are black); the manifest's ``min_view`` says so for the original layout. Every
    image left out is named in a warning and in the bank's ``left_out.json``.
    """
    least = source.layout.min_view
    if least is None:
        return members[:limit], {}
    kept: list[Member] = []
    left_out: dict[str, str] = {}
    for one in tqdm(members, desc="field of view", unit="image", disable=not progress):
        if limit is not None and len(kept) == limit:
            break
        share = view_share(source.path(collection.images or "images", one))
        if share >= least:
            kept.append(one)
            continue
        left_out[one.id] = f"field of view covers {share:.0%} of the picture, less than {least:.0%}"
        LOG.warning("%s: left out, %s", one.id, left_out[one.id])
    return kept, left_out


def load_example(
    source: DatasetFolder, collection: Collection, member: Member, size: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """One image (C, size, size) uint8 and, in a task, its mask (size, size) uint8 in {0, 1}.

    Fundus images are colour (C = 3) and cropped to the field of view, X-rays are grey (C = 1).
    """
    path = source.path(collection.images or "images", member)
    pixels = read_image(path)
    fundus = source.manifest.modality == "fundus"
    pixels = as_colour(pixels, path) if fundus else as_grey(pixels, path)
    if pixels.min() == pixels.max():
        raise DataError(f"{path}: blank, every pixel is {pixels.min()}; fetch it again")
    if not fundus and source.layout.min_contrast is not None:
        pixels = stretch_flat(pixels, path, source.layout.min_contrast)
    mask = None
    if collection.masks:
        mask = union_mask(source, collection, member, (pixels.shape[0], pixels.shape[1]))
    if fundus:
        box = field_of_view(pixels, path, reduced_from=source.layout.reduced_from)
        pixels = crop(pixels, box)
        mask = crop(mask, box) if mask is not None else None
    return resize_image(pixels, size), resize_mask(mask, size) if mask is not None else None


def union_mask(
    source: DatasetFolder, collection: Collection, member: Member, shape: tuple[int, int]
) -> np.ndarray:
    """Union of the collection's mask files for one image, (H, W) bool at the image's size."""
    factor = source.layout.mask_reduction
    expected = (shape[0] // factor, shape[1] // factor)
    total = np.zeros(expected, dtype=bool)
    for role in collection.masks:
        path = source.path(role, member)
        mask = _one_mask(source, path, member.id, expected)
        if mask.shape != expected:
            raise DataError(
                f"{path}: mask of {mask.shape[1]}x{mask.shape[0]} pixels beside an image of "
                f"{shape[1]}x{shape[0]}, expected {expected[1]}x{expected[0]}; is it the mask of "
                "another image, or turned?"
            )
        total |= mask
    if total.all():
        raise DataError(
            f"{source.root}: the mask of {member.id} is all foreground, so it marks nothing; is it "
            "inverted, or another file?"
        )
    return total.repeat(factor, axis=0).repeat(factor, axis=1)


def _one_mask(
    source: DatasetFolder, path: Path, image_id: str, expected: tuple[int, int]
) -> np.ndarray:
    if path.suffix == ".csv":
        return read_rle_mask(path, image_id, expected)
    return read_mask(path, soft_threshold=source.layout.soft_threshold)
