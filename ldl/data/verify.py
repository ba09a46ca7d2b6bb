"""Is a data set complete and unharmed? Every fault is named, none is repaired."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from tqdm import tqdm

from ldl.data.folder import DatasetFolder
from ldl.data.hashes import KnownHashes, file_sha256
from ldl.data.readers import read_image, read_mask, read_nifti
from ldl.data.readers.raster import SUFFIXES, read_bytes
from ldl.data.schema import Collection
from ldl.data.splits import id_list
from ldl.errors import DataError


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

    def extra(self, source: DatasetFolder) -> list[str]:
        """Files that nothing asks for."""
        known = {*self.present, *self.optional, *self.doubled}
        return [path for path in source.index.sizes if path not in known]


def expected_files(source: DatasetFolder) -> Expected:
    """Compare the folder with everything the manifest asks for.

    Raises:
        DataError: a list is damaged, or two images carry the same id.
    """
    result = Expected()
    for collection in source.manifest.collections:
        members = source.members(collection)
        listed = collection.ids or source.layout.members
        if not listed:
            _check_pool(source, collection, {one.id for one in members}, result)
        roles = collection.required() | (set(collection.also) & set(source.layout.files))
        for member in members:
            for role in sorted(roles):
                found = source.paths(role, member)
                if not found:
                    candidates = source.candidates(role, member)
                    result.missing[" or ".join(candidates)] = candidates
                result.present |= dict.fromkeys(found[:1], role)
                result.doubled |= dict.fromkeys(found[1:], found[0] if found else "")
        _add_optional(source, collection, {one.id for one in members}, result)
    return result


def _check_pool(
    source: DatasetFolder, collection: Collection, found: set[str], result: Expected
) -> None:
    """Where no list names all images: the named ones must be there, and the count must be right."""
    for member in id_list(collection.first) if collection.first else ():
        if member.id not in found:
            candidates = source.candidates(collection.images or "images", member)
            result.missing[" or ".join(candidates)] = candidates
    if collection.count is not None and len(found) != collection.count:
        result.short.append(
            f"{len(found):,} images of {collection.key} where there should be {collection.count:,}"
        )


def _add_optional(
    source: DatasetFolder, collection: Collection, ids: set[str], result: Expected
) -> None:
    for role in collection.optional:
        for expression in source.expressions.get(role, []):
            for path in source.index.sizes:
                match = expression.fullmatch(path)
                # A template without an id names one file for all; with one, the id must be known.
                if match and match.groupdict().get("id", next(iter(ids), "")) in ids:
                    result.optional.setdefault(path, role)


Kind = Literal["missing", "extra", "truncated", "renamed", "changed", "unreadable"]
Item = TypeVar("Item")


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

    Raises:
        DataError: a list or manifest is damaged.
    """
    known = KnownHashes(source)
    expected = expected_files(source)
    for path in known.recorded:
        if path not in source.index.sizes:
            expected.missing.setdefault(path, [path])
    faults = _absent(source, expected, known)
    faults += [Fault("missing", text) for text in expected.short]
    faults += [Fault("extra", p, f"besides {q}") for p, q in expected.doubled.items()]
    hashed = decoded = 0
    present = expected.optional | expected.present
    for path, role in _bar(sorted(present.items()), source.manifest.name, progress):
        if known.get(path) is not None:
            hashed += 1
            faults += _compare(source, known, path)
        else:
            decoded += 1
            faults += _decode(source, path, role)
    return Report(source.layout.name, hashed, decoded, tuple(faults))


def _absent(source: DatasetFolder, expected: Expected, known: KnownHashes) -> list[Fault]:
    """Missing, renamed and extra files."""
    faults: list[Fault] = []
    extra = expected.extra(source)
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


def _compare(source: DatasetFolder, known: KnownHashes, path: str) -> list[Fault]:
    """A file against what is known about it."""
    wanted, size = known.get(path), source.index.sizes[path]
    assert wanted is not None
    digest = file_sha256(source.root / path)
    if digest == wanted.sha256:
        return []
    other = known.path_of.get(digest)
    if other is not None:
        return [Fault("renamed", path, f"it has the content of {other}")]
    if size < wanted.size:
        return [Fault("truncated", path, f"{size:,} of {wanted.size:,} bytes")]
    return [Fault("changed", path, f"sha256 {digest[:12]}..., {wanted.sha256[:12]}... is known")]


def _decode(source: DatasetFolder, path: str, role: str) -> list[Fault]:
    """A file without a known hash: read to its end."""
    file = source.root / path
    try:
        _read(source, file, role)
    except DataError as error:
        detail = str(error).removeprefix(f"{file}: ")
        broken = "truncated" in detail or "empty" in detail or " bytes where " in detail
        return [Fault("truncated" if broken else "unreadable", path, detail)]
    return []


def _read(source: DatasetFolder, file: Path, role: str) -> None:
    masks = {role for one in source.manifest.collections for role in one.masks}
    name = file.name.lower().removesuffix(".gz")
    if name.endswith(".nii"):
        read_nifti(file, source.layout.axes)
    elif name.endswith(SUFFIXES) and role in masks:
        read_mask(file, soft_threshold=source.layout.soft_threshold)
    elif name.endswith((*SUFFIXES, ".img", ".dcm")):
        read_image(file)
    else:
        read_bytes(file)


def _bar(items: list[Item], name: str, progress: bool) -> Iterable[Item]:
    return tqdm(items, desc=name, unit="file", disable=not progress)
