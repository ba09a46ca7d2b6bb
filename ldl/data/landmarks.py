"""Images with one point to find in each: the truths of one-shot localization (LDL section 6.3).

Points are (row, column) in pixels of the prepared square image; the centre of the first pixel is
at (0.0, 0.0). They come from tables of centres, from centroids of masks, or with phantoms.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import numpy as np

from ldl.data import phantoms, prepare
from ldl.data.bank import Bank, image_bank, image_rows
from ldl.data.examples import load_example, union_mask
from ldl.data.folder import DatasetFolder
from ldl.data.manifest import Member, collection_named, id_list, manifest_named
from ldl.data.preprocess import Box, Example, Point, Shape, centroid, field_of_view, placed
from ldl.data.readers import read_hrf_centres, read_idrid_centres, read_image
from ldl.data.readers.tables import Centres
from ldl.errors import ConfigError, DataError
from ldl.runs.base import PHANTOMS
from ldl.runs.localize import WINDOWS

VERSION = 1  # raise when points change: banks of another version are made again


class RealLandmarks(NamedTuple):
    """The landmark of every image of a collection, prepared as for every other use.

    ``table`` is the role of the file with the centres (of this manifest or `idrid_localization`),
    in pixels of an ``original`` of those rows and columns; None: centroids of the masks.
    """

    collection: str
    table: str | None = None
    original: Shape | None = None


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
    """The images of ``source`` with the true place of ``landmark``, see `KNOWN`; built once.

    ``size`` is the side of the square images; ``count`` and ``seed`` are of phantoms, real sets
    such as "idrid" (103 centres) or "scr" (247 centroids of heart masks) come whole.
    """
    if (source, landmark) not in KNOWN:
        known = ", ".join(f"{one} {name}" for one, name in KNOWN)
        raise ConfigError(f"no landmark {landmark!r} in {source!r}; known: {known}")
    name = f"{source}-{landmark}-{size}"

    def checked(id: str, image: np.ndarray, point: Point) -> tuple[str, dict[str, np.ndarray], str]:
        if not all(-0.5 <= place <= size - 0.5 for place in point):
            raise DataError(f"{name}: the landmark of {id} lies outside the image, at {point}")
        return id, {"images": image, "points": np.array(point, dtype=np.float64)}, "train"

    stamp = [VERSION, prepare.VERSION, name]
    rows = image_rows((1 if landmark == "heart" else 3, size, size), points=True)
    make = partial(image_bank, f"landmarks-{name}", name=name, rows=rows, leave_out=None,
                   progress=progress)  # fmt: skip
    if source == "phantom":
        draw = partial(phantoms().landmarks, landmark, count=count, size=size, seed=seed)
        stamp += [PHANTOMS, count, seed]
        return make(stamp, items=lambda: list(draw()), load=lambda drawn: checked(*drawn))
    more, members, read = _real(REAL[source, landmark], size)
    return make([*stamp, *more], items=lambda: members, load=lambda one: checked(*read(one)))


def _real(
    told: RealLandmarks, size: int
) -> tuple[list[object], list[Member], Callable[[Member], Example]]:
    """What the bank depends on, the images in the order of their list, and how to read one."""
    manifest, collection = collection_named(told.collection)
    members = list(id_list(collection.ids or collection.key))
    source = DatasetFolder(manifest)
    sources = [source]
    if told.table:
        own = any(told.table in layout.files for layout in manifest.layouts)
        sources.append(DatasetFolder(manifest if own else manifest_named("idrid_localization")))

    @cache
    def centres() -> Centres:
        path = sources[1].path(told.table or "", members[0])
        return read_hrf_centres(path) if path.suffix == ".xls" else read_idrid_centres(path)

    def read(one: Member) -> Example:
        image, _ = load_example(source, collection, one, size)
        path = source.path(collection.images or "images", one)
        pixels = read_image(path)
        shape = (pixels.shape[0], pixels.shape[1])
        box = Box(0, shape[0], 0, shape[1])
        if manifest.modality == "fundus":
            box = field_of_view(pixels, path, reduced_from=source.layout.reduced_from)
        if told.table is None:
            mask, whole = union_mask(source, collection, one, shape), shape
            if not mask.any():
                raise DataError(f"{source.root}: the mask of {one} is empty and has no centre")
            point = centroid(mask)
        else:
            if one.id not in centres():
                raise DataError(f"{told.table}: no centre of {one}; fetch the file again")
            point, whole = centres()[one.id][::-1], told.original or shape
        return one.id, image, placed(point, whole, shape, box, size)

    layouts = [one.layout.model_dump(mode="json") for one in sources]
    stamp = [layouts, [one.id for one in members], [one.state() for one in sources]]
    return stamp, members, read
