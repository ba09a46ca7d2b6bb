"""Images whose structures are known, cut into patches: phantoms, or real ones with masks."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from ldl.data.manifest import collection_named
from ldl.data.sources import pretraining_bank, task_bank
from ldl.engine.profiles import profile_named
from ldl.phantoms import pretraining_image
from ldl.runs.pretrain import EncoderConfig
from ldl.tasks import Modality
from ldl.train.pretrain import held_out_rows

GRID = 8
MOST_IMAGES = 32
OUTSIDE = -1
# A cell shows a structure from this share of its pixels on; where two do, the later one counts. A
# structure that fewer cells than FEWEST show is no class: its share would be a matter of chance.
LEAST = {
    "fundus": {"vessel": 0.15, "od": 0.4, "hard_exudates": 0.1},
    "xray": {"lung": 0.5, "heart": 0.5, "clavicle": 0.3},
}
NAMES = {"od": "disc", "hard_exudates": "exudates", "rest": "rest"}
# Real images of one data set with several structures marked; the second key names the mask.
REAL = {
    "fundus": {"od": "idrid_od", "hard_exudates": "idrid_hard_exudates"},
    "xray": {"lung": "scr_lung", "heart": "scr_heart", "clavicle": "scr_clavicle"},
}
FEWEST = 20
# A pixel of the field of view is brighter than this; a cell inside it has this share of them.
LIT, LIT_CELL = 20, 0.9


@dataclass(frozen=True)
class Patches:
    """Images cut into GRID x GRID cells, and what each cell shows.

    Attributes:
        images: (N, C, H, W) uint8.
        classes: (N, GRID * GRID) int, an index of ``names``, or OUTSIDE the field of view.
        names: of the classes, "rest" first.
        words: one sentence for a caption.
        showable: whether the images may stand in a page.
    """

    images: NDArray[np.uint8]
    classes: NDArray[np.int64]
    names: tuple[str, ...]
    words: str
    showable: bool


def phantom_patches(config: EncoderConfig) -> Patches:
    """The phantoms that encoders of this kind were not trained on."""
    bank = pretraining_bank(config.data, config.modality)
    rows = held_out_rows(len(bank.images))[1][-MOST_IMAGES:]
    data = config.data
    drawn = [
        pretraining_image(config.modality, row, size=data.size, seed=data.seed, closer=data.closer)[
            1
        ]
        for row in rows
    ]
    images = np.array(bank.images[rows])
    words = f"{len(rows)} phantoms that no encoder was trained on."
    return _cut(images, drawn, config.modality, words, showable=True)


def real_patches(modality: Modality, profile: str) -> Patches:
    """The test images of one real data set with several structures marked.

    Raises:
        DataError: they are not at hand.
    """
    data, wanted = profile_named(profile).tasks, REAL[modality]
    banks = {name: task_bank(data, task) for name, task in wanted.items()}
    masks: dict[str, dict[str, NDArray]] = {}
    images: dict[str, NDArray[np.uint8]] = {}
    for name, bank in banks.items():
        for row in bank.rows("test"):
            masks.setdefault(bank.ids[row], {})[name] = np.array(bank.masks[row])
            images[bank.ids[row]] = np.array(bank.images[row])
    ids = [id for id, found in masks.items() if len(found) == len(wanted)][:MOST_IMAGES]
    manifest, _ = collection_named(next(iter(wanted.values())))
    words = f"{len(ids)} real test images of {manifest.title} ({manifest.licence.name})."
    stack = np.stack([images[id] for id in ids])
    return _cut(
        stack, [masks[id] for id in ids], modality, words, showable=manifest.licence.redistribution
    )


def _cut(
    images: NDArray[np.uint8],
    masks: Iterable[dict[str, NDArray]],
    modality: Modality,
    words: str,
    *,
    showable: bool,
) -> Patches:
    known = list(masks)
    least = {name: share for name, share in LEAST[modality].items() if name in known[0]}
    shown = {
        name: shares(np.stack([each[name] for each in known])) >= share
        for name, share in least.items()
    }
    shown = {name: cells for name, cells in shown.items() if cells.sum() >= FEWEST}
    classes = np.zeros((len(images), GRID**2), dtype=np.int64)
    for number, cells in enumerate(shown.values(), 1):
        classes[cells] = number
    if modality == "fundus":
        classes[shares(images.max(axis=1) > LIT) <= LIT_CELL] = OUTSIDE
    names = tuple(NAMES.get(name, name) for name in ("rest", *shown))
    return Patches(images, classes, names, words, showable)


def shares(masks: NDArray) -> NDArray[np.float32]:
    """(N, H, W) bool or 0/1 -> (N, GRID * GRID), how much of each cell it covers."""
    maps = torch.from_numpy(masks.astype(np.float32))[:, None]
    covered: NDArray[np.float32] = F.adaptive_avg_pool2d(maps, GRID).flatten(1).numpy()
    return covered
