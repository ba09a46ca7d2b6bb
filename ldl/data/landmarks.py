"""Images with one point to find in each: the truths of one-shot localization (LDL section 6.3).

Points are (row, column) in pixels of the prepared square image; the centre of the first pixel is
at (0.0, 0.0). They come from tables of centres, from centroids of masks, or with phantoms.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from ldl.data import phantoms, prepare
from ldl.data.bank import Bank, BankWriter, Entry, bank_of, image_rows, open_images
from ldl.data.folder import DatasetFolder
from ldl.data.manifest import Member, collection_named, id_list, manifest_named
from ldl.data.prepare import load_example, union_mask
from ldl.data.preprocess import Point, Shape, centroid, placed
from ldl.data.readers.tables import Centres, read_hrf_centres, read_idrid_centres
from ldl.errors import ConfigError, DataError
from ldl.runs.base import PHANTOMS
from ldl.runs.localize import WINDOWS

VERSION = 1  # raise when points change: banks of another version are made again
Found = tuple[np.ndarray, Point]  # image (C, S, S) uint8, point


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
    rows = image_rows((1 if landmark == "heart" else 3, size, size), points=True)
    stamp = [VERSION, prepare.VERSION, name]
    items: Callable[[], Mapping[str, Any]]
    if source == "phantom":
        draw = partial(phantoms().landmarks, landmark, count=count, size=size, seed=seed)
        stamp += [PHANTOMS, count, seed]
        items, read = lambda: {one[0]: one[1:] for one in draw()}, lambda drawn: drawn
    else:
        more, items, read = _real(REAL[source, landmark], size)
        stamp += more

    def entries(_: BankWriter, id: str, item: Any) -> Iterator[Entry]:
        image, point = read(item)
        if not all(-0.5 <= place <= size - 0.5 for place in point):
            raise DataError(f"{name}: the landmark of {id} lies outside the image, at {point}")
        row = {"images": image, "points": np.array(point, dtype=np.float64)}
        yield id, [row], {"split": "train"}

    label = f"landmarks-{name}"
    return open_images(bank_of(label, stamp, name, rows, items, entries, progress=progress))


def _real(
    told: RealLandmarks, size: int
) -> tuple[list[Any], Callable[[], Mapping[str, Member]], Callable[[Member], Found]]:
    """What the bank depends on, the images in the order of their list, and how to read one."""
    manifest, collection = collection_named(told.collection)
    members = {one.id: one for one in id_list(collection.ids or collection.key)}
    source = DatasetFolder(manifest)
    sources = [source]
    if told.table:
        own = any(told.table in layout.files for layout in manifest.layouts)
        sources.append(DatasetFolder(manifest if own else manifest_named("idrid_localization")))

    @cache
    def centres() -> Centres:
        path = sources[1].path(told.table or "", next(iter(members.values())))
        return read_hrf_centres(path) if path.suffix == ".xls" else read_idrid_centres(path)

    def read(one: Member) -> Found:
        found, _ = load_example(source, collection.model_copy(update={"masks": ()}), one, size)
        whole = found.shape
        if told.table is None:
            mask = union_mask(source, collection, one, whole)
            if not mask.any():
                raise DataError(f"{source.root}: the mask of {one} is empty and has no centre")
            point = centroid(mask)
        else:
            if one.id not in centres():
                raise DataError(f"{told.table}: no centre of {one}; fetch the file again")
            point, whole = centres()[one.id][::-1], told.original or whole
        return found.square, placed(point, whole, found.shape, found.box, size)

    layouts = [one.layout.model_dump(mode="json") for one in sources]
    return [layouts, list(members), [one.index.state() for one in sources]], lambda: members, read
