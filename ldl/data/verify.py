"""Is a data set complete and unharmed? Every fault is named, none is repaired.

Files are held against published sha256, and against those recorded on this machine.
"""

import csv
import hashlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from tqdm import tqdm

from ldl import paths
from ldl.data.folder import DatasetFolder
from ldl.data.manifest import columns, id_list
from ldl.data.readers import read_image, read_mask
from ldl.data.readers.nifti import read_nifti
from ldl.data.readers.raster import SUFFIXES, read_bytes
from ldl.errors import DataError

PUBLISHED = "originals_sha256.csv"
COLUMNS = ("dataset", "path", "bytes", "sha256")
Kind = Literal["missing", "extra", "truncated", "renamed", "changed", "unreadable"]


class Known(NamedTuple):
    """What a file should be."""

    size: int
    sha256: str


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


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
        layout, name = source.layout, source.manifest.name
        record = recorded_file(name)
        self.recorded = _list(record, name) if record.is_file() else {}
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


def recorded_file(name: str) -> Path:
    """Where this machine's record of a data set lies."""
    return paths.cache_dir() / "hashes" / f"{name}.csv"


def record_hashes(source: DatasetFolder) -> Path:
    """Write down size and sha256 of every file that is there now, for later comparison."""
    name = source.manifest.name
    target = recorded_file(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    work = target.with_suffix(".tmp")
    with work.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for path, size in sorted(source.index.sizes.items()):
            writer.writerow([name, path, size, file_sha256(source.root / path)])
    work.replace(target)
    return target


@dataclass
class Expected:
    """The files of a data set as its manifest and lists want them.

    Attributes:
        present: relative path -> role, for required files that are there.
        optional: the same for files that may be there.
        missing: how the wanted path reads -> every path where it could lie.
        doubled: second and further files for one image and role -> the first.
        short: collections without a list that hold too few images, as text.
    """

    present: dict[str, str] = field(default_factory=dict)
    optional: dict[str, str] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)
    doubled: dict[str, str] = field(default_factory=dict)
    short: list[str] = field(default_factory=list)


def expected_files(source: DatasetFolder) -> Expected:
    """Compare the folder with everything the manifest asks for."""
    result = Expected()

    def lacks(candidates: list[str]) -> None:
        result.missing[" or ".join(candidates)] = candidates

    for collection in source.manifest.collections:
        members = source.members(collection)
        ids = {one.id for one in members}
        if not (collection.ids or source.layout.members):
            # No list names all images: the named ones must be there, and the count must be right.
            for member in id_list(collection.first) if collection.first else ():
                if member.id not in ids:
                    lacks(source.candidates(collection.images or "images", member))
            if collection.count is not None and len(ids) != collection.count:
                result.short.append(
                    f"{len(ids):,} images of {collection.key} where there should be "
                    f"{collection.count:,}"
                )
        roles = collection.required() | (set(collection.also) & set(source.layout.files))
        for member in members:
            for role in sorted(roles):
                found = source.paths(role, member)
                if not found:
                    lacks(source.candidates(role, member))
                result.present |= dict.fromkeys(found[:1], role)
                result.doubled |= dict.fromkeys(found[1:], found[0] if found else "")
        for role in collection.optional:
            for expression in source.expressions.get(role, []):
                for path in source.index.sizes:
                    match = expression.fullmatch(path)
                    # A template without an id names one file for all; any other a known id.
                    if match and match.groupdict().get("id", next(iter(ids), "")) in ids:
                        result.optional.setdefault(path, role)
    return result


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: what kind, which file, and the detail."""

    kind: Kind
    path: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: {self.path}" + (f" ({self.detail})" if self.detail else "")


@dataclass(frozen=True)
class Report:
    """What was checked: the layout found, files compared with a known hash, files decoded."""

    layout: str
    hashed: int
    decoded: int
    faults: tuple[Fault, ...]


def verify(source: DatasetFolder, *, progress: bool = False) -> Report:
    """Compare a data set with its manifest, lists and known hashes.

    A file with a known hash is hashed; any other is decoded to its end. A missing file whose
    content lies under another name is reported as renamed.
    """
    known = KnownHashes(source)
    expected = expected_files(source)
    for path in known.recorded:
        if path not in source.index.sizes:
            expected.missing.setdefault(path, [path])
    faults = _absent(source, expected, known)
    faults += [Fault("missing", text) for text in expected.short]
    faults += [Fault("extra", p, f"besides {q}") for p, q in expected.doubled.items()]
    hashed = 0
    present = sorted((expected.optional | expected.present).items())
    for path, role in tqdm(present, source.manifest.name, unit="file", disable=not progress):
        wanted = known.get(path)
        hashed += wanted is not None
        fault = _compare(source, known, wanted, path) if wanted else _decode(source, path, role)
        faults += [fault] if fault else []
    return Report(source.layout.name, hashed, len(present) - hashed, tuple(faults))


def _absent(source: DatasetFolder, expected: Expected, known: KnownHashes) -> list[Fault]:
    """Missing, renamed and extra files."""
    faults: list[Fault] = []
    asked = {*expected.present, *expected.optional, *expected.doubled}
    extra = [path for path in source.index.sizes if path not in asked]
    sizes = {
        one.size for paths in expected.missing.values() for p in paths if (one := known.get(p))
    }
    by_hash = {
        file_sha256(source.root / path): path for path in extra if source.index.sizes[path] in sizes
    }
    for shown, candidates in expected.missing.items():
        hashes = [one.sha256 for path in candidates if (one := known.get(path))]
        elsewhere = next((by_hash[one] for one in hashes if one in by_hash), None)
        if elsewhere is None:
            faults.append(Fault("missing", shown))
        else:
            faults.append(Fault("renamed", shown, f"its content lies in {elsewhere}"))
            extra.remove(elsewhere)
    return faults + [Fault("extra", path) for path in extra]


def _compare(source: DatasetFolder, known: KnownHashes, wanted: Known, path: str) -> Fault | None:
    """A file against what is known about it."""
    size, digest = source.index.sizes[path], file_sha256(source.root / path)
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
