"""Images for the localization demo: phantoms, or real eyes of sets that may be passed on."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ldl.data.bank import Bank
from ldl.data.landmarks import landmark_bank
from ldl.data.manifest import Manifest, manifest_named
from ldl.data.prepare import prepare_task
from ldl.engine.profiles import Profile
from ldl.errors import DataError
from ldl.localize import draw_supports
from ldl.localize.search import PHANTOMS
from ldl.runs.localize import LANDMARK_MODALITY

IMAGES = 5  # the support and four queries
NAMES = {"fundus": "Eyes", "xray": "Chests"}


@dataclass(frozen=True)
class DemoImages:
    """Images of one kind, the support first.

    Attributes:
        images: (N, C, H, W) uint8.
        names: one an image.
        landmarks: name -> (N, 2) true rows and columns; the demo's point begins on the first.
        words: one sentence: what they are, with credit and licence.
    """

    images: NDArray[np.uint8]
    names: tuple[str, ...]
    landmarks: Mapping[str, NDArray[np.float64]]
    words: str


def phantom_images(landmarks: tuple[str, ...], profile: Profile) -> DemoImages:
    """Phantoms of Table 7 under ``profile``: its first support and the images that follow it."""
    size, count = profile.pretraining.size, profile.localization.images or PHANTOMS
    seed = profile.pretraining.seed
    banks = [landmark_bank("phantom", one, size, count=count, seed=seed) for one in landmarks]
    kind = NAMES[LANDMARK_MODALITY[landmarks[0]]].lower()
    words = (
        f"The {kind} are phantoms, drawn by code, {size} × {size} pixels as the networks see them; "
        "no network was trained on them."
    )
    return _chosen(dict(zip(landmarks, banks, strict=True)), words)


def real_eyes(size: int) -> DemoImages | None:
    """IDRiD's eyes with their centres, else HRF's without; None where neither is at hand."""
    try:
        banks = {name: landmark_bank("idrid", name, size) for name in ("disc", "fovea")}
        return _chosen(banks, _credit(manifest_named("idrid_grading"), size))
    except DataError:
        pass
    try:
        bank = prepare_task("hrf_vessel", size)
    except DataError:
        return None
    words = f"{_credit(manifest_named('hrf'), size)} The true places are not at hand."
    return DemoImages(np.array(bank.images[:IMAGES]), tuple(bank.ids[:IMAGES]), {}, words)


def _chosen(banks: Mapping[str, Bank], words: str) -> DemoImages:
    first = next(iter(banks.values()))
    total = len(first.ids)
    support = draw_supports(total)[0]
    rows = [(support + step) % total for step in range(min(IMAGES, total))]
    names = tuple(first.ids[row] for row in rows)
    points = {name: bank.points[rows] for name, bank in banks.items()}
    return DemoImages(np.array(first.images[rows]), names, points, words)


def _credit(manifest: Manifest, size: int) -> str:
    if not manifest.licence.redistribution:
        raise DataError(f"{manifest.title}: its images may not stand in a page")
    return (
        f"The eyes are real: {manifest.title}, {manifest.licence.name}, cropped and reduced to "
        f"{size} × {size} pixels."
    )
