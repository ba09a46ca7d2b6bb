"""The volumes of a CT data set on disk, as its manifest and layout say."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ldl.data.ct.nifti import read_ct
from ldl.data.ct.sets import complete_patients, read_patient, whole_slices
from ldl.data.ct.volume import CtVolume
from ldl.data.folder import DatasetFolder, natural
from ldl.data.manifest import manifest_named
from ldl.data.schema import Collection
from ldl.data.splits import Member
from ldl.errors import DataError


@dataclass(frozen=True)
class CtFiles:
    """A CT data set at hand.

    Attributes:
        ids: its usable volumes in natural order.
        organs: names of the labels 1, 2, ...; empty where it is not labelled.
        left_out: volumes that cannot be used, and why.
        stamp: changes with every file, list and rule that the volumes depend on.
        read: one volume by its id.
    """

    name: str
    ids: tuple[str, ...]
    organs: tuple[str, ...]
    left_out: dict[str, str]
    stamp: tuple[object, ...]
    read: Callable[[str], CtVolume]


def set_files(name: str, root: Path | None = None) -> CtFiles:
    """The data set of that name below the data folder.

    Labels are used where the collection lists them among its files. A layout with other label
    values than the manifest's is mapped by name; structures that the manifest does not name are
    background.

    Raises:
        DataError: not at hand, or no volume in it.
    """
    manifest = manifest_named(name)
    folder = DatasetFolder(manifest, root)
    collection = next(one for one in manifest.collections if one.purpose == "volumes")
    organs = tuple(word for value, word in sorted(manifest.labels.items()) if value)
    organs = organs if "labels" in collection.also else ()
    members = {one.id: one for one in folder.members(collection)}
    left_out: dict[str, str] = {}
    sparse = _is_sparse(folder)
    if sparse:
        left_out = complete_patients(folder, members, organs)
    ids = sorted(set(members) - set(left_out), key=natural)
    if not ids:
        raise DataError(f"{folder.root}: no usable volume of {name}; `ldl data verify {name}`")

    def read(id: str) -> CtVolume:
        if sparse:
            volume = read_patient(id, folder.path("images", members[id]).parent, organs)
        else:
            volume = _read_nifti(folder, members[id], organs)
        return whole_slices(volume) if folder.layout.whole_slices else volume

    return CtFiles(name, tuple(ids), organs, left_out, _stamp(folder, collection, ids), read)


def _is_sparse(folder: DatasetFolder) -> bool:
    return folder.layout.files["images"][0].endswith(".csv")


def _read_nifti(folder: DatasetFolder, member: Member, organs: tuple[str, ...]) -> CtVolume:
    label = None
    if organs:
        found = folder.paths("labels", member)
        label = folder.root / (found or folder.candidates("labels", member))[0]
    codes = _codes(folder.labels, organs)
    image = folder.path("images", member)
    return read_ct(member.id, image, label, codes, axes=folder.layout.axes)


def _codes(labels: dict[int, str], organs: tuple[str, ...]) -> dict[int, int]:
    """Value in this layout's label files -> organ number; by name, others are background."""
    number = {word: k for k, word in enumerate(organs, start=1)}
    return {0: 0} | {value: number.get(word, 0) for value, word in labels.items()}


def _stamp(folder: DatasetFolder, collection: Collection, ids: list[str]) -> tuple[object, ...]:
    return (
        folder.layout.model_dump(mode="json", exclude_defaults=True),
        collection.model_dump(mode="json", exclude_defaults=True),
        sorted(folder.labels.items()),
        ids,
        folder.state(),
    )
