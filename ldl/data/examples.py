"""One image and its mask, from the files of a data set to what the bank stores."""

from pathlib import Path

import numpy as np

from ldl.data.folder import DatasetFolder
from ldl.data.preprocess import crop, field_of_view, resize_image, resize_mask, stretch_flat
from ldl.data.readers import as_colour, as_grey, read_image, read_mask, read_rle_mask
from ldl.data.schema import Collection
from ldl.data.splits import Member
from ldl.errors import DataError


def load_example(
    source: DatasetFolder, collection: Collection, member: Member, size: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """One image (C, size, size) uint8 and, in a task, its mask (size, size) uint8 in {0, 1}.

    Fundus images are colour (C = 3) and cropped to the field of view, X-rays are grey (C = 1).

    Raises:
        DataError: a file is missing or damaged, has the wrong channels, is blank, or the mask
            does not fit the image.
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
    """Union of the collection's mask files for one image, (H, W) bool at the image's size.

    Raises:
        DataError: a mask is missing, damaged or of another size than its image.
    """
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
                "another image?"
            )
        total |= mask
    return total.repeat(factor, axis=0).repeat(factor, axis=1)


def _one_mask(
    source: DatasetFolder, path: Path, image_id: str, expected: tuple[int, int]
) -> np.ndarray:
    if path.suffix == ".csv":
        return read_rle_mask(path, image_id, expected)
    return read_mask(path, soft_threshold=source.layout.soft_threshold)
