"""Small data sets in the true formats, written by the tests themselves."""

import csv
import gzip
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, JPEGBaseline8Bit, SecondaryCaptureImageStorage

from ldl import paths
from ldl.data.manifest import Layout, Manifest, Member, id_list

REAL = paths.repo_root().parent / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real images, where this machine has them."""
    if not REAL.is_dir():
        pytest.skip("the real images are not on this machine")
    return REAL


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty data and cache folders; returns the data folder."""
    monkeypatch.setenv("LDL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LDL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"


@pytest.fixture
def short_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real manifests with lists of five training and two test images; returns the folder."""
    folder = tmp_path / "data_manifests"
    shutil.copytree(paths.manifests_dir(), folder)
    for file in (folder / "splits").glob("*.csv"):
        rows = list(csv.DictReader(file.open()))
        kept = [row for row in rows if row["split"] != "test"][:5]
        kept += [row for row in rows if row["split"] == "test"][:2]
        with file.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, ["split", "image_id"])
            writer.writeheader()
            writer.writerows(kept)
    monkeypatch.setattr(paths, "manifests_dir", lambda: folder)
    return folder


def scene(seed: int, height: int = 60, width: int = 80) -> tuple[np.ndarray, np.ndarray]:
    """A dim disc with a bright ellipse: image (H, W, 3) uint8 and the ellipse (H, W) bool."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    disc = (y - height / 2) ** 2 + (x - width / 2) ** 2 < (0.45 * height) ** 2
    centre = (height / 2 + rng.uniform(-4, 4), width / 2 + rng.uniform(-4, 4))
    mask = (y - centre[0]) ** 2 / 8**2 + (x - centre[1]) ** 2 / 12**2 < 1
    image = np.zeros((height, width, 3), np.uint8)
    image[disc] = (90, 50, 30)
    image[mask] = (240, 220, 200)
    noise = rng.integers(0, 8, image.shape, dtype=np.uint8)
    return image + noise, mask


def dicom_bytes(
    pixels: np.ndarray, *, jpeg: bool = False, monochrome: int = 2, **tags: object
) -> bytes:
    """A DICOM file of one grey frame, raw or with a jpg inside as SIIM-ACR has them."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    meta.TransferSyntaxUID = JPEGBaseline8Bit if jpeg else ExplicitVRLittleEndian
    data = pydicom.Dataset()
    data.file_meta = meta
    data.SOPClassUID, data.SOPInstanceUID = SecondaryCaptureImageStorage, "1.2.3"
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel = 1 if pixels.ndim == 2 else pixels.shape[2]
    data.PhotometricInterpretation = f"MONOCHROME{monochrome}" if pixels.ndim == 2 else "RGB"
    bits = pixels.dtype.itemsize * 8
    data.BitsAllocated, data.BitsStored, data.HighBit = bits, bits, bits - 1
    data.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    if pixels.ndim == 3:
        data.PlanarConfiguration = 0
    for name, value in tags.items():
        setattr(data, name, value)
    if jpeg:
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "JPEG", quality=95)
        data.PixelData = encapsulate([stream.getvalue()])
        data["PixelData"].VR = "OB"
    else:
        data.PixelData = pixels.tobytes()
        data["PixelData"].VR = "OW" if bits == 16 else "OB"
    out = io.BytesIO()
    pydicom.dcmwrite(out, data, enforce_file_format=True)
    return out.getvalue()


def encode_rle(mask: np.ndarray) -> str:
    """Runs of a mask as SIIM-ACR writes them: relative, column by column."""
    flat = np.concatenate([[0], mask.T.ravel().astype(np.int8), [0]])
    edges = np.flatnonzero(np.diff(flat))
    out, last = [], 0
    for start, end in zip(edges[0::2], edges[1::2], strict=True):
        out += [str(start - last), str(end - start)]
        last = end
    return " ".join(out)


def write_raster(path: Path, pixels: np.ndarray) -> None:
    """An array in the format that the name says; bool becomes a two-valued file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    suffixes = path.suffixes
    if pixels.dtype == bool and path.suffix == ".png":
        Image.fromarray(pixels).save(path)  # 1-bit
        return
    pixels = pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels
    if path.suffix == ".gz":
        stream = io.BytesIO()
        Image.fromarray(pixels).convert("RGB").save(stream, "PPM")
        path.write_bytes(gzip.compress(stream.getvalue()))
    elif suffixes[-1].lower() in (".jpg", ".jpeg"):
        Image.fromarray(pixels).save(path, quality=95)
    else:
        Image.fromarray(pixels).save(path)


def _image(manifest: Manifest, path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if manifest.modality == "xray":
        pixels = pixels[..., 1]
    if path.suffix == ".IMG":
        path.write_bytes((4095 - pixels.astype(">u2") * 16).astype(">u2").tobytes())
    elif path.suffix == ".dcm":
        path.write_bytes(dicom_bytes(pixels, jpeg=True))
    else:
        write_raster(path, pixels)


def _candidate(templates: tuple[str, ...], member: Member, fields: dict[str, str]) -> str:
    """The template that suits the split, if its folders tell."""
    part = "rain" if member.split == "train" else "est"
    chosen = next((one for one in templates if part in one), templates[0])
    return chosen.replace("*", "a1").format(**fields)


def _write_one(manifest: Manifest, layout: Layout, root: Path, member: Member, seed: int) -> None:
    side = (64, 64) if manifest.modality == "xray" else (60, 80)
    pixels, mask = scene(seed, *side)
    fields = manifest.fields(member.id, member.split)
    for one in manifest.collections:
        if one.ids and member not in id_list(one.ids):
            continue
        _image(manifest, root / _candidate(layout.files["images"], member, fields), pixels)
        halves = np.array_split(np.arange(side[1]), len(one.masks) or 1)
        for role, columns in zip(one.masks, halves, strict=False):
            part = np.zeros_like(mask)
            part[:, columns] = mask[:, columns]
            path = root / _candidate(layout.files[role], member, fields)
            if path.suffix == ".csv":
                _append_rle(path, member.id, part)
                continue
            if layout.mask_reduction > 1:
                part = part[:: layout.mask_reduction, :: layout.mask_reduction]
            values = part if layout.soft_threshold is None else part * np.uint8(191)
            write_raster(path, values)


def _append_rle(path: Path, image_id: str, mask: np.ndarray) -> None:
    """Two rows an image, as where two pockets were drawn."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("ImageId, EncodedPixels\n")
    middle = int(np.flatnonzero(mask.any(0)).mean())
    with path.open("a") as stream:
        for columns in (slice(0, middle), slice(middle, None)):
            part = np.zeros_like(mask)
            part[:, columns] = mask[:, columns]
            stream.write(f"{image_id}, {encode_rle(part)}\n")


@pytest.fixture
def write_tree(
    home: Path, short_lists: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Manifest, Layout], Path]:
    """Write a whole small data set in one of its layouts; returns its folder."""
    monkeypatch.setattr("ldl.data.readers.medical.SIDE", 64)

    def write(manifest: Manifest, layout: Layout) -> Path:
        root = home / manifest.folder
        members = dict.fromkeys(
            member for one in manifest.collections if one.ids for member in id_list(one.ids)
        )
        for seed, member in enumerate(members):
            _write_one(manifest, layout, root, member, seed)
        return root

    return write


@pytest.fixture
def make() -> SimpleNamespace:
    """The helpers of this file, for tests that write single files."""
    return SimpleNamespace(
        scene=scene, dicom=dicom_bytes, rle=encode_rle, raster=write_raster, members=id_list
    )
