"""The landmarks of phantoms are those of their own geometry."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ldl.data.bank import Bank
from ldl.data.landmarks import landmark_bank
from ldl.data.preprocess import centroid
from ldl.phantoms.eye import CAMERAS
from ldl.phantoms.fields import streams
from ldl.phantoms.fundus import draw_fundus


@pytest.fixture
def phantom(home: Path) -> Callable[..., Bank]:
    """Twelve phantoms in an empty cache."""
    return lambda landmark, size=96, count=12, seed=5: landmark_bank(
        "phantom", landmark, size, count=count, seed=seed
    )


def test_phantom_discs_are_where_their_masks_are(phantom: Callable[..., Bank]) -> None:
    bank = phantom("disc")
    for number, point in enumerate(bank.points):
        image, masks = draw_fundus(streams(5, "landmarks", number), CAMERAS["idrid"], 96)
        np.testing.assert_array_equal(image, bank.images[number])
        assert np.abs(np.array(centroid(masks["od"])) - point).max() < 1.0


def test_phantom_foveas_are_darker_than_what_is_around_and_temporal_of_the_disc(
    phantom: Callable[..., Bank],
) -> None:
    fovea, disc = phantom("fovea", count=16), phantom("disc", count=16)
    np.testing.assert_array_equal(fovea.images, disc.images)
    apart = np.abs(fovea.points - disc.points)
    assert (apart[:, 1] > 20).all()
    assert (apart[:, 0] < 20).all()
    darker = []
    for image, (row, column) in zip(fovea.images, fovea.points, strict=True):
        rows, columns = np.mgrid[:96, :96]
        far = np.hypot(rows - row, columns - column)
        darker.append(np.median(image[1][far < 3]) < np.median(image[1][(far > 9) & (far < 13)]))
    assert np.mean(darker) > 0.8


def test_phantom_hearts_are_the_centroids_of_the_task(phantom: Callable[..., Bank]) -> None:
    bank = phantom("heart")
    assert bank.images.shape == (12, 1, 96, 96)
    rows, columns = bank.points.T
    assert (rows > 40).all()
    assert (rows < 75).all()
    assert (columns > 40).all()
    assert (columns < 65).all()


@pytest.mark.parametrize("landmark", ["disc", "fovea", "heart"])
def test_phantom_points_scale_with_the_image(phantom: Callable[..., Bank], landmark: str) -> None:
    small, large = phantom(landmark, 64, 3), phantom(landmark, 128, 3)
    scaled = (small.points + 0.5) * 2 - 0.5
    np.testing.assert_allclose(scaled, large.points, atol=0.5 if landmark == "heart" else 1e-3)


def test_more_phantoms_are_more_of_the_same(phantom: Callable[..., Bank]) -> None:
    few, more, other = phantom("disc", 64, 2), phantom("disc", 64, 3), phantom("disc", 64, 2, 6)
    np.testing.assert_array_equal(more.points[:2], few.points)
    np.testing.assert_array_equal(more.images[:2], few.images)
    assert few.fingerprint == phantom("disc", 64, 2).fingerprint != other.fingerprint
