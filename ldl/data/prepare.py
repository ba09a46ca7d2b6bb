"""From a data config to image banks, grades and shape priors: originals prepared, or phantoms."""

import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from PIL import Image
from tqdm import tqdm

from ldl import paths
from ldl.config import DataConfig
from ldl.data import phantoms
from ldl.data.bank import (
    Bank,
    BankWriter,
    Entry,
    bank_in_cache,
    bank_of,
    content_fingerprint,
    image_rows,
    open_images,
    refuse_twins,
)
from ldl.data.folder import DatasetFolder, natural
from ldl.data.manifest import (
    VALIDATION_DIVISOR,
    Collection,
    Member,
    collection_named,
    id_list,
    task_members,
)
from ldl.data.preprocess import (
    FOV_THRESHOLD,
    Picture,
    crop,
    largest_part,
    pictured,
    resize_mask,
    stretch_flat,
)
from ldl.data.readers.image import as_grey, open_raster, read_image, read_mask, read_rle_mask
from ldl.data.readers.tables import read_grades
from ldl.errors import DataError
from ldl.runs.base import PHANTOMS
from ldl.tasks import CHANNELS, VESSEL_TASKS, Modality, task_named

LOG = logging.getLogger("ldl")
# Collections with fundus images of 500 pixels and more.
FINE = (*VESSEL_TASKS, "idrid_grading_train", "idrid_grading_test", "drishti_gs1_od")
VERSION = 1  # raise when preparation changes: banks of another version are prepared again
PHANTOM_PRETRAINING, LEAST_PRETRAINING = 256, 16
# A phantom without lesions has grade 0; from these shares of its field on it has grade 2, 3 and 4.
# Of 2,000 phantoms 65, 11, 9, 10 and 6 % have the grades 0 to 4; of EyePACS 73, 7, 15, 2.5 and 2 %.
PHANTOM_LIMITS = (0.002, 0.004, 0.01)
SIDE = 256  # the share of lit pixels needs no more detail
Drawn = tuple[dict[str, np.ndarray], str]  # row and split
Source = tuple[DatasetFolder, Collection, Member]


def pretraining_bank(config: DataConfig, modality: Modality) -> Bank:
    """The unlabelled images of ``modality``."""
    if config.source == "folder":
        return open_images(bank_in_cache(config.content))
    if config.source == "open":
        prepare = prepare_fine if config.pool == "fine" else partial(prepare_pretraining, modality)
        opened = prepare(config.size, limit=config.images)
        if len(opened.ids) < LEAST_PRETRAINING:
            raise DataError(
                f"{opened.name}: {len(opened.ids)} images are too few; {LEAST_PRETRAINING} "
                f"are needed"
            )
        return opened
    count = config.images or PHANTOM_PRETRAINING

    def draw() -> dict[str, Drawn]:
        images = phantoms().pretraining_images(
            modality, count=count, size=config.size, seed=config.seed, closer=config.closer
        )
        return {f"{modality}-{k:04d}": ({"images": one}, "train") for k, one in enumerate(images)}

    return _drawn(modality, f"{modality}-{count}", config, modality, draw)


def task_bank(config: DataConfig, task: str) -> Bank:
    """The labelled images of ``task``; of a folder they are all that its bank holds."""
    if config.source == "folder":
        return open_images(bank_in_cache(config.content))
    modality = task_named(task).modality
    if config.source == "open":
        return prepare_task(task, config.size)
    train, test = config.train, config.test

    def draw() -> dict[str, Drawn]:
        images, masks, ids = phantoms().task_images(
            task, train=train, test=test, size=config.size, seed=config.seed, closer=config.closer
        )
        rows = [{"images": one, "masks": mask} for one, mask in zip(images, masks, strict=True)]
        return dict(zip(ids, zip(rows, phantom_splits(train, test), strict=True), strict=True))

    return _drawn(task, f"{task}-{train}-{test}", config, modality, draw, masks=True)


def phantom_splits(train: int, test: int) -> list[str]:
    """Split names, training list first; its first fifth is the validation part."""
    held = train // VALIDATION_DIVISOR
    if held < 1:
        raise DataError(f"{train} training images leave none for validation; draw at least 5")
    return ["validation"] * held + ["train"] * (train - held) + ["test"] * test


