"""Images with one point to find in each: the truths of one-shot localization (LDL section 6.3).

Points are (row, column) in pixels of the prepared square image; the centre of the first pixel is
at (0.0, 0.0). They come from tables of centres, from centroids of masks, or with phantoms.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from ldl.data import prepare
from ldl.data.bank import Bank, image_rows, made, open_images
from ldl.data.bank_writer import BankWriter
from ldl.data.drawn import phantoms
from ldl.data.examples import load_example, union_mask
from ldl.data.folder import DatasetFolder
from ldl.data.manifest import collection_named, manifest_named
from ldl.data.picture import Example, Point, Shape, centroid, placed
from ldl.data.preprocess import Box, field_of_view
from ldl.data.readers import read_hrf_centres, read_hrf_experts, read_idrid_centres, read_image
from ldl.data.readers.tables import Centres
from ldl.data.schema import Collection
from ldl.data.splits import Member, id_list
from ldl.errors import ConfigError, DataError
from ldl.runs.base import PHANTOMS
from ldl.runs.localize import WINDOWS

VERSION = 1  # raise when points change: banks of another version are made again


@dataclass(frozen=True)
class RealLandmarks:
    """The landmark of every image of a collection.

    Attributes:
        collection: whose images they are, prepared as for every other use.
        table: role of the file with the centres (of this manifest or `idrid_localization`); None:
            the centroids of the collection's masks.
        original: rows, columns of the images in whose pixels the table counts.
    """

    collection: str
    table: str | None = None
    original: Shape | None = None

    def members(self) -> list[Member]:
        """All images of the collection, in the order of its list."""
        _, collection = collection_named(self.collection)
        return list(id_list(collection.ids or collection.key))

    def stamp(self) -> list[object]:
        """What the bank depends on: lists, layouts and files."""
        sources = [DatasetFolder(collection_named(self.collection)[0])]
        if self.table:
            sources.append(self._table_folder())
        files = [source.state() for source in sources]
        layouts = [source.layout.model_dump(mode="json") for source in sources]
        return [layouts, [one.id for one in self.members()], files]

    def examples(self, size: int) -> Iterator[Example]:
        """Id, image (C, size, size) uint8 and point of each image, one after the other.

        Raises:
            DataError: a file is missing or damaged, an image has no centre, or its mask is empty.
        """
        manifest, collection = collection_named(self.collection)
        source = DatasetFolder(manifest)
        centres = self._centres() if self.table else None
        for member in self.members():
            image, _ = load_example(source, collection, member, size)
            path = source.path(collection.images or "images", member)
            pixels = read_image(path)
            shape = (pixels.shape[0], pixels.shape[1])
            box = Box(0, shape[0], 0, shape[1])
            if manifest.modality == "fundus":
                box = field_of_view(pixels, path, reduced_from=source.layout.reduced_from)
            if centres is None:
                point, whole = _mask_centre(source, collection, member, shape), shape
            else:
                point, whole = _listed(centres, self.table, member), self.original or shape
            yield member.id, image, placed(point, whole, shape, box, size)

    def _table_folder(self) -> DatasetFolder:
        manifest = collection_named(self.collection)[0]
        own = any(self.table in layout.files for layout in manifest.layouts)
        return DatasetFolder(manifest if own else manifest_named("idrid_localization"))

    def _centres(self) -> Centres:
        path = self._table_folder().path(self.table or "", self.members()[0])
        return read_hrf_centres(path) if path.suffix == ".xls" else read_idrid_centres(path)


def experts_apart(size: int) -> dict[str, float]:
    """HRF image id -> pixels between the two experts' disc centres in the image of ``size``.

    It is the floor of what can be asked in Table 7: a method that agrees with one expert as well
    as the other does cannot be told from either. The two images of which one sheet has a slip of
    the pen are left out.

    Raises:
        DataError: the originals are not at hand or damaged.
    """
    manifest, collection = collection_named("hrf_vessel")
    source, original = DatasetFolder(manifest), (2336, 3504)
    members = {one.id: one for one in id_list(collection.ids or collection.key)}
    table = source.path("centres", next(iter(members.values())))
    apart = {}
    for name, points in read_hrf_experts(table).items():
        path = source.path(collection.images or "images", members[name])
        pixels = read_image(path)
        box = field_of_view(pixels, path, reduced_from=source.layout.reduced_from)
        shape = (pixels.shape[0], pixels.shape[1])
        one, other = (placed((y, x), original, shape, box, size) for x, y in points)
        apart[name] = math.dist(one, other)
    return apart


def _mask_centre(
    source: DatasetFolder, collection: Collection, member: Member, shape: Shape
) -> Point:
    mask = union_mask(source, collection, member, shape)
    if not mask.any():
        raise DataError(f"{source.root}: the mask of {member.id} is empty and has no centre")
    return centroid(mask)


def _listed(centres: Centres, table: str | None, member: Member) -> Point:
    if member.id not in centres:
        raise DataError(f"{table}: no centre of {member.id}; fetch the file again")
    column, row = centres[member.id]
    return row, column


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


def landmark_bank(
    source: str, landmark: str, size: int, *, count: int = 40, seed: int = 0, progress: bool = False
) -> Bank:
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
        stamp: list[object] = [PHANTOMS, count, seed]
        total = count
        examples = phantoms().landmarks(landmark, count=count, size=size, seed=seed)
    else:
        real = REAL[source, landmark]
        stamp, total = real.stamp(), len(real.members())
        examples = real.examples(size)
    bar = tqdm(examples, desc=name, total=total, unit="image", disable=not progress)
    channels = 1 if landmark == "heart" else 3

    def write(folder: Path) -> None:
        rows = image_rows((channels, size, size), points=True)
        with BankWriter(folder, name, rows, count=total) as writer:
            for number, (id_, image, point) in enumerate(bar):
                if not all(-0.5 <= place <= size - 0.5 for place in point):
                    raise DataError(
                        f"{name}: the landmark of {id_} lies outside the image, at {point}"
                    )
                if number >= writer.done:
                    row = {"images": image, "points": np.array(point, dtype=np.float64)}
                    writer.add(id_, [row], split="train")

    stamp = [VERSION, prepare.VERSION, name, *stamp]
    return open_images(made(f"landmarks-{name}", stamp, write))
