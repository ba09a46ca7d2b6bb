"""One's own folder of images or CT volumes: which files belong to it, and their bank."""

import hashlib
import logging
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from ldl.data import prepare
from ldl.data.bank import Bank, BankWriter, Rows, fill, image_rows, made, open_images
from ldl.data.folder import FolderIndex
from ldl.data.preprocess import Picture, picture, pictured, resize_mask
from ldl.data.readers import as_grey, is_image, read_image, read_mask
from ldl.errors import DataError
from ldl.paths import shown
from ldl.tasks import CHANNELS, Modality

LOG = logging.getLogger("ldl")
LEAST = 16
LARGEST, SMALLEST = 256, 32  # sides of the squares that images become, unless asked for
LOOKED_AT = 3  # images that tell the side
WINDOW = (-160, 240)  # Hounsfield units of soft tissue, shown as 0 and 255
_MASKS, _OTHER = "masks beside their images", "of another kind"
_FLAT, _TWIN = "of two levels only, as masks are", "seen before"
_KINDS = (_MASKS, _OTHER, _FLAT, _TWIN)
# What people call a mask that lies beside its image, in the file's name or its folder's.
_MASK = re.compile(
    r"mask|(?:^|[/_\-. ])(?:seg|segmentation|label|gt|ground_?truth|annotation|manual)s?\d*"
    r"(?=$|[/_\-. ])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Chosen:
    """What of a folder is used.

    Attributes:
        files: relative posix paths, sorted.
        left_out: those that are not, and why.
        beside: hidden and system files, by reason; they do not count.
    """

    files: tuple[str, ...]
    left_out: dict[str, str]
    beside: Counter[str]

    def line(self) -> str:
        """How many files were taken, how many left out, and why."""
        reasons: dict[str, list[str]] = {}
        for name, why in self.left_out.items():
            kind = why.split(":")[0]
            reasons.setdefault(kind if kind in _KINDS else "that cannot be used", []).append(name)
        words = [f"{len(names)} {why} ({_few(names)})" for why, names in reasons.items()]
        words += [f"{count} {why}" for why, count in sorted(self.beside.items())]
        left = len(self.left_out) + self.beside.total()
        return f"{len(self.files)} images taken, {left} files left out" + (
            f": {'; '.join(words)}" if words else ""
        )


def _few(names: list[str]) -> str:
    return shown(", ".join(names[:3])) + (", ..." if len(names) > 3 else "")


def is_volume(name: str | Path) -> bool:
    """Whether a file is NIfTI, by its name."""
    return str(name).lower().endswith((".nii", ".nii.gz"))


def image_files(
    folder: Path, *, volumes: bool = False, least: int = LEAST, beside: Path | None = None
) -> Chosen:
    """The images below ``folder``: links followed, suffixes in any case, every kind that is read.

    Hidden and system files are no part of it, nor are masks that lie beside their images.

    Args:
        folder: what is looked through.
        volumes: take NIfTI volumes in place of images.
        least: how many there must be.
        beside: a folder of masks, which are no images wherever it lies.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name the one that holds your images")
    index = FolderIndex(folder)
    left_out: dict[str, str] = {}
    files = []
    inside = beside is not None and folder.resolve() in beside.resolve().parents
    for name in index.sizes:
        if inside and beside and beside.resolve() in (folder / name).resolve().parents:
            left_out[name] = _MASKS
        elif is_volume(name) if volumes else is_image(folder / name):
            files.append(name)
        else:
            suffix = PurePosixPath(name).suffix.lower()
            left_out[name] = f"{_OTHER}: {suffix or 'no suffix'}"
    masks = _masks(files)
    left_out |= dict.fromkeys(sorted(masks), _MASKS)
    found = Chosen(tuple(sorted(set(files) - masks)), left_out, index.left_out)
    _insist(folder, found, least)
    return found


def told_modality(folder: Path) -> Modality:
    """What kind of images a folder holds: "ct", "colour" or "xray" (grey), told from its files."""
    volumes = folder.is_dir() and any(map(is_volume, FolderIndex(folder).sizes))
    flat = image_files(folder, least=0 if volumes else 1).files
    if volumes and flat:
        raise DataError(
            f"{folder}: holds NIfTI volumes and {len(flat)} images ({_few(list(flat))}); name a "
            "folder of one kind, or say --modality ct"
        )
    if volumes:
        return "ct"
    some = flat[:: 1 + len(flat) // 24]
    return "colour" if any(_coloured(folder / one) for one in some) else "xray"


def _coloured(path: Path) -> bool:
    """Whether an image is of colours; one that cannot be read is told later."""
    try:
        as_grey(read_image(path), path)
    except DataError as error:
        return "channels" in str(error)
    return False


def usual_side(folder: Path, modality: Modality) -> int:
    """Side of the squares that a folder's images become where nobody says it.

    The shorter side of what is seen of an image, so that nothing is blown up, as a multiple of 16
    and at most 256 pixels. Pretraining and fine-tuning both ask here: a network then meets each
    structure as large as it has learned it.
    """
    volumes = modality == "ct"
    files, sides = image_files(folder, volumes=volumes, least=1).files, []
    for name in files[:: 1 + len(files) // LOOKED_AT]:
        try:
            _, _, one = next(pictures(folder / name, modality, SMALLEST))
        except (DataError, StopIteration):  # told by whoever reads them all
            continue
        sides.append(min(one.box.bottom - one.box.top, one.box.right - one.box.left))
    side = float(np.median(sides)) if sides else LARGEST
    return max(SMALLEST, min(LARGEST, 16 * int(side // 16)))


def _insist(folder: Path, found: Chosen, least: int = LEAST) -> None:
    if len(found.files) < least:
        many = "image is" if least == 1 else "images are"
        raise DataError(f"{folder}: {found.line()}; at least {least} {many} needed")


def _masks(files: Iterable[str]) -> set[str]:
    """Files that are called masks and bear the name of an image that is not."""
    called = {name for name in files if _MASK.search(name)}
    films = {plain_stem(name) for name in files if name not in called}
    return {
        name
        for name in called
        if plain_stem(without_mask_words(name)) in films or plain_stem(name) in films
    }


def plain_stem(name: str) -> str:
    """A file's name in small letters, without suffix and what separates words at its ends."""
    return PurePosixPath(name.lower().removesuffix(".gz")).stem.strip("_- ")


def without_mask_words(name: str) -> str:
    """A name without "mask", "seg" and the like."""
    return _MASK.sub("", name)


def two_levels(pixels: np.ndarray) -> bool:
    """Whether an image holds black, one other level and next to nothing else: a mask, no film."""
    low, high = int(pixels.min()), int(pixels.max())
    if ((pixels == low) | (pixels == high)).all():
        return True
    bright = float((pixels >= high - 16).mean())
    return high - low > 64 and bright > 0.005 and bright + float((pixels <= low + 16).mean()) > 0.99


Entry = tuple[str, dict[str, np.ndarray], dict[str, Any]]  # id, what a row holds, facts


def file_bank(
    name: str,
    kind: str,
    stamp: Sequence[object],
    rows: Rows,
    files: Callable[[], tuple[Sequence[str], dict[str, Any]]],
    read: Callable[[BankWriter, str], Iterable[Entry]],
    *,
    check: Callable[[BankWriter], object] = lambda writer: None,
    leave_out: bool = False,
    progress: bool = False,
) -> Bank:
    """A bank of one's own files, made once for a content and gone on with where it was killed.

    Args:
        name, kind, stamp, rows: as of `BankWriter` and `made`.
        files: which, and facts for the index; asked for only when the bank is not there yet.
        read: the entries of one: an image, or the slices of a volume.
        check: looks at what was written, before it counts.
        leave_out, progress: as of `fill`.
    """

    def write(place: Path) -> None:
        found, facts = files()
        volumes = any(map(is_volume, found))
        count = None if volumes else len(found)
        with BankWriter(place, name, rows, count=count) as writer:
            writer.most = 255  # a bit a class
            writer.facts |= facts
            known = {one["id"] for one in writer.entries}

            def add(one: str) -> None:
                for id, row, more in read(writer, one):
                    if id not in known:
                        writer.add(id, [row], **more)

            fill(writer, found, add, leave_out=leave_out, progress=progress,
                 unit="volume" if volumes else "image", done=0 if volumes else None)  # fmt: skip
            check(writer)

    return open_images(made(f"{name}-{kind}", stamp, write))


def pictures(path: Path, modality: Modality, size: int) -> Iterator[tuple[str, int, Picture]]:
    """What a file shows: an image, or each slice of a volume that is not blank.

    Yields:
        What its id adds to the file's name, its number, and the picture.
    """
    if modality == "ct":
        for number, one in enumerate(slices(path, size)):
            if one.pixels.min() < one.pixels.max():
                yield f"#{number:03d}", number, one
        return
    one = picture(path, modality, size)
    if one.pixels.min() == one.pixels.max():
        raise DataError(f"{path}: blank, every pixel is {one.pixels.min()}")
    yield "", 0, one


def folder_bank(
    folder: Path,
    modality: Modality,
    size: int,
    *,
    leave_out: bool = False,
    progress: bool = False,
    say: Callable[[str], object] = LOG.info,
) -> Bank:
    """The images of ``folder`` as a bank, (N, C, size, size).

    Made once for a content. Left out are masks and the second of two equal pictures: half of a
    pair could be trained on while the other is held out.

    Args:
        folder: holds them, in any subfolders.
        modality: "fundus" (colour, cropped to what is lit), "colour", "xray" (grey), or "ct": NIfTI
            volumes, whose axial slices become grey images.
        size: side of the squares in pixels.
        leave_out: go on without files that cannot be read.
        progress: show bars.
        say: takes the line about what was taken and what was left out.
    """
    flat = modality != "ct"
    chosen = image_files(folder, volumes=not flat, least=LEAST if flat else 1)
    twins = _Twins()

    def read(writer: BankWriter, name: str) -> Iterator[Entry]:
        for ending, _, one in pictures(folder / name, modality, size):
            if not flat:
                yield name + ending, {"images": one.square}, {"split": "train"}
                continue
            small = _small(one.square)
            twin = twins.of(small, writer.entries)
            if two_levels(one.pixels):
                writer.leave_out(name, _FLAT)
            elif twin is not None:
                writer.leave_out(name, f"{_TWIN}: the same picture as {twin}")
            else:
                yield name, {"images": one.square}, {"split": "train", "small": small.tolist()}

    def check(writer: BankWriter) -> None:
        used = tuple(one["id"] for one in writer.entries)
        _insist(folder, Chosen(used, writer.left_out, Counter()))

    bar = tqdm(chosen.files, desc="contents", unit="file", disable=not progress)
    stamp = [prepare.VERSION, modality, size, leave_out, [(f, content(folder / f)) for f in bar]]
    rows = image_rows((CHANNELS[modality], size, size))
    bank = file_bank(
        own_name(folder), f"{modality}-{size}", stamp, rows, lambda: (chosen.files, {}), read,
        check=check, leave_out=leave_out, progress=progress,
    )  # fmt: skip
    left_out = chosen.left_out | dict(bank.left_out)
    used = Chosen(bank.ids, left_out, chosen.beside)
    words = "" if flat else f" (slices of {len({one.split('#')[0] for one in bank.ids})} volumes)"
    say(f"{shown(folder)}: {used.line().replace(' images taken', f' images taken{words}', 1)}")
    return replace(bank, left_out=left_out)


def own_name(folder: Path) -> str:
    """What the bank of a folder is called."""
    return f"own-{folder.resolve().name}"


def content(path: Path) -> str:
    """sha256 of a file; of one that cannot be read, which is told later, the error's number."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        return str(error.errno)


def prior_bank(folder: Path, size: int, *, leave_out: bool = False) -> Bank:
    """Reference masks of a folder as a bank, (N, 1, size, size) of 0 and 255."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name the one that holds your reference masks")
    index = FolderIndex(folder)
    files = tuple(name for name in index.sizes if is_image(folder / name))
    if not files:
        raise DataError(f"{folder}: no mask there; {index.line()}")

    def read(_: BankWriter, one: str) -> Iterator[Entry]:
        mask = resize_mask(read_mask(folder / one), size)
        if not mask.any():
            raise DataError(f"{folder / one}: an empty mask shows no shape")
        yield one, {"images": mask[None] * np.uint8(255)}, {}

    stamp = ["prior", size, leave_out, [(one, content(folder / one)) for one in files]]
    rows = image_rows((1, size, size))
    return file_bank(
        own_name(folder), f"prior-{size}", stamp, rows, lambda: (files, {}), read,
        leave_out=leave_out,
    )  # fmt: skip


