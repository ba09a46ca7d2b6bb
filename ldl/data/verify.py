"""Is a data set complete and unharmed? Every fault is named, none is repaired.

Files are held against published sha256, and against those recorded on this machine.
"""

import csv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from tqdm import tqdm

from ldl import paths
from ldl.data.files import columns, file_hash, read_bytes
from ldl.data.folder import DatasetFolder
from ldl.data.manifest import Collection, id_list
from ldl.data.readers.image import SUFFIXES, read_image, read_mask
from ldl.data.readers.nifti import read_nifti
from ldl.errors import DataError

PUBLISHED = "originals_sha256.csv"
COLUMNS = ("dataset", "path", "bytes", "sha256")
Kind = Literal["missing", "extra", "truncated", "renamed", "changed", "unreadable"]


class Known(NamedTuple):
    """What a file should be."""

    size: int
    sha256: str


def _list(path: Path, dataset: str, folder: str = "") -> dict[str, Known]:
    prefix = f"{folder}/" if folder else ""
    try:
        return {
            name.removeprefix(prefix): Known(int(size), sha256)
            for owner, name, size, sha256 in columns(path, *COLUMNS)
            if owner == dataset and name.startswith(prefix)
        }
    except ValueError as error:
        raise DataError(f"{path}: not a list with columns {','.join(COLUMNS)}") from error


class KnownHashes:
    """Published hashes of a data set in the layout at hand, and what was recorded here."""

    def __init__(self, source: DatasetFolder) -> None:
        layout, record = source.layout, _record(source)
        self.recorded = _list(record, source.manifest.name) if record.is_file() else {}
        published: dict[str, Known] = {}
        if layout.hashes is not None:
            published = _list(paths.manifests_dir() / PUBLISHED, layout.hashes, layout.hash_folder)
        self._by_path = self.recorded | published
        # The same file may lie in another folder than in the published list.
        counts = Counter(PurePosixPath(path).name for path in published)
        named = {PurePosixPath(path).name: known for path, known in published.items()}
        self._by_name = {name: known for name, known in named.items() if counts[name] == 1}
        self.path_of = {known.sha256: path for path, known in self._by_path.items()}

    def get(self, path: str) -> Known | None:
        """What the file at this relative path should be, as far as known."""
        return self._by_path.get(path) or self._by_name.get(PurePosixPath(path).name)


def _record(source: DatasetFolder) -> Path:
    """Where this machine's record of a data set lies."""
    return paths.cache_dir() / "hashes" / f"{source.manifest.name}.csv"


def record_hashes(source: DatasetFolder) -> Path:
    """Write down size and sha256 of every file that is there now, for later comparison."""
    target = _record(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    work = target.with_suffix(".tmp")
    with work.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for path, size in sorted(source.index.sizes.items()):
            writer.writerow([source.manifest.name, path, size, file_hash(source.root / path)])
    work.replace(target)
    return target


class Fault(NamedTuple):
    """One thing that is wrong: what kind, which file, and the detail."""

    kind: Kind
    path: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.path}" + (f" ({self.detail})" if self.detail else "")


class Report(NamedTuple):
    """What was checked: the layout found, files compared with a known hash, files decoded."""

    layout: str
    hashed: int
    decoded: int
    faults: tuple[Fault, ...]


