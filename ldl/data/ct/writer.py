"""Writing a slice bank: slice by slice, its length found out on the way, whole or not at all."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from ldl.data.ct.bank import BankFacts, CtEntry
from ldl.data.ct.growing import GrowingArray
from ldl.errors import DataError
from ldl.tasks import Spacing

Array = np.ndarray


class CtBankWriter:
    """Fill a slice bank volume by volume; the folder appears whole on leaving, or not at all.

    Args:
        folder: where the bank will stand; replaced if it exists.
        facts: what it will hold.

    Attributes:
        left_out: fill it with the volumes that were not usable, id -> why.
    """

    def __init__(self, folder: Path, facts: BankFacts) -> None:
        self.folder, self.facts = folder, facts
        self.volumes: list[CtEntry] = []
        self.left_out: dict[str, str] = {}
        folder.parent.mkdir(parents=True, exist_ok=True)
        self._work = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        self._slice = (facts.size, facts.size)
        self._images = GrowingArray(self._work / "images.npy", (1, *self._slice))
        self._labels = (
            GrowingArray(self._work / "labels.npy", self._slice) if facts.labelled else None
        )

    def add(
        self,
        id: str,
        slices: Iterable[tuple[Array, Array | None]],
        *,
        spacing: Spacing,
        affine: Array,
        outside: float = 0.0,
    ) -> None:
        """Append a volume, slice by slice upwards: image and label (S, S) uint8.

        Raises:
            DataError: duplicate id, wrong shape or type, a label missing or too many, a label
                without an organ's name, no slice, or a volume of one grey. The bank is then as it
                was before.
        """
        if id in {one.id for one in self.volumes}:
            name = self.facts.name
            raise DataError(f"{name}: duplicate id {id!r}; every volume needs its own")
        first = self._images.count
        try:
            content = self._append(id, slices)
        except DataError:
            for file in (self._images, self._labels):
                if file is not None:
                    file.shorten(first)
            raise
        rows = tuple(tuple(float(one) for one in row) for row in affine)
        count = self._images.count - first
        self.volumes.append(CtEntry(id, first, count, spacing, rows, outside, content))

    def _append(self, id: str, slices: Iterable[tuple[Array, Array | None]]) -> str:
        """Write the slices; returns the hash of their content."""
        digest, greys = hashlib.sha256(), set()
        for image, label in slices:
            self._check(id, image, label)
            greys |= {int(image.min()), int(image.max())}
            for array, file in ((image, self._images), (label, self._labels)):
                if array is not None and file is not None:
                    digest.update(np.ascontiguousarray(array).tobytes())
                    file.add(array)
        if len(greys) < 2:
            low, high = self.facts.window
            raise DataError(
                f"{id}: empty after windowing to {low}..{high} HU; is it of the region asked for?"
            )
        return digest.hexdigest()

    def _check(self, id: str, image: Array, label: Array | None) -> None:
        for array in (image, label) if self.facts.labelled else (image,):
            if array is None or array.shape != self._slice or array.dtype != np.uint8:
                found = "nothing" if array is None else f"{array.dtype} {array.shape}"
                raise DataError(f"{id}: {found} where a slice of uint8 {self._slice} belongs")
        if (label is None) == self.facts.labelled:
            raise DataError(f"{id}: a label in a bank without labels; leave it out")
        if label is not None and label.max() > len(self.facts.organs):
            raise DataError(
                f"{id}: label {label.max()} in a bank of {len(self.facts.organs)} organs"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            for file in (self._images, self._labels):
                if file is not None:
                    file.close()
            if kind is None:
                self._finish()
        finally:
            shutil.rmtree(self._work, ignore_errors=True)

    def _finish(self) -> None:
        if not self.volumes:
            raise DataError(f"{self.facts.name}: no usable volume; nothing was written")
        told = {"volumes": [asdict(one) for one in self.volumes], **asdict(self.facts)}
        # The words of the note are no content.
        content = json.dumps({**told, "note": ""}, sort_keys=True).encode()
        index = {
            **told,
            "fingerprint": hashlib.sha256(content).hexdigest(),
            "left_out": self.left_out,
        }
        (self._work / "index.json").write_text(json.dumps(index, indent=1))
        if self.folder.exists():
            shutil.rmtree(self.folder)
        self._work.rename(self.folder)
