"""One's own images and masks: what belongs together, what a mask's values mean, who is held out."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from ldl.data import prepare
from ldl.data.bank import (
    SPLITS,
    Bank,
    BankWriter,
    Entry,
    bank_of,
    image_rows,
    open_bank,
    open_images,
    refuse,
)
from ldl.data.ct.volume import read_beside, upright
from ldl.data.files import read_table
from ldl.data.folder import FolderIndex
from ldl.data.own import (
    content,
    image_files,
    is_volume,
    own_name,
    pictures,
    plain_stem,
    without_mask_words,
)
from ldl.data.preprocess import Picture, crop, resize_mask
from ldl.data.readers.image import is_image, read_codes
from ldl.data.readers.nifti import read_nifti
from ldl.errors import DataError
from ldl.paths import shown
from ldl.rng import numpy_generator
from ldl.tasks import CHANNELS, Modality

MOST = 8  # classes: a pixel's bits
FOLDS = 4  # parts of the subjects, of which one is the test
VALIDATION = 0.15  # of the subjects, at least one
_SUBJECT = re.compile(
    r"(?:^|[/_\-. ])((?:sub|subj|subject|patient|pat|pt|case|donor|animal|mouse|slide)"
    r"[-_ ]?[a-z]*\d+)",
    re.IGNORECASE,
)
# What tells images of one subject apart, at the end of a name: an eye, a side, a view, a slice.
_ENDING = re.compile(
    r"(?:(?<=\d)|[_\-. ])(?:left|right|l|r|od|os|ap|pa|lateral|frontal|"
    r"(?:slice|view|frame|visit|tile|patch|crop|roi|z|v)[-_ ]?\d+)$",
    re.IGNORECASE,
)
Mask = np.ndarray


@dataclass(frozen=True)
class Pairs:
    """Images and their masks."""

    images: Path  # the images' folder
    masks: dict[str, dict[str, Path]]  # image -> class ("" where values tell the classes) -> file
    left_out: tuple[str, ...]  # images without a mask
    rule: str  # how names were matched, in words

    @property
    def by_file(self) -> tuple[str, ...]:
        """The classes, where each has files of its own."""
        return tuple(sorted({one for each in self.masks.values() for one in each} - {""}))


def pair(images: Path, masks: Path, modality: Modality, *, leave_out: bool = False) -> Pairs:
    """Which mask belongs to which image, by their names.

    Tried in turn: the same path, the same name, the same but for words such as "mask" or "seg", one
    name that goes on where the other ends, the same first number. Several masks of an image are
    classes, named by their folders or by what their names add. The folder of masks may lie within
    the images', or be the same. ``leave_out`` goes on without masks that belong to no image.
    """
    volumes = modality == "ct"
    if not masks.is_dir():
        raise DataError(f"{masks}: no such folder; name the one that holds your masks")
    here = None if masks.resolve() == images.resolve() else masks
    files = list(image_files(images, volumes=volumes, least=1, beside=here).files)
    own = {(images / one).resolve() for one in files}
    index = FolderIndex(masks)
    kind: Callable[[Path], bool] = is_volume if volumes else is_image
    found = [f for f in index.sizes if kind(masks / f) and (masks / f).resolve() not in own]
    if not found:
        what = "NIfTI" if volumes else "image"
        raise DataError(
            f"{masks}: no {what} file that could be a mask; {index.line()}"
            + ("" if here else "; among images, masks are known by a word such as mask, seg, label "
               "or gt in their names: add one, or put them into a folder of their own")
        )  # fmt: skip
    tried = {name: _partners(files, found, key) for name, key in _RULES.items()}
    rule, partner = max(tried.items(), key=lambda each: len(each[1]))
    lost = [one for one in found if one not in partner]
    if lost and not leave_out:
        some = ", ".join(lost[:5]) + (" ..." if len(lost) > 5 else "")
        raise DataError(
            f"{masks}: {len(lost)} of {len(found)} masks belong to no image by their names "
            f"({shown(some)}); an image may be {shown(files[0])}; name a mask after its image, or "
            "--leave-out goes on without them"
        )
    if not partner:
        raise DataError(f"{masks}: no mask is named after an image of {images}")
    several = len(set(partner.values())) < len(partner)
    grouped: dict[str, dict[str, Path]] = defaultdict(dict)
    for name, image in sorted(partner.items()):
        label = _label(name, image, partner) if several else ""
        if label in grouped[image]:
            raise DataError(
                f"{masks}: {shown(name)} and {shown(grouped[image][label].name)} are both masks of "
                f"{shown(image)}, and no name says what of; put each class into a folder of its "
                "own, and what is of one class into one file, or keep one of them"
            )
        grouped[image][label] = masks / name
    return Pairs(images, dict(grouped), tuple(f for f in files if f not in grouped), rule)


def _stem(name: str) -> str:
    return plain_stem(PurePosixPath(name).name)


def _number(name: str) -> str:
    digits = re.search(r"\d+", _stem(name))
    return str(int(digits[0])) if digits else ""


_RULES: dict[str, Callable[[str], str] | None] = {
    "path": lambda name: str(PurePosixPath(name).parent / plain_stem(name)),
    "name": _stem,
    "name but for words such as mask": lambda name: _stem(without_mask_words(name)),
    "beginning of the name": None,
    "first number": _number,
}


def _partners(
    images: Sequence[str], masks: Sequence[str], key: Callable[[str], str] | None
) -> dict[str, str]:
    """Mask -> its image, where a rule leaves exactly one."""

    def begins(image: str, mask: str) -> bool:
        one, other = sorted((_stem(image), _stem(without_mask_words(mask))), key=len)
        return bool(one) and other.startswith(one) and not other[len(one) :][:1].isalnum()

    if key is None:
        fits = {mask: [one for one in images if begins(one, mask)] for mask in masks}
    else:
        known = defaultdict(list)
        for one in images:
            known[key(one)].append(one)
        fits = {mask: known.get(key(mask), []) if key(mask) else [] for mask in masks}
    return {mask: some[0] for mask, some in fits.items() if len(some) == 1}


def _label(mask: str, image: str, partner: dict[str, str]) -> str:
    """The class of one of several masks: its first folder that tells, or what its name adds."""
    for place, name in enumerate(PurePosixPath(mask).parts[:-1]):
        if len({PurePosixPath(one).parts[place : place + 1] for one in partner}) > 1:
            return name
    stem, of = _stem(mask), _stem(image)
    added = stem.replace(of, "", 1) if of in stem else re.sub(r"\d+", "", stem, count=1)
    tells = re.search(r"[^\W\d_]", without_mask_words(f"_{added}"))
    return added.strip("_-. ") if tells else "mask"  # "mask_1" and "2" name no class


@dataclass(frozen=True)
class Case:
    """An image or a slice with its masks as the file has them: (K, H, W) bool, one a class."""

    id: str
    picture: Picture
    planes: Mask


@dataclass(frozen=True)
class Labelled:
    """The bank of images and masks (a bit a class), and what is known of both.

    ``classes`` are the largest first, so that what lies within another comes later.
    """

    bank: Bank
    classes: tuple[str, ...]
    values: tuple[int, ...]  # of each class in the files; () where classes have files of their own
    subjects: dict[str, str]  # image -> whose it is
    pairs: Pairs
    modality: Modality = "xray"

    def cases(self, name: str) -> Iterator[Case]:
        """The image, or the slices of the volume, of that name."""
        size = self.bank.images.shape[-1]
        return _cases(self.pairs, name, self.modality, size, self.classes, self.values)

    def share(self, number: int) -> float:
        """How much of the images a class covers, 0..1, counted in the squares."""
        return float(((self.bank.masks >> number) & 1).mean())

    def names(self, split: str) -> list[str]:
        """Images or volumes of a split."""
        ids = [self.bank.ids[row] for row in self.bank.rows(split)]
        if self.modality != "ct":
            return ids
        return list(dict.fromkeys(one.rpartition("#")[0] or one for one in ids))


def labelled_bank(
    pairs: Pairs,
    modality: Modality,
    size: int,
    *,
    names: Sequence[str] = (),
    split: dict[str, tuple[str, str]] | None = None,
    seed: int = 0,
    fold: int = 0,
    folds: int = FOLDS,
    leave_out: bool = False,
    progress: bool = False,
) -> Labelled:
    """The paired images as a bank of squares of ``size``, split by subject.

    Args:
        names: of the classes, in the order of the masks' values.
        split: image -> (split, subject), either may be ""; None tells subjects from the names.
        seed: of the split.
        fold, folds: which part of how many is the test, see `splits_of`.
        leave_out: go on without files that cannot be used.
    """
    given = _by_name(split or {}, list(pairs.masks))
    subjects = {one: given.get(one, ("", ""))[1] or subject_of(one) for one in pairs.masks}
    told = {one: part for one, (part, _) in given.items() if part}
    where = splits_of(subjects, told, seed, fold, folds)
    files = [
        (one, content(pairs.images / one), subjects[one], where[one],
         sorted((label, content(path)) for label, path in masks.items()))
        for one, masks in sorted(pairs.masks.items())
    ]  # fmt: skip
    stamp = [prepare.VERSION, "labelled", modality, size, list(names), leave_out, files]
    facts: dict[str, Any] = {}

    def items() -> dict[str, str]:
        classes, values, faults = _classes(pairs, names, progress)
        refuse([] if leave_out else list(faults.values()), len(files))
        facts.update(classes=classes, values=values, left_out=faults)
        return {one: where[one] for one in sorted(pairs.masks) if one not in faults}

    def entries(_: BankWriter, name: str, part: str) -> Iterator[Entry]:
        for one in _cases(pairs, name, modality, size, facts["classes"], facts["values"]):
            planes = [resize_mask(crop(plane, one.picture.box), size) << k
                      for k, plane in enumerate(one.planes)]  # fmt: skip
            masks = np.bitwise_or.reduce(planes).astype(np.uint8)
            yield one.id, [{"images": one.picture.square, "masks": masks}], {"split": part}

    def check(writer: BankWriter) -> None:
        missing = set(SPLITS) - {one["split"] for one in writer.entries}
        if missing:
            raise DataError(f"{pairs.images}: no image is left for {', '.join(missing)}")

    volumes, name = any(map(is_volume, pairs.masks)), own_name(pairs.images)
    rows = image_rows((CHANNELS[modality], size, size), masks=True)
    folder = bank_of(
        f"{name}-{modality}-{size}-masks", stamp, name, rows, items, entries, facts=facts,
        check=check, counted=not volumes, unit="volume" if volumes else "image",
        leave_out=leave_out, progress=progress,
    )  # fmt: skip
    index, _ = open_bank(folder)
    classes, values = tuple(index["classes"]), tuple(index["values"])
    return Labelled(open_images(folder), classes, values, subjects, pairs, modality)


def _cases(
    pairs: Pairs, name: str, modality: Modality, size: int,
    classes: Sequence[str], values: Sequence[int],
) -> Iterator[Case]:  # fmt: skip
    path = pairs.images / name
    codes = {label: _codes(mask, path) for label, mask in pairs.masks[name].items()}
    first = next(iter(codes.values()))
    if values:
        planes = np.stack([first == value for value in values])
    else:
        planes = np.stack([codes.get(one, np.zeros_like(first)) != 0 for one in classes])
    for ending, number, one in pictures(path, modality, size):
        rows, columns = planes.shape[2:]
        if one.shape != (rows, columns):
            high, wide = one.shape
            raise DataError(
                f"{next(iter(pairs.masks[name].values()))}: mask of {columns}x{rows} pixels beside "
                f"an image of {wide}x{high} ({path.name}); {_resized(wide / columns, high / rows)}"
            )
        yield Case(name + ending, one, planes[:, number])


def _resized(across: float, down: float) -> str:
    """Why a mask may be of another size than its image, and what to do."""
    if abs(across / down - 1) < 0.02:
        return (
            "the same picture in another size? Scale one to the other: a mask by nearest "
            "neighbour, so that no new values come up, or the image"
        )
    return (
        "is it another image's, cropped or turned, or was the image turned upright by its EXIF "
        "orientation? Save it as large as the image is shown"
    )


def _codes(mask: Path, image: Path) -> Mask:
    """Values of a mask, (1, H, W), or (Z, Y, X) as `slices` shows the volume."""
    if not is_volume(mask):
        return read_codes(mask)[None]
    scan = read_nifti(image)
    values = read_beside(scan, mask)
    whole = np.rint(values)
    if np.abs(values - whole).max() > 1e-3 or len(np.unique(whole)) > 256:
        raise DataError(f"{mask}: values between whole numbers; a label map was resampled with "
                        "interpolation?")  # fmt: skip
    return upright(whole, scan.affine).astype(int)


def _classes(
    pairs: Pairs, names: Sequence[str], progress: bool
) -> tuple[list[str], list[int], dict[str, str]]:
    """Names and values of the classes, the largest first, and the masks that cannot be used."""
    area: Counter[Any] = Counter()
    together, faults = 0, {}
    for image, masks in tqdm(pairs.masks.items(), desc="masks", disable=not progress):
        try:
            for label, path in masks.items():
                codes = _codes(path, pairs.images / image)
                values, counts = np.unique(codes, return_counts=True)
                if label and len(values) > 2:
                    raise DataError(f"{path}: {len(values)} values in a mask of one class")
                if values[0] != 0 or len(values) > MOST + 1:
                    what = "no background" if values[0] != 0 else f"{len(values)} values"
                    raise DataError(
                        f"{path}: {what} where 0 and at most {MOST} classes are expected; was it "
                        "inverted, resized with interpolation or saved as jpg? Objects that are "
                        "numbered one by one want one value for all"
                    )
                together += len(values) > 2
                for value, count in zip(values[1:], counts[1:], strict=True):
                    area[label or int(value)] += int(count)
        except DataError as error:
            faults[image] = str(error)
    if not area:
        if faults:
            refuse(list(faults.values()), len(pairs.masks))
        raise DataError(f"{pairs.images}: every mask is empty; nothing can be learned of them")
    found = pairs.by_file or sorted(area)
    if names and len(names) != len(found):
        raise DataError(f"--classes names {len(names)}, the masks hold {len(found)}: "
                        f"{', '.join(map(str, found))}")  # fmt: skip
    if not pairs.by_file and not together and len(found) > 1 and not names:
        raise DataError(
            f"{pairs.images}: some masks hold {found[0]} and others {found[1]}, none both; if "
            "these are classes, name them by --classes; else save all masks with one value"
        )
    called = dict(zip(found, names or map(value_name, found), strict=True))
    if len(found) == 1 and not names and not pairs.by_file:
        called = {found[0]: "mask"}
    order = sorted(found, key=lambda one: -area[one])
    return [called[one] for one in order], [] if pairs.by_file else order, faults


def value_name(value: int | str) -> str:
    """A class by its value in the masks; a colour, see `read_codes`, as web pages write it."""
    return f"#{value:06x}" if isinstance(value, int) and value > 255 else str(value)


def subject_of(name: str) -> str:
    """Whose an image is, as far as its name shows: "patient_07/slice_3.png", "07_left.png"."""
    told = _SUBJECT.search(name)
    if told:
        return told[1].lower()
    stem = plain_stem(name)
    while (shorter := _ENDING.sub("", stem)) != stem:
        stem = shorter
    return stem


def splits_of(
    subjects: dict[str, str], given: dict[str, str], seed: int, fold: int = 0, folds: int = FOLDS
) -> dict[str, str]:
    """Image -> train, validation or test; all images of a subject go into the same.

    Subjects are dealt into ``folds`` parts as equal as can be: part ``fold`` is the test, those of
    the next part begin with the validation. Over all parts each subject is tested once.
    """
    if given:
        missing = [one for one in subjects if one not in given]
        if missing or set(given.values()) != set(SPLITS):
            raise DataError(
                f"--split: {len(missing)} images have none ({', '.join(missing[:3])}); its column "
                f"split must hold {', '.join(SPLITS)}, each at least once"
            )
        return given
    whose = sorted(set(subjects.values()))
    if len(whose) < 3:
        raise DataError(
            f"{len(subjects)} labelled images of {len(whose)} subjects, told from the names "
            f"({shown(', '.join(whose))}); training, validation and test need one subject each: "
            "label at least three, or say by --split whose each image is"
        )
    order = numpy_generator(seed, "split").permutation(len(whose))
    dealt = np.array_split(order, min(folds, len(whose)))
    test, *others = dealt[fold:] + dealt[:fold]
    held = {whose[k]: "test" for k in test}
    validation = np.concatenate(others)[: max(1, round(VALIDATION * len(whose)))]
    held |= {whose[k]: "validation" for k in validation}
    return {name: held.get(one, "train") for name, one in subjects.items()}


def read_split(path: Path) -> dict[str, tuple[str, str]]:
    """A csv with a column ``image`` and one of ``split`` and ``subject``, or both."""
    head, *rows = read_table(path) or [[]]
    if "image" not in head or not {"split", "subject"} & set(head):
        raise DataError(f"{path}: needs a column 'image' and one of 'split' and 'subject'")
    cells = [dict(zip(head, row, strict=False)) for row in rows]
    return {one["image"]: (one.get("split", ""), one.get("subject", "")) for one in cells}


def _by_name(given: dict[str, tuple[str, str]], images: list[str]) -> dict[str, tuple[str, str]]:
    """A table may call images by their path, their file's name or its stem."""
    known = {key: one for one in images for key in (one, PurePosixPath(one).name, _stem(one))}
    unknown = [one for one in given if one not in known and plain_stem(one) not in known]
    if unknown and len(unknown) == len(given):
        raise DataError(f"--split: none of its images is here, such as {shown(unknown[0])}")
    return {known.get(one) or known[plain_stem(one)]: value
            for one, value in given.items() if one not in unknown}  # fmt: skip
