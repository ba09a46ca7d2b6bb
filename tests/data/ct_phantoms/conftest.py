"""A few patients of every region, drawn once."""

import pytest

from ldl.data.ct_phantoms import ORGANS, volumes

SIZE, SLICES = 64, 24


@pytest.fixture(scope="session")
def patients():
    """Eight volumes of every region at the size of the demo."""
    return {
        region: list(volumes(region, count=8, size=SIZE, slices=SLICES, seed=3))
        for region in ORGANS
    }