def _drawn(
    key: str, name: str, config: DataConfig, modality: str, draw: Callable[[], dict[str, Drawn]],
    *, masks: bool = False,
) -> Bank:  # fmt: skip
    label = f"phantom-{name}-{config.size}-s{config.seed}"

    def entries(_: BankWriter, id: str, one: Drawn) -> Iterator[Entry]:
        yield id, [one[0]], {"split": one[1]}

    rows = image_rows((CHANNELS[modality], config.size, config.size), masks=masks)
    stamp = [label, PHANTOMS, config.closer]
    return open_images(bank_of(label, stamp, f"phantom-{key}", rows, draw, entries))


def prepare_pretraining(
    modality: Modality,
    size: int,
    *,
    limit: int | None = None,
    leave_out: bool = False,
    progress: bool = False,
) -> Bank:
    """Bank of the real pretraining images at hand, (N, C, size, size); built once, then opened.

    Fundus (C = 3) is cropped to the field of view. The order is fixed: the authors' good-quality
    list first (fundus), then the others by number; ``limit`` takes the first so many. ``leave_out``
    goes on without damaged files, each named; else all are named in one error.
    """
    manifest, collection = collection_named(f"{modality}_pretraining")
    source = DatasetFolder(manifest)
    found = [one.id for one in source.pool(collection)]
    if not found:
        raise DataError(f"{source.root}: no pretraining image found")
    first = id_list(collection.first) if collection.first else ()
    rank = {one.id: place for place, one in enumerate(first)}
    order = sorted(found, key=lambda one: (rank.get(one, len(rank)), natural(one)))
    members = [Member("train", one) for one in order]
    facts: dict[str, Any] = {}

    def items() -> dict[str, Source]:
        kept, facts["left_out"] = screen(source, collection, members, limit, progress=progress)
        return {one.id: (source, collection, one) for one in kept}

    stamp = _stamp(size, source, collection, members[:limit])
    return _prepared(collection.key, size, modality, stamp, items, facts=facts,
                     leave_out=leave_out, progress=progress)  # fmt: skip


def prepare_fine(size: int, *, limit: int | None = None) -> Bank:
    """Bank of fundus images of 500 pixels and more, without labels; built once, then opened.

    The first ``limit`` of :data:`FINE`, as far as the sets are at hand; of the vessel sets, whose
    test images Tables 5 and 6 score, the training lists only.
    """
    found: dict[str, Source] = {}
    stamp: list[object] = [limit]
    for key in FINE:
        manifest, collection = collection_named(key)
        try:
            source = DatasetFolder(manifest)
        except DataError:
            continue
        plain, listed = collection.model_copy(update={"masks": ()}), source.members(collection)
        members = [one for one in listed if one.split != "test" or key not in VESSEL_TASKS]
        stamp += _stamp(size, source, plain, members)
        found |= {f"{key}/{one.id}": (source, plain, one) for one in members}
    if not found:
        raise DataError(f"{paths.data_dir()}: none of {', '.join(FINE)} is at hand")
    return _prepared(
        "fundus_fine", size, "fundus", stamp, lambda: dict(list(found.items())[:limit])
    )


def prepare_task(task: str, size: int, *, leave_out: bool = False, progress: bool = False) -> Bank:
    """Bank of one segmentation task on real images, with masks; built once, then opened.

    ``task`` is a key of `ldl.tasks.TASKS`, or another segmentation collection of a manifest. Rows:
    validation (the first 20 % of the authors' training list), train, test, in their order; no image
    is in both train and test. ``leave_out`` goes on without damaged files, each named.
    """
    manifest, collection = collection_named(task)
    if collection.purpose != "segmentation":
        raise DataError(f"{task}: {collection.purpose}, not a segmentation task")
    source, members = DatasetFolder(manifest), task_members(manifest, collection)
    stamp = _stamp(size, source, collection, members)
    items = {one.id: (source, collection, one) for one in members}
    bank = _prepared(collection.key, size, manifest.modality, stamp, lambda: items, masks=True,
                     leave_out=leave_out, progress=progress)  # fmt: skip
    contents = [hashlib.sha256(one.tobytes()).digest() for one in bank.images]
    twins = zip(bank.ids, bank.splits, contents, strict=True)
    refuse_twins(source.root, twins, "image", "subject")
    return bank


