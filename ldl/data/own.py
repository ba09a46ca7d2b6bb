"""One's own folder of images or CT volumes: which files belong to it, and their bank."""

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from ldl.data import prepare
from ldl.data.bank import Bank, BankWriter, Entry, bank_of, image_rows, open_images
from ldl.data.files import file_hash
from ldl.data.folder import FolderIndex
from ldl.data.preprocess import Picture, picture, pictured, resize_mask
from ldl.data.readers.image import as_grey, is_image, read_image, read_mask
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
# What people call a mask that lies beside its image, in the file's name or its folder's.
_MASK = re.compile(
    r"mask|(?:^|[/_\-. ])(?:seg|segmentation|label|gt|ground_?truth|annotation|manual)s?\d*"
    r"(?=$|[/_\-. ])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Chosen:
    """What of a folder is used: relative posix paths, sorted; what is not, and why.

    ``beside`` counts hidden and system files by reason; they are not in ``left_out``.
    """

    files: tuple[str, ...]
    left_out: dict[str, str]
    beside: Counter[str]

    def line(self) -> str:
        """How many files were taken, how many left out, and why."""
        reasons: dict[str, list[str]] = defaultdict(list)
        for name, why in self.left_out.items():
            kind = why.split(":")[0]
            known = kind in (_MASKS, _OTHER, _FLAT, _TWIN)
            reasons[kind if known else "that cannot be used"].append(name)
        words = [f"{len(names)} {why} ({_few(names)})" for why, names in reasons.items()]
        words += [f"{count} {why}" for why, count in sorted(self.beside.items())]
        left = len(self.left_out) + self.beside.total()
        told = f": {'; '.join(words)}" if words else ""
        return f"{len(self.files)} images taken, {left} files left out{told}"

    def insist(self, folder: Path, least: int) -> "Chosen":
        """The same, where there are enough files."""
        if len(self.files) < least:
            many = "image is" if least == 1 else "images are"
            raise DataError(f"{folder}: {self.line()}; at least {least} {many} needed")
        return self


def _few(names: list[str]) -> str:
    return shown(", ".join(names[:3])) + (", ..." if len(names) > 3 else "")


def is_volume(name: str | Path) -> bool:
    """Whether a file is NIfTI, by its name."""
    return str(name).lower().endswith((".nii", ".nii.gz"))


def image_files(
    folder: Path, *, volumes: bool = False, least: int = LEAST, beside: Path | None = None
) -> Chosen:
    """The images (or NIfTI volumes) below ``folder``, ``least`` or more of every kind that is read.

    Links are followed, suffixes are in any case. Hidden and system files are no part of it, nor are
    masks that lie beside their images, nor what lies in ``beside``, a folder of masks.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name the one that holds your images")
    index = FolderIndex(folder)
    left_out: dict[str, str] = {}
    files = []
    apart = beside.resolve() if beside else folder
    inside = folder.resolve() in apart.parents
    for name in index.sizes:
        if inside and apart in (folder / name).resolve().parents:
            left_out[name] = _MASKS
        elif is_volume(name) if volumes else is_image(folder / name):
            files.append(name)
        else:
            left_out[name] = f"{_OTHER}: {PurePosixPath(name).suffix.lower() or 'no suffix'}"
    called = {name for name in files if _MASK.search(name)}
    films = {plain_stem(name) for name in files if name not in called}
    masks = {
        one for one in called
        if films & {*_beginnings(plain_stem(without_mask_words(one))), plain_stem(one)}
    }  # fmt: skip
    left_out |= dict.fromkeys(sorted(masks), _MASKS)
    taken = tuple(sorted(set(files) - masks))
    return Chosen(taken, left_out, index.left_out).insist(folder, least)


def plain_stem(name: str) -> str:
    """A file's name in small letters, without suffix and what separates words at its ends."""
    return PurePosixPath(name.lower().removesuffix(".gz")).stem.strip("_- ")


def _beginnings(stem: str) -> list[str]:
    """A stem, and what it begins with up to a sign that parts words: "a 2", "a" of "a 2_1"."""
    ends = [m.start() for m in re.finditer(r"[^0-9a-z]", stem)]
    return [stem, *(plain_stem(stem[:end]) for end in ends if end)]


def without_mask_words(name: str) -> str:
    """A name without "mask", "seg" and the like."""
    return _MASK.sub("", name)


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
    for one in flat[:: 1 + len(flat) // 24]:
        try:
            as_grey(read_image(folder / one), folder / one)
        except DataError as error:  # one that cannot be read is told later
            if "channels" in str(error):
                return "colour"
    return "xray"


def usual_side(folder: Path, modality: Modality) -> int:
    """Side of the squares that a folder's images become where nobody says it.

    The shorter side of what is seen of an image, so that nothing is blown up, as a multiple of 16
    and at most 256 pixels. Pretraining and fine-tuning both ask here: a network then meets each
    structure as large as it has learned it.
    """
    files, sides = image_files(folder, volumes=modality == "ct", least=1).files, []
    for name in files[:: 1 + len(files) // LOOKED_AT]:
        try:
            box = next(pictures(folder / name, modality, SMALLEST))[2].box
        except (DataError, StopIteration):  # told by whoever reads them all
            continue
        sides.append(min(box.bottom - box.top, box.right - box.left))
    side = float(np.median(sides)) if sides else LARGEST
    return max(SMALLEST, min(LARGEST, 16 * int(side // 16)))


def two_levels(pixels: np.ndarray) -> bool:
    """Whether an image holds black, one other level and next to nothing else: a mask, no film."""
    low, high = int(pixels.min()), int(pixels.max())
    if ((pixels == low) | (pixels == high)).all():
        return True
    bright = float((pixels >= high - 16).mean())
    return high - low > 64 and bright > 0.005 and bright + float((pixels <= low + 16).mean()) > 0.99


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


def slices(path: Path, size: int) -> Iterator[Picture]:
    """The axial slices of a volume upwards, each as a grey image of the soft-tissue window."""
    from ldl.data.ct.prepare import to_grey  # with pandas and nibabel: images need neither
    from ldl.data.ct.volume import read_ct

    for plane in read_ct(path.name, path, None, {}).image:
        yield pictured(to_grey(plane, WINDOW), path, "ct", size)


def folder_bank(
    folder: Path,
    modality: Modality,
    size: int,
    *,
    leave_out: bool = False,
    progress: bool = False,
    say: Callable[[str], object] = LOG.info,
) -> Bank:
    """The images of ``folder`` and its subfolders as a bank, (N, C, size, size).

    Made once for a content. Left out are masks and the second of two equal pictures: half of a
    pair could be trained on while the other is held out.

    Args:
        modality: "fundus" (colour, cropped to what is lit), "colour", "xray" (grey), or "ct": NIfTI
            volumes, whose axial slices become grey images.
        leave_out: go on without files that cannot be read.
        say: takes the line about what was taken and what was left out.
    """
    flat = modality != "ct"
    chosen = image_files(folder, volumes=not flat, least=LEAST if flat else 1)
    known: dict[int, list[tuple[np.ndarray, str]]] = defaultdict(list)  # by their mean level
    seen = 0

    def twin(small: np.ndarray, written: list[dict]) -> str | None:
        """The entry whose cells are the same within two grey levels."""
        nonlocal seen
        for one in written[seen:]:
            cells = np.array(one["small"], np.int16)
            known[round(float(cells.mean()))].append((cells, one["id"]))
        seen, mean = len(written), round(float(small.mean()))
        near = (one for k in range(mean - 2, mean + 3) for one in known.get(k, ()))
        return next((name for cells, name in near if np.abs(cells - small).max() <= 2), None)

    def entries(writer: BankWriter, name: str, path: Path) -> Iterator[Entry]:
        for ending, _, one in pictures(path, modality, size):
            row, facts = [{"images": one.square}], {"split": "train"}
            if not flat:
                yield name + ending, row, facts
                continue
            # Means of 8 x 8 cells, which saving a picture in another format leaves.
            cells = [Image.fromarray(c).resize((8, 8), Image.Resampling.BOX) for c in one.square]
            small = np.stack([np.asarray(c) for c in cells]).astype(np.int16).ravel()
            other = twin(small, writer.entries)
            if two_levels(one.pixels):
                writer.leave_out(name, _FLAT)
            elif other is not None:
                writer.leave_out(name, f"{_TWIN}: the same picture as {other}")
            else:
                yield name, row, {**facts, "small": small.tolist()}

    def check(writer: BankWriter) -> None:
        used = tuple(one["id"] for one in writer.entries)
        Chosen(used, writer.left_out, Counter()).insist(folder, LEAST)

    files = {one: folder / one for one in chosen.files}
    bar = tqdm(files.items(), desc="contents", unit="file", disable=not progress)
    stamp = [prepare.VERSION, modality, size, leave_out, [(f, content(path)) for f, path in bar]]
    rows, name = image_rows((CHANNELS[modality], size, size)), own_name(folder)
    bank = open_images(bank_of(
        f"{name}-{modality}-{size}", stamp, name, rows, lambda: files, entries, check=check,
        counted=flat, unit="image" if flat else "volume", leave_out=leave_out, progress=progress,
    ))  # fmt: skip
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
        return file_hash(path)
    except OSError as error:
        return str(error.errno)


def prior_bank(folder: Path, size: int, *, leave_out: bool = False) -> Bank:
    """Reference masks of a folder as a bank, (N, 1, size, size) of 0 and 255."""
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name the one that holds your reference masks")
    index = FolderIndex(folder)
    files = {one: folder / one for one in index.sizes if is_image(folder / one)}
    if not files:
        raise DataError(f"{folder}: no mask there; {index.line()}")

    def entries(_: BankWriter, name: str, path: Path) -> Iterator[Entry]:
        mask = resize_mask(read_mask(path), size)
        if not mask.any():
            raise DataError(f"{path}: an empty mask shows no shape")
        yield name, [{"images": mask[None] * np.uint8(255)}], {}

    stamp = ["prior", size, leave_out, [(f, content(path)) for f, path in files.items()]]
    name = own_name(folder)
    return open_images(bank_of(
        f"{name}-prior-{size}", stamp, name, image_rows((1, size, size)),
        lambda: files, entries, leave_out=leave_out,
    ))  # fmt: skip
