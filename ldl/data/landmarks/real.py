"""Landmarks of real images: centres from tables, centroids of masks."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from ldl.data.examples import load_example, union_mask
from ldl.data.folder import DatasetFolder
from ldl.data.landmarks.place import Example, Point, Shape, centroid, placed
from ldl.data.manifest import collection_named, manifest_named
from ldl.data.preprocess import Box, field_of_view
from ldl.data.readers import (
    read_hrf_centres,
    read_hrf_experts,
    read_idrid_centres,
    read_image,
)
from ldl.data.readers.centres import Centres
from ldl.data.schema import Collection
from ldl.data.splits import Member, id_list
from ldl.errors import DataError


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
        files = [
            (path, size, (source.root / path).lstat().st_mtime_ns)
            for source in sources
            for path, size in sorted(source.index.sizes.items())
        ]
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