@dataclass
class _Expected:
    """The files of a data set as its manifest and lists want them.

    Attributes:
        roles: relative path -> role, for files that are there, optional ones included.
        missing: how the wanted path reads -> every path where it could lie.
        faults: further files for one image and role, and collections that hold too few images.
    """

    source: DatasetFolder
    roles: dict[str, str] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def lacks(self, candidates: list[str]) -> None:
        self.missing[" or ".join(candidates)] = candidates

    def collect(self, collection: Collection) -> None:
        source = self.source
        members = source.members(collection)
        ids = {one.id for one in members}
        if not (collection.ids or source.layout.members):
            # No list names all images: the named ones must be there, and the count must be right.
            for member in id_list(collection.first) if collection.first else ():
                if member.id not in ids:
                    self.lacks(source.candidates(collection.images or "images", member))
            if collection.count is not None and len(ids) != collection.count:
                many = f"{len(ids):,} images of {collection.key} where there should be "
                self.faults.append(Fault("missing", f"{many}{collection.count:,}"))
        roles = collection.required() | (set(collection.also) & set(source.layout.files))
        for member in members:
            for role in sorted(roles):
                found = source.paths(role, member)
                if not found:
                    self.lacks(source.candidates(role, member))
                self.roles |= dict.fromkeys(found[:1], role)
                self.faults += [Fault("extra", one, f"besides {found[0]}") for one in found[1:]]
        for role in collection.optional:
            for expression in source.expressions.get(role, []):
                for match in filter(None, map(expression.fullmatch, source.index.sizes)):
                    # A template without an id names one file for all; any other a known id.
                    if match.groupdict().get("id", next(iter(ids), "")) in ids:
                        self.roles.setdefault(match.string, role)

    def absent(self, known: KnownHashes) -> list[Fault]:
        """Missing, renamed and extra files."""
        source, faults = self.source, list[Fault]()
        told = {*self.roles, *(one.path for one in self.faults)}
        extra = [path for path in source.index.sizes if path not in told]
        wanted = {shown: [one for path in each if (one := known.get(path))]
                  for shown, each in self.missing.items()}  # fmt: skip
        sizes = {one.size for each in wanted.values() for one in each}
        by_hash = {file_hash(source.root / path): path
                   for path in extra if source.index.sizes[path] in sizes}  # fmt: skip
        for shown, each in wanted.items():
            where = next((by_hash[one.sha256] for one in each if one.sha256 in by_hash), None)
            if where is None:
                faults.append(Fault("missing", shown))
            else:
                faults.append(Fault("renamed", shown, f"its content lies in {where}"))
                extra.remove(where)
        return faults + [Fault("extra", path) for path in extra]


def verify(source: DatasetFolder, *, progress: bool = False) -> Report:
    """Compare a data set with its manifest, lists and known hashes.

    A file with a known hash is hashed; any other is decoded to its end. A missing file whose
    content lies under another name is reported as renamed.
    """
    known, expected = KnownHashes(source), _Expected(source)
    for collection in source.manifest.collections:
        expected.collect(collection)
    for path in known.recorded:
        if path not in source.index.sizes:
            expected.missing.setdefault(path, [path])
    faults: list[Fault | None] = [*expected.absent(known), *expected.faults]
    hashed, bar = 0, sorted(expected.roles.items())
    for path, role in tqdm(bar, source.manifest.name, unit="file", disable=not progress):
        wanted = known.get(path)
        hashed += wanted is not None
        fault = _compare(source, known, wanted, path) if wanted else _decode(source, path, role)
        faults.append(fault)
    return Report(
        source.layout.name, hashed, len(bar) - hashed, tuple(dict.fromkeys(filter(None, faults)))
    )


def _compare(source: DatasetFolder, known: KnownHashes, wanted: Known, path: str) -> Fault | None:
    """A file against what is known about it."""
    size, digest = source.index.sizes[path], file_hash(source.root / path)
    if digest == wanted.sha256:
        return None
    if (other := known.path_of.get(digest)) is not None:
        return Fault("renamed", path, f"it has the content of {other}")
    if size < wanted.size:
        return Fault("truncated", path, f"{size:,} of {wanted.size:,} bytes")
    return Fault("changed", path, f"sha256 {digest[:12]}..., {wanted.sha256[:12]}... is known")


def _decode(source: DatasetFolder, path: str, role: str) -> Fault | None:
    """A file without a known hash: read to its end."""
    file = source.root / path
    masks = {role for one in source.manifest.collections for role in one.masks}
    name = file.name.lower().removesuffix(".gz")
    try:
        if name.endswith(".nii"):
            read_nifti(file, source.layout.axes)
        elif name.endswith(SUFFIXES) and role in masks:
            read_mask(file, soft_threshold=source.layout.soft_threshold)
        elif name.endswith((*SUFFIXES, ".img", ".dcm")):
            read_image(file)
        else:
            read_bytes(file)
    except DataError as error:
        detail = str(error).removeprefix(f"{file}: ")
        broken = "truncated" in detail or "empty" in detail or " bytes where " in detail
        return Fault("truncated" if broken else "unreadable", path, detail)
    return None
