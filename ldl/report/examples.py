"""Images to look at in the book: phantoms, and real ones where the licence lets them be shown."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ldl import phantoms
from ldl.data.colour import NORMALISATION
from ldl.data.manifest import Manifest, collection_named
from ldl.data.prepare import prepare_pretraining, prepare_task, pretraining_bank
from ldl.errors import DataError
from ldl.runs.pretrain import EncoderConfig
from ldl.tasks import Modality

# First the ones that show most in a small picture; only sets whose licence allows redistribution.
SHOWABLE: dict[str, tuple[str, ...]] = {
    "fundus": ("chasedb1_vessel", "idrid_od", "hrf_vessel"),
    "xray": ("xray_pretraining",),
}


@dataclass(frozen=True)
class Examples:
    """Images to show, and the sentence that says what they are.

    Attributes:
        images: (N, C, H, W) uint8.
        words: one sentence for a caption: phantoms, or data set and licence.
        real: whether they are real images.
    """

    images: NDArray[np.uint8]
    words: str
    real: bool


def _real_bank(modality: Modality, collection: str, size: int, count: int) -> NDArray[np.uint8]:
    if collection.endswith("_pretraining"):
        return prepare_pretraining(modality, size, limit=max(count, 16)).images
    return prepare_task(collection, size).images


def may_be_shown(collection: str) -> Manifest | None:
    """The manifest of a collection whose images may be passed on, and so stand in a page."""
    manifest, _ = collection_named(collection)
    return manifest if manifest.licence.redistribution else None


def real_images(modality: Modality, *, count: int, size: int) -> Examples | None:
    """The first ``count`` images of the first showable data set at hand; None where none is."""
    for collection in SHOWABLE[modality]:
        manifest = may_be_shown(collection)
        if manifest is None:
            continue
        try:
            images = _real_bank(modality, collection, size, count)
        except DataError:
            continue
        words = f"Real images: {manifest.title} ({manifest.licence.name})."
        return Examples(np.array(images[:count]), words, real=True)
    return None


def phantom_images(modality: Modality, *, count: int, size: int, seed: int) -> Examples:
    """Phantoms of the pretraining kind."""
    images = phantoms.pretraining_images(modality, count=count, size=size, seed=seed)
    return Examples(images, "Images: phantoms, drawn by code.", real=False)


def example_images(modality: Modality, *, count: int, size: int, seed: int) -> Examples:
    """Real images where they are at hand and may be shown, phantoms otherwise."""
    found = real_images(modality, count=count, size=size)
    return found or phantom_images(modality, count=count, size=size, seed=seed)


def displayed(images: Tensor) -> NDArray[np.float32]:
    """Undo `ldl.data.colour.normalise`: (B, C, H, W) as a network sees it -> floats in 0..1."""
    mean, deviation = NORMALISATION[images.shape[1]]
    shape = (1, -1, 1, 1)
    plain = images * torch.tensor(deviation).view(shape) + torch.tensor(mean).view(shape)
    return plain.clamp(0, 1).numpy()


def own_images(config: EncoderConfig, *, count: int) -> Examples:
    """Images of the kind an encoder was trained on, which it has not seen.

    Phantoms come from the held-out end of its own bank. Of real data only what may be shown is
    shown, which need not be the encoder's own data set.
    """
    if config.data.source == "open":
        found = real_images(config.modality, count=count, size=config.data.size)
        if found:
            return found
    else:
        bank = pretraining_bank(config.data, config.modality)
        return Examples(
            np.array(bank.images[-count:]), "Images: phantoms that were not trained on.", real=False
        )
    return phantom_images(config.modality, count=count, size=config.data.size, seed=config.seed)
