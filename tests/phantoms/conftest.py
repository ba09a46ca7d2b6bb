"""A few patients of every region, drawn once; empty folders."""

from pathlib import Path

import pytest

from ldl.phantoms import ORGANS, volumes

SIZE, SLICES = 64, 24


@pytest.fixture(scope="session")
def patients():
    """Eight volumes of every region at the size of the demo."""
    return {
        region: list(volumes(region, count=8, size=SIZE, slices=SLICES, seed=3))
        for region in ORGANS
    }


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty data and cache folders; returns the data folder."""
    monkeypatch.setenv("LDL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LDL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"
