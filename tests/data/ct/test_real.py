"""The stand-ins on real data, where this machine has them: every patient the right way round."""

from pathlib import Path

import numpy as np
import pytest

from ldl.data.ct import ct_bank
from ldl.data.ct.source import set_files

# (organ, organ, axis, sign): the first lies on that side of the second in the displayed volume;
# axis 0 upwards, 1 to the back, 2 to the patient's left.
ANATOMY = {
    "btcv": [
        ("spleen", "liver", 2, 1),
        ("left kidney", "right kidney", 2, 1),
        ("aorta", "stomach", 1, 1),
        ("spleen", "left kidney", 0, 1),
    ],
    "segthor": [
        ("heart", "trachea", 2, 1),
        ("esophagus", "heart", 1, 1),
        ("trachea", "heart", 0, 1),
    ],
    "openkbp": [
        ("left parotid", "right parotid", 2, 1),
        ("spinal cord", "mandible", 1, 1),
        ("brainstem", "spinal cord", 0, 1),
    ],
}
EVERY = {"btcv": 4, "segthor": 3, "openkbp": 12}


@pytest.fixture
def real(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real data with an empty cache."""
    monkeypatch.setenv("LDL_DATA", str(real_data))
    monkeypatch.setenv("LDL_CACHE", str(tmp_path))
    return real_data


@pytest.mark.parametrize("name", ANATOMY)
def test_anatomy_lies_as_it_should(real: Path, name: str) -> None:
    files = set_files(name)
    for id in files.ids[:: EVERY[name]]:
        volume = files.read(id)
        centres = {
            organ: np.argwhere(volume.label == number).mean(axis=0)
            for number, organ in enumerate(files.organs, start=1)
            if (volume.label == number).any()
        }
        for first, second, axis, sign in ANATOMY[name]:
            if first in centres and second in centres:
                apart = centres[first][axis] - centres[second][axis]
                assert sign * apart > 0, (id, first, second)


@pytest.mark.parametrize(
    ("region", "name", "count", "organs"),
    [
        ("abdomen", "btcv", 18, 8),
        ("thorax", "segthor", 21, 4),
        ("head_neck", "openkbp", 165, 5),
    ],
)
def test_stand_ins_become_banks(
    real: Path, region: str, name: str, count: int, organs: int
) -> None:
    assert len(set_files(name).ids) == count
    bank = ct_bank(region, "open", size=48, volumes=3)
    assert len(bank.organs) == organs
    assert bank.labels.max() == organs
    assert "stands in for" in bank.note
    assert {one.split for one in bank.volumes} == {"train", "validation", "test"}
    for entry in bank.volumes:
        assert entry.count > 30
        assert entry.spacing[0] == 2.5
        assert bank.images[entry.rows].std() > 20
