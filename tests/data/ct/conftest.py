"""Tiny CT volumes, in memory and as NIfTI pairs."""

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from ldl.data.ct.volume import CtVolume, plain_affine, read_ct
from ldl.errors import DataError

Array = np.ndarray
SPACING = (5.0, 2.0, 3.0)  # z, y, x in mm
Pair = tuple[Path, Path]
CODES = {0: 0, 1: 1, 2: 2}
AFFINE = np.diag([3.0, 2.0, 5.0, 1.0])  # of an array (X, Y, Z) in RAS


def body(seed: int = 0, shape: tuple[int, int, int] = (6, 20, 16)) -> tuple[Array, Array]:
    """A box of soft tissue in air with two organs: image int16 and label uint8, (Z, Y, X)."""
    rng = np.random.default_rng(seed)
    image = np.full(shape, -1000, np.int16)
    label = np.zeros(shape, np.uint8)
    depth, rows, columns = shape
    inside = (slice(None), slice(rows // 4, 3 * rows // 4), slice(columns // 4, 3 * columns // 4))
    image[inside] = rng.integers(-20, 80, image[inside].shape)
    label[1 : depth - 1, rows // 4 : rows // 2, columns // 4 : columns // 2] = 1
    label[1 : depth - 1, rows // 2 : 3 * rows // 4, columns // 2 : 3 * columns // 4] = 2
    image[label == 2] += 100
    return image, label


def scan(
    id: str = "a", seed: int = 0, spacing: tuple[float, float, float] = SPACING, **shape: tuple
) -> CtVolume:
    """`body` as a volume."""
    image, label = body(seed, **shape)
    return CtVolume(id, image, label, spacing, plain_affine(spacing))


def stored(values: Array) -> Array:
    """Displayed voxels (Z, Y, X) as a RAS file stores them, (X, Y, Z)."""
    return values[:, ::-1, ::-1].transpose(2, 1, 0)


def write(path: Path, values: Array, affine: Array = AFFINE) -> Path:
    """An array (X, Y, Z) as NIfTI."""
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.Nifti1Image(values, affine).to_filename(path)
    return path


def refused(pair: Pair, said: str, about: Path) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read_ct("a", *pair, CODES)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"{about}: ")


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A good image and its label map, which a test may then spoil."""
    image, label = body()
    return (
        write(tmp_path / "images" / "a.nii.gz", stored(image)),
        write(tmp_path / "labels" / "a.nii.gz", stored(label)),
    )


@pytest.fixture
def abd110(home: Path) -> Callable[[int], Path]:
    """Fill the data folder with so many volumes of ABD-110; returns its folder."""

    def fill(count: int) -> Path:
        root = home / "ct" / "abd110"
        for number in range(count):
            image, label = body(number)
            write(root / "images" / f"p{number}.nii.gz", stored(image))
            write(root / "labels" / f"p{number}.nii.gz", stored(label))
        return root

    return fill
