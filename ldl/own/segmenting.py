"""Masks of one's own images by a trained segmenter, at the size of each file."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch
import torch.nn.functional as F
from nibabel.orientations import apply_orientation, ornt_transform
from PIL import Image
from scipy.ndimage import binary_erosion
from torch import Tensor, nn
from tqdm.auto import tqdm

from ldl import paths
from ldl.data.bank import refuse
from ldl.data.colour import normalise, to_float
from ldl.data.own import image_files, is_volume, slices
from ldl.data.preprocess import Picture, field_masks, picture
from ldl.data.readers.medical import pixel_spacing
from ldl.data.readers.nifti import read_nifti, to_ras
from ldl.errors import DataError, LdlError
from ldl.own.load import load_model
from ldl.own.model import Network, Preprocessing
from ldl.own.outputs import Outputs, free, plain_name, refuse_among
from ldl.plots.images import painted, to_display
from ldl.plots.points import LONGEST, save_png
from ldl.plots.theme import CYCLE, HIT
from ldl.train.device import fabric_for
from ldl.train.loop import Progress
from ldl.train.made import Weights
from ldl.train.references import Cut

TABLE = "areas.csv"
COLUMNS = ("image", "mask", "overlay", "class", "pixels", "share", "area_mm2", "volume_ml", "note")
THRESHOLD = 0.5
TILE, MARGIN = 512, 64  # pixels: what is larger goes through the network in parts that overlap
STRENGTH = 0.3  # of an overlay's colours
COLOURS = (HIT, *CYCLE)
Mask = np.ndarray


@dataclass(frozen=True)
class Segmenter:
    """A network with the way to its input.

    Attributes:
        net: (B, C, S, S) -> (B, K, S, S) probabilities, in eval mode.
        preprocessing: of its input.
        classes: names of its maps.
        device: where the network is.
        share: of the field of view that is taken where the map is strongest, as the guides of
            Tables 5 and 6 are cut; None: what is above one half.
    """

    net: nn.Module
    preprocessing: Preprocessing
    classes: tuple[str, ...]
    device: str = "cpu"
    share: float | None = None

    @classmethod
    def of(
        cls,
        network: Network,
        weights: Weights,
        preprocessing: Preprocessing,
        classes: tuple[str, ...],
        device: str = "auto",
        share: float | None = None,
    ) -> "Segmenter":
        """Of weights that were trained just now."""
        net, target = network.segmenter(), fabric_for(device).device.type
        net.load_state_dict(weights)
        return cls(net.eval().to(target), preprocessing, classes, target, share)

    def read(self, path: Path) -> Picture:
        """An image as the network sees it."""
        return picture(path, self.preprocessing.modality, self.preprocessing.size)

    @torch.inference_mode()
    def planes(self, image: Picture) -> Mask:
        """(K, H, W) bool in the file's pixels; nothing outside of what is lit."""
        square = normalise(to_float(torch.tensor(image.square)[None]))
        found = in_tiles(self.net, square.to(self.device)).cpu()
        if self.share is not None:
            found = Cut(self.share)(found[:, 0], field_masks(image.square[None]))[:, None]
        box, (rows, columns) = image.box, image.shape
        planes = np.zeros((len(self.classes), rows, columns), bool)
        size = (box.bottom - box.top, box.right - box.left)
        for plane, one in zip(planes, found.split(1, dim=1), strict=True):  # one at a time: large
            shown = F.interpolate(one, size, mode="bilinear", align_corners=False)[0, 0]
            plane[box.top : box.bottom, box.left : box.right] = (shown > THRESHOLD).numpy()
        return planes


def in_tiles(net: nn.Module, images: Tensor, tile: int = TILE, margin: int = MARGIN) -> Tensor:
    """(B, C, H, W) -> (B, K, H, W) in parts of ``tile`` pixels a side that overlap.

    Each output pixel is taken from the part that it lies deepest in, at least ``margin`` pixels
    from an inner border. What is no larger than a part goes through whole.
    """
    height, width = images.shape[-2:]
    if max(height, width) <= tile:
        return net(images).float()
    rows, columns = (_starts(side, tile, margin) for side in (height, width))
    found: Tensor | None = None
    for top, up, down in rows:
        for left, before, after in columns:
            part = net(images[..., top : top + tile, left : left + tile]).float()
            if found is None:
                found = part.new_zeros(len(images), part.shape[1], height, width)
            found[..., up:down, before:after] = part[
                ..., up - top : down - top, before - left : after - left
            ]
    assert found is not None
    return found


