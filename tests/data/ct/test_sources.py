"""Where volumes come from: sets without labels, other layouts, phantoms, and wrong names."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ldl.data.ct import ct_bank
from ldl.data.ct.source import set_files
from ldl.errors import ConfigError, DataError

from .conftest import body, stored, write

FINE = (5.0, 3.0, 3.0)


def test_unlabelled_sets_have_no_labels(home: Path) -> None:
    root = home / "ct" / "abdomen1k"
    for number in range(3):
        path = root / "AbdomenCT-1K-ImagePart1" / f"Case_0000{number}_0000.nii.gz"
        write(path, stored(body(number)[0]))
    bank = ct_bank("abdomen", "abdomen1k", size=16, spacing=FINE)
    assert bank.labels is None
    assert bank.organs == ()
    assert [one.id for one in bank.volumes] == [f"Case_0000{n}" for n in range(3)]


def test_labels_of_another_layout_are_mapped_by_name(home: Path, short_lists: Path) -> None:
    root = home / "ct" / "btcv" / "RawData" / "Training"
    image, label = body()
    for number in (1, 2, 3, 4, 5):
        write(root / "img" / f"img000{number}.nii.gz", stored(image))
        # In the original 6 is the liver and 9 the vena cava, which the manifest leaves out.
        values = np.array([0, 6, 9], np.uint8)[label]
        write(root / "label" / f"label000{number}.nii.gz", stored(values))
    found = set_files("btcv")
    read = found.read(found.ids[0])
    assert found.organs[0] == "liver"
    np.testing.assert_array_equal(read.label, label == 1)


@pytest.mark.parametrize(
    ("region", "source", "said"),
    [
        ("leg", "open", "unknown region 'leg'"),
        ("abdomen", "opn", "unknown CT source 'opn'; known: phantom, open, abdomen1k"),
        ("abdomen", "segthor", "CT source 'segthor' shows thorax, not abdomen"),
    ],
)
def test_wrong_names(home: Path, region: str, source: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ct_bank(region, source, size=16)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (2.5, 0.0, 1.0), (2.5, float("nan"), 1.0)])
def test_wrong_spacing(home: Path, spacing: tuple) -> None:
    with pytest.raises(ConfigError, match="three numbers of mm above 0"):
        ct_bank("abdomen", "open", size=16, spacing=spacing)


def test_not_at_hand_is_one_clear_line(home: Path) -> None:
    with pytest.raises(DataError, match="`ldl data fetch btcv`") as caught:
        ct_bank("abdomen", "open", size=16)
    assert "\n" not in str(caught.value)


@pytest.fixture
def phantoms(home: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A source of phantoms in the agreed form, in the place of the real one."""

    def volumes(
        region: str, *, count: int, size: int, slices: int, seed: int, first: int
    ) -> Iterator[SimpleNamespace]:
        for number in range(first, first + count):
            image, label = body(seed + number, (slices, size, size))
            id = f"{region}-{number}"
            yield SimpleNamespace(id=id, image=image, label=label, spacing=(5.0, 4.0, 4.0))

    drawn = SimpleNamespace(volumes=volumes, ORGANS={"thorax": ("heart", "esophagus")})
    monkeypatch.setitem(sys.modules, "ldl.phantoms", drawn)
    return drawn


def test_phantoms_plug_in_the_same_way(
    phantoms: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = ct_bank("thorax", "phantom", size=16, volumes=6, slices=5, seed=3)
    assert bank.organs == ("heart", "esophagus")
    assert bank.volumes[0].spacing == (5.0, 4.0, 4.0)
    np.testing.assert_array_equal(bank.labels[bank.volumes[2].rows], body(5, (5, 16, 16))[1])
    assert "no evidence" in bank.budget_line(4)
    other = ct_bank("thorax", "phantom", size=16, volumes=6, slices=5, seed=4)
    assert other.fingerprint != bank.fingerprint
    monkeypatch.setattr("ldl.data.ct.source.PHANTOMS", 99)
    again = ct_bank("thorax", "phantom", size=16, volumes=6, slices=5, seed=3)
    assert again.images.filename != bank.images.filename
    assert again.fingerprint == bank.fingerprint


def test_phantoms_may_be_resampled_too(phantoms: SimpleNamespace) -> None:
    bank = ct_bank("thorax", "phantom", size=16, spacing=(2.5, 4.0, 4.0), volumes=3, slices=5)
    assert [one.count for one in bank.volumes] == [10, 10, 10]
