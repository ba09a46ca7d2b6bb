"""Which pretraining images show enough of the eye to learn from."""

import logging
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage
from tqdm import tqdm

from ldl.data.folder import DatasetFolder
from ldl.data.preprocess import FOV_THRESHOLD
from ldl.data.readers.raster import open_raster
from ldl.data.schema import Collection
from ldl.data.splits import Member

LOG = logging.getLogger("ldl")
SIDE = 256  # the share of lit pixels needs no more detail


def view_share(path: Path) -> float:
    """Share of the picture that its largest lit region covers, 0..1.

    Raises:
        DataError: unreadable file.
    """
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

    Raises:
        DataError: unreadable file.
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
