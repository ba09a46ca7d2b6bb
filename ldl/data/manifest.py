"""Data manifests: what each data set is, where it comes from and how its folder looks.

One yaml a data set in ``data_manifests/``. The models are strict: an unknown or mistyped field
is an error that names the file and the field.
"""

import re
from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from ldl import paths
from ldl.errors import DataError

Modality = Literal["fundus", "xray", "ct", "prior"]
Purpose = Literal[
    "pretraining", "segmentation", "grading", "localization", "volumes", "shape_prior"
]


class Strict(BaseModel):
    """Base of the manifest models: no unknown fields, no silent conversions, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Licence(Strict):
    """Terms of use: a short name, and whether copies may be passed on."""

    name: str
    redistribution: bool
    url: str | None = None


class Download(Strict):
    """One file that can be fetched without an account, and where its content goes."""

    url: str
    file: str
    sha256: str | None = None
    unpack: bool = True
    into: str = "."


class Obtain(Strict):
    """How to get the original: direct downloads, or numbered steps for a person."""

    downloads: tuple[Download, ...] = ()
    steps: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.downloads and not self.steps:
            raise ValueError("give downloads, steps or both")
        return self


class Layout(Strict):
    """How the files lie below the data set's folder.

    Attributes:
        files: role -> path templates; the first that exists is used. Fields in braces are
            ``id``, ``split`` and the named groups of the manifest's ``id_pattern``; ``*`` stands
            for one folder or part of a name.
        reduced_from: long side in pixels of the originals when this layout holds reduced copies.
        mask_reduction: how many times smaller a mask is than its image.
        soft_threshold: masks are soft maps; larger values are foreground.
        members: list of the ids that this layout holds, where it does not hold all.
        hashes: name of the data set in ``originals_sha256.csv``.
        hash_folder: folder in that list which corresponds to the data set's folder.
    """

    name: str
    note: str
    files: dict[str, tuple[str, ...]]
    reduced_from: int | None = None
    mask_reduction: int = 1
    soft_threshold: int | None = None
    members: str | None = None
    hashes: str | None = None
    hash_folder: str = ""


class Table1(Strict):
    """The row of LDL Table 1: position, printed names, counts where no list gives them."""

    row: int
    dataset: str
    task: str
    train: int | None = None


class Collection(Strict):
    """A list of images put to one use: a segmentation task, the pretraining images, volumes ...

    Attributes:
        key: how the collection is called everywhere.
        ids: list in ``data_manifests/splits`` (without ``.csv``); None: the layout's members,
            or every file that fits.
        first: list of ids that come first, in its order; the others follow, sorted.
        images: role of the images; None where only labels exist.
        masks: roles whose union is the mask.
        also: further roles that every id has.
        optional: roles that may be there, and are not "extra" if they are.
        label: what foreground means.
    """

    key: str
    purpose: Purpose
    ids: str | None = None
    first: str | None = None
    images: str | None = "images"
    masks: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    label: str = ""
    table1: Table1 | None = None


class Manifest(Strict):
    """One data set.

    Attributes:
        folder: where it lies below the data folder.
        id_pattern: regular expression every id matches; its named groups serve the templates.
        subject_pattern: group 1 is the subject; None: every id is a subject of its own.
        stands_in_for: data sets of the papers which this one replaces where they are not at hand.
        labels: value in a label file -> meaning.
    """

    name: str
    title: str
    modality: Modality
    homepage: str
    licence: Licence
    citation: str
    obtain: Obtain
    folder: str
    layouts: tuple[Layout, ...]
    collections: tuple[Collection, ...]
    id_pattern: str = ".+"
    subject_pattern: str | None = None
    stands_in_for: tuple[str, ...] = ()
    labels: dict[int, str] = {}
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _roles_exist(self) -> Self:
        anywhere = {role for layout in self.layouts for role in layout.files}
        for one in self.collections:
            for layout in self.layouts:
                lacking = {*one.masks, *([one.images] if one.images else [])} - set(layout.files)
                if lacking:
                    raise ValueError(f"layout {layout.name!r} lacks {sorted(lacking)} of {one.key}")
            unknown = {*one.also, *one.optional} - anywhere
            if unknown:
                raise ValueError(f"no layout has {sorted(unknown)}, which {one.key} names")
        return self

    def collection(self, key: str) -> Collection:
        """The collection called ``key``.

        Raises:
            DataError: there is none.
        """
        for one in self.collections:
            if one.key == key:
                return one
        known = ", ".join(one.key for one in self.collections)
        raise DataError(f"{self.name}: no collection {key!r}; it has {known}")

    def fields(self, image_id: str, split: str) -> dict[str, str]:
        """What path templates may name for one image.

        Raises:
            DataError: the id does not match the manifest's pattern.
        """
        match = re.fullmatch(self.id_pattern, image_id)
        if match is None:
            raise DataError(f"{self.name}: id {image_id!r} does not match {self.id_pattern!r}")
        return {"id": image_id, "split": split, **match.groupdict()}

    def subject(self, image_id: str) -> str:
        """The person an image shows, as far as the id tells."""
        match = re.match(self.subject_pattern, image_id) if self.subject_pattern else None
        return match.group(1) if match else image_id


def read_manifest(path: Path) -> Manifest:
    """Read one manifest.

    Raises:
        DataError: unreadable yaml, or a field that is unknown, missing or of the wrong type.
    """
    try:
        return Manifest.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).replace("\n", " ")
        raise DataError(f"{path}: not a readable yaml manifest ({reason})") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "manifest"
        raise DataError(f"{path}: field {field}: {first['msg']}") from error


@lru_cache(maxsize=4)
def _manifests_in(folder: Path) -> dict[str, Manifest]:
    found = {path.stem: read_manifest(path) for path in sorted(folder.glob("*.yaml"))}
    for stem, manifest in found.items():
        if manifest.name != stem:
            raise DataError(f"{folder / stem}.yaml: its name field says {manifest.name!r}")
    return found


def manifests() -> dict[str, Manifest]:
    """All manifests, by name."""
    return _manifests_in(paths.manifests_dir())


def manifest_named(name: str) -> Manifest:
    """The manifest called ``name``.

    Raises:
        DataError: there is none; the line names the known ones.
    """
    known = manifests()
    if name not in known:
        raise DataError(f"unknown data set {name!r}; known: {', '.join(known)}")
    return known[name]


def collection_named(key: str) -> tuple[Manifest, Collection]:
    """The collection called ``key`` and the manifest it belongs to.

    Raises:
        DataError: no manifest has it.
    """
    for manifest in manifests().values():
        for one in manifest.collections:
            if one.key == key:
                return manifest, one
    raise DataError(f"no manifest has a collection {key!r}")
