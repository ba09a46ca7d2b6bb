"""The strict models of a data manifest; `ldl.data.manifest` reads the yaml files into them."""

import re
from pathlib import PurePosixPath, PureWindowsPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from ldl.errors import DataError

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


class Strict(BaseModel):
    """Base of the manifest models: no unknown fields, no silent conversions, frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Licence(Strict):
    """Terms of use: a short name, and whether copies may be passed on."""

    name: str
    redistribution: bool
    url: str | None = None


class Download(Strict):
    """One file that can be fetched without an account; archives are unpacked into ``into``.

    ``hash`` is "sha256:..." or, where the publisher gives only that, "md5:...".
    """

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

    Attributes:
        files: role -> path templates; the first that exists is used. Fields in braces are
            ``id``, ``split`` and the named groups of the manifest's ``id_pattern``; ``*`` stands
            for one folder or part of a name.
        reduced_from: long side in pixels of the originals when this layout holds reduced copies.
        mask_reduction: how many times smaller a mask is than its image.
        soft_threshold: masks are soft maps; larger values are foreground.
        labels: value in a label file -> meaning, where it differs from the manifest's.
        min_view: pretraining images whose field of view covers less of the picture are left out,
            and named.
        min_contrast: X-rays whose middle 99 % of pixels span fewer grey levels than this are
            stretched to the full range, and named.
        members: list of the ids that this layout holds, where it does not hold all.
        axes: where the voxel axes of its volumes point (such as LPS), where the headers of this
            layout are known to say otherwise.
        whole_slices: its CT is blanked in part of the slices, which are left out.
        hashes: name of the data set in ``originals_sha256.csv``.
        hash_folder: folder in that list which corresponds to the data set's folder.
    """

    name: str
    note: str
    files: dict[str, tuple[Inside, ...]]
    reduced_from: int | None = None
    mask_reduction: int = 1
    soft_threshold: int | None = None
    labels: dict[int, str] | None = None
    min_view: float | None = None
    min_contrast: int | None = None
    members: str | None = None
    axes: str | None = Field(default=None, pattern=r"^[LRAPSI]{3}$")
    whole_slices: bool = False
    hashes: str | None = None
    hash_folder: str = ""


class Table1(Strict):
    """The row of LDL Table 1: position, printed names, a count where no list gives it."""

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
        count: how many images there are where no list names them.
        images: role of the images; None where only labels exist.
        masks: roles whose union is the mask.
        also: further roles that every id has (in the layouts that have the role).
        optional: roles that may be there, and are not "extra" if they are.
        label: what foreground means.
    """

    key: str
    purpose: Purpose
    ids: str | None = None
    first: str | None = None
    count: int | None = None
    images: str | None = "images"
    masks: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    label: str = ""
    table1: Table1 | None = None

    def required(self) -> set[str]:
        """Roles that every layout must have."""
        return {*self.masks, *([self.images] if self.images else [])}


def _tells_id(layout: Layout, collection: Collection) -> bool:
    """Whether an image's id can be read off its path."""
    return all("{id}" in one for one in layout.files.get(collection.images or "", ("",)))


class Manifest(Strict):
    """One data set.

    Attributes:
        citation: key in ``book/references.bib``.
        folder: where it lies below the data folder, or in the package.
        package: installed Python package that carries it, where one does.
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
    folder: Inside
    package: str | None = None
    layouts: tuple[Layout, ...]
    collections: tuple[Collection, ...]
    id_pattern: str = ".+"
    subject_pattern: str | None = None
    stands_in_for: tuple[str, ...] = ()
    labels: dict[int, str] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _roles_exist(self) -> Self:
        anywhere = {role for layout in self.layouts for role in layout.files}
        for one in self.collections:
            for layout in self.layouts:
                lacking = one.required() - set(layout.files)
                if lacking:
                    raise ValueError(f"layout {layout.name!r} lacks {sorted(lacking)} of {one.key}")
                if not (one.ids or layout.members) and not _tells_id(layout, one):
                    raise ValueError(f"{one.key} in layout {layout.name!r} needs a list of ids")
            unknown = {*one.also, *one.optional} - anywhere
            if unknown:
                raise ValueError(f"no layout has {sorted(unknown)}, which {one.key} names")
        return self

    def fields(self, image_id: str, split: str) -> dict[str, str]:
        """What path templates may name for one image.

        Raises:
            DataError: the id does not match the manifest's pattern.
        """
        match = re.fullmatch(self.id_pattern, image_id)
        if match is None:
            raise DataError(
                f"{self.name}: id {image_id!r} does not match {self.id_pattern!r}; correct the list"
            )
        return {"id": image_id, "split": split, **match.groupdict()}

    def subject(self, image_id: str) -> str:
        """The person an image shows, as far as the id tells."""
        match = re.match(self.subject_pattern, image_id) if self.subject_pattern else None
        return match.group(1) if match else image_id