def _stamp(
    size: int, source: DatasetFolder, collection: Collection, members: Sequence[Member]
) -> list[Any]:
    """Everything the bank depends on: any change of file, list or rule is another bank."""
    return [
        VERSION,
        size,
        source.layout.model_dump(mode="json", exclude_defaults=True),
        collection.model_dump(mode="json", exclude_defaults=True),
        [(one.split, one.id) for one in members],
        source.index.state(),
    ]


def _prepared(
    key: str,
    size: int,
    modality: str,
    stamp: list[Any],
    items: Callable[[], Mapping[str, Source]],
    *,
    masks: bool = False,
    leave_out: bool = False,
    **how: Any,
) -> Bank:
    def entries(_: BankWriter, id: str, item: Source) -> Iterator[Entry]:
        one, mask = load_example(*item, size)
        row = {"images": one.square} if mask is None else {"images": one.square, "masks": mask}
        yield id, [row], {"split": item[2].split if masks else "train"}

    name, rows = f"{key}-{size}", image_rows((CHANNELS[modality], size, size), masks=masks)
    return open_images(bank_of(name, stamp, name, rows, items, entries, leave_out=leave_out, **how))


def screen(
    source: DatasetFolder,
    collection: Collection,
    members: list[Member],
    limit: int | None,
    *,
    progress: bool = False,
) -> tuple[list[Member], dict[str, str]]:
    """The first ``limit`` images that show enough, and those left out with the reason.

    The release leaves out Kaggle images whose field of view covers less than a quarter of the
    picture (most are black); the manifest's ``min_view`` says so for the original layout. Every
    image left out is named in a warning and in the bank's index.
    """
    least = source.layout.min_view
    if least is None:
        return members[:limit], {}
    kept: list[Member] = []
    left_out: dict[str, str] = {}
    for one in tqdm(members, desc="field of view", unit="image", disable=not progress):
        if limit is not None and len(kept) == limit:
            break
        path = source.path(collection.images or "images", one)
        image = open_raster(path, draft=SIDE).convert("RGB")
        image.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
        part = largest_part(np.asarray(image).max(axis=-1) > FOV_THRESHOLD)
        share = 0.0 if part is None else float(part.mean())
        if share >= least:
            kept.append(one)
            continue
        left_out[one.id] = f"field of view covers {share:.0%} of the picture, less than {least:.0%}"
        LOG.warning("%s: left out, %s", one.id, left_out[one.id])
    return kept, left_out


def load_example(
    source: DatasetFolder, collection: Collection, member: Member, size: int
) -> tuple[Picture, np.ndarray | None]:
    """One image and, in a task, the mask of its square, (size, size) uint8 in {0, 1}.

    Fundus images are colour and cropped to the field of view, X-rays are grey.
    """
    path, layout = source.path(collection.images or "images", member), source.layout
    pixels = read_image(path)
    if pixels.min() == pixels.max():
        raise DataError(f"{path}: blank, every pixel is {pixels.min()}; fetch it again")
    modality: Modality = "fundus" if source.manifest.modality == "fundus" else "xray"
    if modality == "xray" and layout.min_contrast is not None:
        pixels = stretch_flat(as_grey(pixels, path), path, layout.min_contrast)
    one = pictured(pixels, path, modality, size, reduced_from=layout.reduced_from)
    if not collection.masks:
        return one, None
    return one, resize_mask(crop(union_mask(source, collection, member, one.shape), one.box), size)