def _starts(side: int, tile: int, margin: int) -> list[tuple[int, int, int]]:
    """Where parts begin, and which pixels are taken from each."""
    last = max(0, side - tile)
    starts = [*range(0, last, tile - 2 * margin), last]
    ends = [(one + other + tile) // 2 for one, other in pairwise(starts)]
    return list(zip(starts, [0, *ends], [*ends, side], strict=True))


def segment(
    model: Path | str,
    images: Sequence[Path | str],
    output: Path | str,
    *,
    pixel_size: float | None = None,
    device: str = "auto",
    leave_out: bool = False,
    progress: Progress = True,
    say: Any = print,
) -> dict[str, list[dict[str, float]]]:
    """Write a mask and an overlay for each image, and a csv of areas.

    A mask is a png of the image's size, upright: 0 and 255, or with several classes a palette whose
    number k is the k-th class (where two overlap, the later one is on top). A volume's is NIfTI on
    its own voxels.

    Args:
        model: a file of `ldl finetune` or `ldl guide`.
        images: files and folders.
        output: a folder.
        pixel_size: mm a pixel of the files, where they do not say it.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        leave_out: go on without files that cannot be read.
        progress: as of `ldl.pretrain`, of images.
        say: takes lines about what was read and what came out.

    Returns:
        For each image, one dict a class: pixels, share, and where known area_mm2 or volume_ml.
    """
    loaded = load_model(model)
    target = fabric_for(device).device.type
    guided = loaded.facts["record"]["reference"]["share"] if loaded.network.regions else None
    work = Segmenter(loaded.module.to(target), loaded.preprocessing, loaded.classes, target, guided)
    volumes = work.preprocessing.modality == "ct"
    refuse_among(Path(output), *map(Path, images))
    files = _listed([Path(one) for one in images], volumes, say)
    ending, taken = ".nii.gz" if volumes else ".png", {TABLE}
    names = [free(plain_name(one), taken, ending, "-overlay.png") for one in files]
    answers = Outputs(
        "segment",
        Path(output),
        TABLE,
        COLUMNS,
        [name + one for name in names for one in (ending, "-overlay.png")],
        [*files, Path(model)],
        named=["mask", "overlay"],
    )
    found: dict[str, list[dict[str, float]]] = {}
    faults = []
    with answers.open():
        bar = tqdm(files, desc="segment", unit="image", disable=progress is not True)
        for number, (path, name) in enumerate(zip(bar, names, strict=True)):
            if callable(progress):
                progress("segment", number + 1, len(files), {})
            mask, overlay = name + ending, name + "-overlay.png"
            try:
                one = _volume if volumes else _image
                found[str(path)] = one(work, path, answers.work / mask, answers.work / overlay,
                                       pixel_size)  # fmt: skip
            except DataError as error:
                faults.append(str(error))
                answers.row(path, "", "", "", "", "", "", "", error)
                continue
            for label, facts in zip(work.classes, found[str(path)], strict=True):
                told = [f"{facts[key]:.6g}" if key in facts else "" for key in COLUMNS[4:8]]
                note = "" if facts["pixels"] else "nothing found"
                answers.row(path, mask, overlay, label, *told, note)
        if not leave_out:
            refuse(faults, len(files))
    for fault in faults:
        say(f"left out: {paths.shown(fault)}")
    empty = sum(not any(one["pixels"] for one in each) for each in found.values())
    more = f"; nothing was found in {empty}" if empty else ""
    say(f"{output}: masks and overlays of {len(found)} images{more}; areas in {TABLE}")
    return found


def _listed(given: Sequence[Path], volumes: bool, say: Any) -> list[Path]:
    """Files as given, and those of folders."""
    files = []
    for one in given:
        if one.is_dir():
            chosen = image_files(one, volumes=volumes, least=1)
            say(f"{paths.shown(one)}: {chosen.line()}")
            files += [one / name for name in chosen.files]
        else:
            files.append(one)
    if not files:
        raise LdlError("no images; name files or folders")
    return files


def _image(
    work: Segmenter, path: Path, mask: Path, overlay: Path, given: float | None
) -> list[dict[str, float]]:
    if is_volume(path):
        raise DataError(f"{path}: a volume, but the model was trained on images")
    image = work.read(path)
    planes = work.planes(image)
    save_png(as_picture(planes), mask)
    save_png(overlaid(image.pixels, planes), overlay)
    size = (given, given) if given else pixel_spacing(path)
    facts = []
    for plane in planes:
        count = int(plane.sum())
        area = {"area_mm2": count * size[0] * size[1]} if size else {}
        facts.append({"pixels": count, "share": count / plane.size, **area})
    return facts


def _volume(
    work: Segmenter, path: Path, mask: Path, overlay: Path, _: float | None
) -> list[dict[str, float]]:
    if not is_volume(path):
        raise DataError(f"{path}: no NIfTI volume, but the model was trained on CT")
    pictures = list(slices(path, work.preprocessing.size))
    planes = np.stack([work.planes(one) for one in pictures], axis=1)
    scan = read_nifti(path)
    stored = as_stored(labels(planes), scan.affine)
    nibabel.save(nibabel.Nifti1Image(stored, scan.affine), mask)
    at = int(planes.any(axis=0).sum(axis=(1, 2)).argmax())
    save_png(overlaid(pictures[at].pixels, planes[:, at]), overlay)
    ml = float(abs(np.linalg.det(scan.affine[:3, :3]))) / 1000
    counts = [int(one.sum()) for one in planes]
    return [{"pixels": n, "share": n / planes[0].size, "volume_ml": n * ml} for n in counts]


def labels(planes: Mask) -> Mask:
    """(K, ...) bool -> (...) uint8: k + 1 where class k is; the last of several."""
    found = np.zeros(planes.shape[1:], np.uint8)
    for number, plane in enumerate(planes, 1):
        found[plane] = number
    return found


def as_stored(shown: Mask, affine: Mask) -> Mask:
    """(Z, Y, X) as `ldl.data.own.slices` shows a volume -> (X, Y, Z) as its file has it."""
    upright = shown[:, ::-1, ::-1].transpose(2, 1, 0)  # the inverse of `upright`
    back = ornt_transform(to_ras(np.eye(4)), to_ras(affine))
    return np.ascontiguousarray(apply_orientation(upright, back))


def as_picture(planes: Mask) -> Image.Image:
    """A mask to be saved, see `segment`."""
    if len(planes) == 1:
        return Image.fromarray(planes[0].astype(np.uint8) * 255)
    image = Image.fromarray(labels(planes))
    image.putpalette(b"\0\0\0" + b"".join(bytes.fromhex(one[1:]) for one in COLOURS))
    return image


def overlaid(pixels: Mask, planes: Mask) -> Image.Image:
    """The image (at most 1024 pixels long) with each class in a colour and outlined."""
    shown = to_display(np.moveaxis(pixels, -1, 0) if pixels.ndim == 3 else pixels)
    scale = min(1.0, LONGEST / max(shown.shape[:2]))
    size = max(1, round(shown.shape[1] * scale)), max(1, round(shown.shape[0] * scale))
    canvas = np.asarray(Image.fromarray(shown).resize(size, Image.Resampling.LANCZOS))
    for number, plane in enumerate(planes):
        small = Image.fromarray(plane.astype(np.uint8) * 255).resize(size, Image.Resampling.BOX)
        there, colour = np.asarray(small) > 127, COLOURS[number % 8]
        inner = binary_erosion(there, iterations=1 + max(size) // 500)
        canvas = painted(painted(canvas, inner, colour, STRENGTH), there & ~inner, colour, 1.0)
    return Image.fromarray(canvas)
