"""Headers that no CT can be read by: tilted, singular, without direction."""

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

from ldl.data.ct.volume import read_ct

from .conftest import AFFINE, CODES, Pair, refused


def tilted(degrees: float) -> np.ndarray:
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turn = np.eye(4)
    turn[1:3, 1:3] = [[cos, -sin], [sin, cos]]
    return turn @ AFFINE


@pytest.mark.parametrize(
    ("affine", "said"),
    [
        (tilted(12), "slices are tilted by 12 degrees, not axial"),
        (np.diag([3.0, 2.0, 0.0, 1.0]), "singular affine"),
        (np.array([[3, 3, 0, 0], [1, 1, 0, 0], [0, 0, 5, 0], [0, 0, 0, 1.0]]), "singular affine"),
        (np.diag([3.0, np.nan, 5.0, 1.0]), "NaN or infinite numbers in the affine"),
        (np.diag([0.003, 0.002, 0.005, 1.0]), "are not those of a CT; is the unit mm"),
    ],
)
def test_affine(pair: Pair, affine: np.ndarray, said: str) -> None:
    spoil_affine(pair[0], affine)
    refused(pair, said, pair[0])


def spoil_affine(path: Path, affine: np.ndarray) -> None:
    """Write the affine's bytes into the header, which nibabel itself would refuse to do."""
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[280:328] = np.asarray(affine[:3], "<f4").tobytes()
    path.write_bytes(gzip.compress(bytes(raw)))


def test_a_slight_tilt_is_axial_enough(pair: Pair) -> None:
    for path in pair:
        spoil_affine(path, tilted(3))
    volume = read_ct("a", *pair, CODES)
    assert volume.spacing == pytest.approx((5, 2, 3), rel=1e-5)


def test_a_header_that_says_no_direction(pair: Pair) -> None:
    image = nibabel.load(pair[0])
    values = np.asanyarray(image.dataobj)
    image = nibabel.Nifti1Image(values, None)
    image.to_filename(pair[0])
    refused(pair, "does not say which way is up", pair[0])
