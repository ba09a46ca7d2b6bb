"""Data manifests: what each data set is, where it comes from, how its folder looks, its splits.

One yaml a data set in ``data_manifests/``, read into strict models: an unknown or mistyped field is
an error that names the file and the field. The authors' lists of images are ``splits/*.csv`` beside
them.
"""

import difflib
import json
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Literal, NamedTuple, Self

import yaml
from pydantic import AfterValidator, Field, model_validator

from ldl import paths
from ldl.config import Strict, build
from ldl.data.files import columns
from ldl.errors import ConfigError, DataError

VALIDATION_DIVISOR = 5  # one fifth: "20% of the training data is split as the validation dataset"

Modality = Literal["fundus", "xray", "ct", "prior"]
Purpose = Literal[
    "pretraining", "segmentation", "grading", "localization", "volumes", "shape_prior"
]
Hash = Annotated[str, Field(pattern=r"^(sha256:[0-9a-f]{64}|md5:[0-9a-f]{32})$")]


def _inside(path: str) -> str:
    """A relative path that stays below its folder."""
    parts = PurePosixPath(path.replace("\\", "/")).parts
    if path.startswith(("/", "~")) or ".." in parts or PureWindowsPath(path).drive:
        raise ValueError(f"{path!r} would leave its folder")
    return path


Inside = Annotated[str, AfterValidator(_inside)]


class Licence(Strict):
    """Terms of use, and whether copies may be passed on."""

    name: str
    redistribution: bool
    url: str | None = None


class Download(Strict):
    """One file that can be fetched without an account; archives are unpacked into ``into``."""

    url: Annotated[str, Field(pattern=r"^https?://")]
    file: Annotated[Inside, Field(pattern=r"^[^/]+$")]
    hash: Hash | None = None
    into: Inside = "."


class Obtain(Strict):
    """How to get the original: direct downloads, numbered steps for a person, or both."""

    downloads: tuple[Download, ...] = ()
    steps: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.downloads and not self.steps:
            raise ValueError("give downloads, steps or both")
        return self


class Layout(Strict):
    """How the files lie below the data set's folder.

    ``files``: role -> path templates; the first that exists is used. Fields in braces are ``id``,
    ``split`` and the named groups of ``id_pattern``; ``*`` is part of one name.
    """

    name: str
    note: str
    files: dict[str, tuple[Inside, ...]]
    reduced_from: int | None = None  # long side in pixels of the originals of reduced copies
    mask_reduction: int = 1  # how many times smaller a mask is than its image
    soft_threshold: int | None = None  # masks are soft maps; larger values are foreground
    labels: dict[int, str] | None = None  # where they differ from the manifest's
    min_view: float | None = None  # least share of a pretraining picture that the eye covers
    min_contrast: int | None = None  # X-rays whose middle 99 % span fewer levels are stretched
    members: str | None = None  # list of the ids that this layout holds, where it lacks some
    axes: str | None = Field(default=None, pattern=r"^[LRAPSI]{3}$")  # where headers are wrong
    whole_slices: bool = False  # its CT is blanked in part of the slices, which are left out
    hashes: str | None = None  # name of the data set in ``originals_sha256.csv``
    hash_folder: str = ""  # folder in that list which corresponds to the data set's


class Collection(Strict):
    """A list of images put to one use: a segmentation task, the pretraining images, volumes ...

    ``ids`` is a list in ``data_manifests/splits`` (without ``.csv``); None: the layout's members,
    or every file that fits.
    """

    key: str  # how the collection is called everywhere
    purpose: Purpose
    ids: str | None = None
    first: str | None = None  # list of ids that come first, in its order; the others follow, sorted
    count: int | None = None  # how many images there are where no list names them
    images: str | None = "images"  # role of the images; None where only labels exist
    masks: tuple[str, ...] = ()  # roles whose union is the mask
    also: tuple[str, ...] = ()  # further roles that every id has (in layouts that have the role)
    optional: tuple[str, ...] = ()  # roles that may be there, and are not "extra" if they are
    label: str = ""  # what foreground means
    table1: int | None = None  # its row of LDL Table 1, counted from 1

    def required(self) -> set[str]:
        """Roles that every layout must have."""
        return {*self.masks, *([self.images] if self.images else [])}


