"""Banks of images with a landmark each, made once and kept."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock
from tqdm import tqdm

from ldl import paths, phantoms
from ldl.data import prepare
from ldl.data.bank import BankWriter, open_image_bank
from ldl.data.landmarks.phantom import phantom_landmarks
from ldl.data.landmarks.place import Example
from ldl.data.landmarks.real import RealLandmarks
from ldl.errors import ConfigError, DataError
from ldl.runs.localize import WINDOWS

VERSION = 1  # raise when points change: banks of another version are made again
# HRF is the paper's; IDRiD and DRISHTI-GS1 stand in for it where its centres are not at hand.
REAL = {
    ("hrf", "disc"): RealLandmarks("hrf_vessel", "centres", (2336, 3504)),
    ("idrid", "disc"): RealLandmarks("idrid_grading_test", "od_centres", (2848, 4288)),
    ("idrid", "fovea"): RealLandmarks("idrid_grading_test", "fovea_centres", (2848, 4288)),
    ("drishti_gs1", "disc"): RealLandmarks("drishti_gs1_od"),
    ("idrid_segmentation", "disc"): RealLandmarks("idrid_od"),
    ("scr", "heart"): RealLandmarks("scr_heart"),
}
KNOWN = (*(("phantom", name) for name in WINDOWS), *REAL)


@dataclass(frozen=True)
class LandmarkBank:
    """Images with one landmark each.

    Attributes:
        images: (N, C, H, W) uint8.
        points: (N, 2) float64, row and column in pixels.
        ids: one an image.
        fingerprint: sha256 over images, ids and points.
    """

    name: str
    images: np.ndarray
    points: np.ndarray
    ids: tuple[str, ...]
    fingerprint: str


def landmark_bank(
    source: str, landmark: str, size: int, *, count: int = 40, seed: int = 0, progress: bool = False
) -> LandmarkBank:
    """The images of ``source`` with the true place of ``landmark``; built once, then opened.

    Args:
        source: "phantom", or a data set: "hrf", "idrid" (103 centres), "drishti_gs1",
            "idrid_segmentation" (centroids of disc masks), "scr" (247 centroids of heart masks).
        landmark: "disc", "fovea" or "heart", as far as the source has it.
        size: side of the square images in pixels.
        count: number of phantoms; real sets come whole.
        seed: of the phantoms.
        progress: show a bar.

    Raises:
        ConfigError: the source has no such landmark.
        DataError: the originals are not at hand or damaged, or a point lies outside its image.
    """
    if (source, landmark) not in KNOWN:
        known = ", ".join(f"{one} {name}" for one, name in KNOWN)
        raise ConfigError(f"no landmark {landmark!r} in {source!r}; known: {known}")
    name = f"{source}-{landmark}-{size}"
    if source == "phantom":
        stamp: list[object] = [phantoms.fingerprint(), count, seed]
        total, examples = count, phantom_landmarks(landmark, count, size, seed)
    else:
        real = REAL[source, landmark]
        stamp, total = real.stamp(), len(real.members())
        examples = real.examples(size)
    folder = _folder(name, [VERSION, prepare.VERSION, size, *stamp])
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"landmarks-{name}.lock")):
        if not (folder / "index.json").is_file():
            bar = tqdm(examples, desc=name, total=total, unit="image", disable=not progress)
            _write(folder, name, total, size, bar)
    return _open(folder)


class _Writer(BankWriter):
    """A bank with a point for each image."""

    points: np.ndarray

    def _finish(self) -> None:
        np.save(self._work / "points.npy", self.points)
        super()._finish()


def _write(folder: Path, name: str, count: int, size: int, examples: Iterable[Example]) -> None:
    channels = 1 if name.split("-")[1] == "heart" else 3
    points = []
    with _Writer(folder, name, count, (channels, size, size)) as writer:
        for id_, image, point in examples:
            if not all(-0.5 <= place <= size - 0.5 for place in point):
                raise DataError(f"{name}: the landmark of {id_} lies outside the image, at {point}")
            writer.add(id_, image)
            points.append(point)
        writer.points = np.array(points, dtype=np.float64).reshape(-1, 2)


def _open(folder: Path) -> LandmarkBank:
    bank = open_image_bank(folder)
    try:
        points = np.load(folder / "points.npy", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{folder / 'points.npy'}: not readable; delete the folder") from error
    if points.shape != (len(bank.ids), 2):
        raise DataError(f"{folder / 'points.npy'}: does not match its images; delete the folder")
    fingerprint = hashlib.sha256(bank.fingerprint.encode() + points.tobytes()).hexdigest()
    return LandmarkBank(bank.name, bank.images, points, bank.ids, fingerprint)


def _folder(name: str, stamp: list[object]) -> Path:
    key = hashlib.sha256(json.dumps(stamp).encode()).hexdigest()[:12]
    return paths.cache_dir() / "banks" / f"landmarks-{name}-{key}"