def slices(path: Path, size: int) -> Iterator[Picture]:
    """The axial slices of a volume upwards, each as a grey image of the soft-tissue window."""
    from ldl.data.ct.prepare import to_grey  # with pandas and nibabel: images need neither
    from ldl.data.ct.volume import read_ct

    for plane in read_ct(path.name, path, None, {}).image:
        yield pictured(to_grey(plane, WINDOW), path, "ct", size)


def _small(square: np.ndarray) -> np.ndarray:
    """(C * 64,) int16: means of 8 x 8 cells, which saving a picture in another format leaves."""
    cells = [
        np.asarray(Image.fromarray(one).resize((8, 8), Image.Resampling.BOX)) for one in square
    ]
    return np.stack(cells).astype(np.int16).ravel()


class _Twins:
    """Pictures written so far, found again by their cells within two grey levels."""

    def __init__(self) -> None:
        self._by_mean: dict[int, list[tuple[np.ndarray, str]]] = defaultdict(list)
        self._known = 0

    def of(self, small: np.ndarray, entries: Sequence[dict[str, Any]]) -> str | None:
        """The name of an equal picture among a writer's entries."""
        for one in entries[self._known :]:
            cells = np.array(one["small"], np.int16)
            self._by_mean[round(float(cells.mean()))].append((cells, one["id"]))
        self._known = len(entries)
        mean = round(float(small.mean()))
        for near in range(mean - 2, mean + 3):
            for other, name in self._by_mean.get(near, ()):
                if np.abs(other - small).max() <= 2:
                    return name
        return None