class Manifest(Strict):
    """One data set."""

    name: str
    title: str
    modality: Modality
    homepage: str
    licence: Licence
    citation: str  # key in ``book/references.bib``
    obtain: Obtain
    folder: Inside  # where it lies below the data folder
    layouts: tuple[Layout, ...] = Field(min_length=1)
    collections: tuple[Collection, ...]
    id_pattern: str = ".+"  # every id matches it; its named groups serve the templates
    subject_pattern: str | None = None  # group 1 is the subject; None: every id is one of its own
    stands_in_for: tuple[str, ...] = ()  # sets of the papers that it replaces where not at hand
    labels: dict[int, str] = Field(default_factory=dict)  # value in a label file -> meaning
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _roles_exist(self) -> Self:
        anywhere = {role for layout in self.layouts for role in layout.files}
        for one in self.collections:
            for layout in self.layouts:
                if lacking := one.required() - set(layout.files):
                    raise ValueError(f"layout {layout.name!r} lacks {sorted(lacking)} of {one.key}")
                templates = layout.files.get(one.images or "", ("",))
                if not (one.ids or layout.members or all("{id}" in path for path in templates)):
                    raise ValueError(f"{one.key} in layout {layout.name!r} needs a list of ids")
            if unknown := {*one.also, *one.optional} - anywhere:
                raise ValueError(f"no layout has {sorted(unknown)}, which {one.key} names")
        return self

    def fields(self, image_id: str, split: str) -> dict[str, str]:
        """What path templates may name for one image."""
        match = re.fullmatch(self.id_pattern, image_id)
        if match is None:
            raise DataError(f"{self.name}: id {image_id!r} does not match {self.id_pattern!r}")
        return {"id": image_id, "split": split, **match.groupdict()}

    def subject(self, image_id: str) -> str:
        """The person an image shows, as far as the id tells."""
        match = re.match(self.subject_pattern, image_id) if self.subject_pattern else None
        return match.group(1) if match else image_id


def read_manifest(path: Path) -> Manifest:
    """Read one manifest; an unknown field is answered with the nearest known one."""
    try:
        # Through json, because the strict models take lists for tuples only there.
        return build(Manifest, json.dumps(yaml.safe_load(path.read_text())))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError) as error:
        reason = str(error).replace("\n", " ")
        raise DataError(f"{path}: not a readable yaml manifest ({reason})") from error
    except ConfigError as error:
        raise DataError(f"{path}: {error}") from error


@lru_cache(maxsize=4)
def _manifests_in(folder: Path) -> dict[str, Manifest]:
    found = {path.stem: read_manifest(path) for path in sorted(folder.glob("*.yaml"))}
    keys: dict[str, str] = {}
    for stem, manifest in found.items():
        if manifest.name != stem:
            raise DataError(f"{folder / stem}.yaml: field name says {manifest.name!r}, not {stem}")
        for one in manifest.collections:
            if keys.setdefault(one.key, stem) != stem:
                raise DataError(f"{folder / stem}.yaml: {one.key} is also in {keys[one.key]}.yaml")
    if not found:
        raise DataError(f"{folder}: no manifest found; install the package again")
    return found


def manifests() -> dict[str, Manifest]:
    """All manifests, by name."""
    return _manifests_in(paths.manifests_dir())


def manifest_named(name: str) -> Manifest:
    """The manifest called ``name``."""
    if name not in manifests():
        raise DataError(f"unknown data set {name!r}; known: {', '.join(manifests())}")
    return manifests()[name]


def collection_named(key: str) -> tuple[Manifest, Collection]:
    """The collection called ``key`` and the manifest it belongs to."""
    known = {one.key: (each, one) for each in manifests().values() for one in each.collections}
    if key in known:
        return known[key]
    close = difflib.get_close_matches(key, [*manifests(), *known], n=1)
    hint = f", did you mean {close[0]}?" if close else "; `ldl data list` names the data sets"
    raise DataError(f"no manifest has a collection {key!r}{hint}")


class Member(NamedTuple):
    """One image of a list."""

    split: str
    id: str

    def __str__(self) -> str:
        return self.id


def id_list(name: str) -> tuple[Member, ...]:
    """The list ``data_manifests/splits/<name>.csv``, in file order."""
    path = paths.manifests_dir() / "splits" / f"{name}.csv"
    return tuple(Member(*row) for row in columns(path, "split", "image_id"))


def task_members(manifest: Manifest, collection: Collection) -> list[Member]:
    """Validation, train and test images of a task, in the authors' order.

    The first 20 % of the authors' training list (rounded down) are validation, as in their
    release; the paper (6.1.2) only says "20% of the training data". No image is there twice, no
    subject on both sides.
    """
    name = collection.ids or collection.key
    members = id_list(name)
    check_members(manifest, f"data_manifests/splits/{name}.csv", members)
    train = [one for one in members if one.split == "train"]
    test = [one for one in members if one.split == "test"]
    held = len(train) // VALIDATION_DIVISOR
    return [Member("validation", one.id) for one in train[:held]] + train[held:] + test


def check_members(manifest: Manifest, source: str, members: Sequence[Member]) -> None:
    """Refuse duplicates, unknown splits and subjects on both sides."""
    side: dict[str, Member] = {}
    seen: set[Member] = set()
    for one in members:
        if one.split not in ("train", "test"):
            raise DataError(f"{source}: {one.id} has split {one.split!r}; use train or test")
        if one in seen:
            raise DataError(f"{source}: duplicate id {one.id}; remove one of the two rows")
        seen.add(one)
        other = side.setdefault(manifest.subject(one.id), one)
        if other.split != one.split:
            raise DataError(
                f"{source}: the same subject is in {other.split} ({other.id}) and "
                f"{one.split} ({one.id}); keep a subject on one side"
            )