def union_mask(
    source: DatasetFolder, collection: Collection, member: Member, shape: tuple[int, int]
) -> np.ndarray:
    """Union of the collection's mask files for one image, (H, W) bool at the image's size."""
    factor = source.layout.mask_reduction
    expected = (shape[0] // factor, shape[1] // factor)
    total = np.zeros(expected, dtype=bool)
    for role in collection.masks:
        path = source.path(role, member)
        if path.suffix == ".csv":
            mask = read_rle_mask(path, member.id, expected)
        else:
            mask = read_mask(path, soft_threshold=source.layout.soft_threshold)
        if mask.shape != expected:
            raise DataError(
                f"{path}: mask of {mask.shape[1]}x{mask.shape[0]} pixels beside an image of "
                f"{shape[1]}x{shape[0]}, expected {expected[1]}x{expected[0]}; is it the mask of "
                "another image, or turned?"
            )
        total |= mask
    return total.repeat(factor, axis=0).repeat(factor, axis=1)


def grades(config: DataConfig, bank: Bank) -> np.ndarray:
    """Diabetic retinopathy in a bank of fundus images, (N,) int64: 0 (none) to 4 (proliferative).

    EyePACS (``open``) has a table of grades; phantoms are graded by how much of the field their
    lesions cover.
    """
    if bank.images.shape[1] != CHANNELS["fundus"]:
        raise DataError(
            f"{bank.name}: chest X-rays have no grades of diabetic retinopathy; choose "
            f"another method"
        )
    if config.source == "phantom":
        for id in bank.ids:
            if not re.fullmatch(r"fundus-\d+", id):
                raise DataError(f"{bank.name}: {id} is no fundus phantom; its grade is not known")
        return np.array([phantom_grade(config.seed, int(id.split("-")[1])) for id in bank.ids])
    source = DatasetFolder(collection_named("fundus_pretraining")[0])
    templates = source.layout.files.get("grades", ())
    there = next((source.root / one for one in templates if source.index.matches(one)), None)
    if there is None:
        wanted = " or ".join(templates) or "a table of grades"
        raise DataError(
            f"{source.root}/{wanted}: missing; `ldl data fetch {source.manifest.name}` "
            "says how to obtain it"
        )
    known = read_grades(there, source.labels)
    if missing := [id for id in bank.ids if id not in known]:
        more = f" and {len(missing) - 1} more images" if len(missing) > 1 else ""
        raise DataError(f"{there}: no grade of {missing[0]}{more} of {bank.name}; fetch it again")
    return np.array([known[id] for id in bank.ids], dtype=np.int64)


def phantom_grade(seed: int, number: int) -> int:
    """The grade of one fundus phantom, 0 to 4."""
    share = phantoms().lesion_share(seed, number)
    return 0 if share == 0 else 1 + int(np.searchsorted(PHANTOM_LIMITS, share, side="right"))


@dataclass(frozen=True)
class ShapePrior:
    """Reference masks (N, 1, size, size) uint8, 0 or 255; their ids; a content hash."""

    name: str
    masks: np.ndarray
    ids: tuple[str, ...]
    fingerprint: str


def shape_prior(config: DataConfig, kind: str, count: int) -> ShapePrior:
    """The first ``count`` masks of ``kind`` "dsa" or "octa"; the release has ten of each.

    Of "own" they are a folder's; of "vessels" as many of each vessel set's training list.
    """
    name, size = f"{kind}-{config.size}", config.size
    if kind == "vessels":
        banks = [task_bank(config, task) for task in VESSEL_TASKS]
        each = -(-count // len(banks))
        held = [(bank, row) for bank in banks for row in bank.rows("train")[:each]][:count]
        masks = np.stack([np.asarray(bank.masks[row]) > 0 for bank, row in held])
        ids = tuple(bank.ids[row] for bank, row in held)
    elif kind == "own":
        bank = open_images(bank_in_cache(config.prior))
        name, masks, ids = bank.name, np.asarray(bank.images[:count, 0]) // 255, bank.ids[:count]
    elif config.source == "phantom":
        size = round(size * config.closer)  # their vessels as wide as the images'
        masks = phantoms().shape_prior(kind, count=count, size=size, seed=config.seed)
        name, ids = f"phantom-{kind}", tuple(f"{kind}-{k}" for k in range(count))
    else:
        manifest, collection = collection_named(f"{kind}_prior")
        source = DatasetFolder(manifest)
        listed = id_list(collection.ids or collection.key)
        if len(listed) < count:
            raise DataError(f"{manifest.name}: {len(listed)} masks are listed, {count} are wanted")
        read = [resize_mask(read_mask(source.path("masks", one)), size) for one in listed]
        masks, ids = np.stack(read[:count]), tuple(one.id for one in listed[:count])
    for mask, id in zip(masks, ids, strict=True):
        if not mask.any():
            raise DataError(f"{name}: mask {id} is empty; get it again")
    whole = (masks[:, None] * 255).astype(np.uint8)
    return ShapePrior(name, whole, ids, content_fingerprint(whole, None, *ids))
