"""Labelled slices to show superpixels and region vectors on: phantoms, or real CT at hand."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from ldl.data.ct import REGIONS, CtBank, ct_bank, facts
from ldl.errors import DataError

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
        fingerprint: of the bank they come from, for `ldl.data.superpixel_bank`.
    """

    region: str
    images: Array
    labels: Array
    organs: tuple[str, ...]
    words: str
    real: bool
    fingerprint: str

    @property
    def name(self) -> str:
        """What is counted over them is called after them."""
        return TITLES[self.region] + (", real CT" if self.real else "")


def phantom_case(region: str, *, size: int, count: int, seed: int = 0) -> Case:
    """``count`` slices of phantoms, evenly spread over three volumes and their height."""
    bank = _phantoms(region, size, seed)
    return _case(bank, region, count, f"{TITLES[region].capitalize()} phantoms.", real=False)


def real_case(region: str, *, size: int, count: int) -> Case | None:
    """The same of the region's stand-in on real CT; None where it is not at hand."""
    name = facts(region).stand_in
    try:
        bank = ct_bank(region, name, size=size, volumes=VOLUMES)
    except DataError:
        return None
    return _case(bank, region, count, f"Real CT: {name}.", real=True)


def phantom_cases(*, size: int, count: int, seed: int = 0) -> list[Case]:
    """`phantom_case` of all three regions."""
    return [phantom_case(region, size=size, count=count, seed=seed) for region in REGIONS]


@lru_cache(maxsize=8)
def _phantoms(region: str, size: int, seed: int) -> CtBank:
    return ct_bank(region, "phantom", size=size, volumes=VOLUMES, slices=16, seed=seed)


def _case(bank: CtBank, region: str, count: int, words: str, *, real: bool) -> Case:
    assert bank.labels is not None, "phantoms and stand-ins are labelled"
    labelled = np.flatnonzero((np.asarray(bank.labels) > 0).any(axis=(1, 2)))
    kept = labelled[
        np.linspace(0, len(labelled) - 1, min(count, len(labelled))).round().astype(int)
    ]
    images, labels = np.array(bank.images[kept]), np.array(bank.labels[kept])
    return Case(region, images, labels, bank.organs, words, real, bank.fingerprint)


def fullest(case: Case) -> Case:
    """The one slice that shows most organs, of those the one with most of their pixels."""
    organs = [len(np.unique(one[one > 0])) for one in case.labels]
    pixels = (case.labels > 0).sum(axis=(1, 2))
    best = max(range(len(organs)), key=lambda k: (organs[k], pixels[k]))
    return replace(case, images=case.images[best : best + 1], labels=case.labels[best : best + 1])
