"""Labelled slices to show superpixels and region vectors on: phantoms, or real CT at hand."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ldl.data.ct import CtBank, ct_bank, facts
from ldl.data.manifest import manifest_named
from ldl.data.superpixels import superpixels
from ldl.errors import DataError
from ldl.runs.lrc import SuperpixelConfig

Array = np.ndarray
VOLUMES = 3
TITLES = {"abdomen": "abdomen", "thorax": "thorax", "head_neck": "head and neck"}


@dataclass(frozen=True)
class Case:
    """Some labelled slices of one region.

    Attributes:
        region: "abdomen", "thorax" or "head_neck".
        images: (N, 1, S, S) uint8, windowed.
        labels: (N, S, S) uint8, 0 for background.
        organs: names of the labels 1, 2, ...
        words: what they are, for captions.
        real: whether they are slices of patients.
        showable: whether they may stand in a page; most sets may not be passed on.
    """

    region: str
    images: Array
    labels: Array
    organs: tuple[str, ...]
    words: str
    real: bool
    showable: bool = True

    @property
    def name(self) -> str:
        """What is counted over them is called after them."""
        return TITLES[self.region] + (", real CT" if self.real else "")


def phantom_case(region: str, *, size: int, count: int, seed: int = 0) -> Case:
    """``count`` slices of three phantoms, evenly spread over those that show many organs.

    Many: at least half as many as the slice that shows most.
    """
    bank = _phantoms(region, size, seed)
    return _case(bank, region, count, f"{TITLES[region].capitalize()} phantoms.")


def real_case(region: str, *, size: int, count: int) -> Case | None:
    """The same of the region's stand-in on real CT; None where it is not at hand."""
    name = facts(region).stand_in
    try:
        bank = ct_bank(region, name, size=size, volumes=VOLUMES)
    except DataError:
        return None
    manifest = manifest_named(name)
    words = f"Real CT: {manifest.title}, {manifest.licence.name}."
    return replace(
        _case(bank, region, count, words), real=True, showable=manifest.licence.redistribution
    )


def superpixel_maps(images: Array, config: SuperpixelConfig | None = None) -> Array:
    """Superpixels of (N, 1, S, S) uint8 slices: (N, S, S) int16."""
    return np.stack([superpixels(one, config or SuperpixelConfig()) for one in images])


@lru_cache(maxsize=8)
def _phantoms(region: str, size: int, seed: int) -> CtBank:
    return ct_bank(region, "phantom", size=size, volumes=VOLUMES, slices=16, seed=seed)


def _case(bank: CtBank, region: str, count: int, words: str) -> Case:
    assert bank.labels is not None, "phantoms and stand-ins are labelled"
    # Long scans have many slices with a piece of one organ, which say little about merging.
    shown = np.array([len(np.unique(one[one > 0])) for one in np.asarray(bank.labels)])
    rich = np.flatnonzero(shown >= max(1, shown.max() / 2))
    kept = rich[np.linspace(0, len(rich) - 1, min(count, len(rich))).round().astype(int)]
    images, labels = np.array(bank.images[kept]), np.array(bank.labels[kept])
    return Case(region, images, labels, bank.organs, words, real=False)


def fullest(case: Case) -> Case:
    """The one slice that shows most organs, of those the one with most of their pixels."""
    organs = [len(np.unique(one[one > 0])) for one in case.labels]
    pixels = (case.labels > 0).sum(axis=(1, 2))
    best = max(range(len(organs)), key=lambda k: (organs[k], pixels[k]))
    return replace(case, images=case.images[best : best + 1], labels=case.labels[best : best + 1])
