"""Where volumes come from: sets, other layouts, OpenKBP, phantoms."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ldl.data.ct import ct_bank
from ldl.data.ct.source import (
    SHAPE,
    file_of,
    longest_run,
    read_patient,
    set_files,
    whole_slices,
)
from ldl.data.ct.volume import CtVolume, plain_affine
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
        ("leg", "open", "region: Input should be 'abdomen'"),
        ("abdomen", "opn", "source: Input should be 'phantom', 'open', 'abdomen1k'"),
        ("abdomen", "segthor", "CT source 'segthor' shows thorax, not abdomen"),
    ],
)
def test_wrong_names(home: Path, region: str, source: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        ct_bank(region, source, size=16)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (2.5, 0.0, 1.0), (2.5, float("nan"), 1.0)])
def test_wrong_spacing(home: Path, spacing: tuple) -> None:
    with pytest.raises(ConfigError, match="CtConfig: spacing"):
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


ORGANS = ("brainstem", "spinal cord", "right parotid", "left parotid", "mandible")
AREA = 10000.0


def patient(
    folder: Path, structures: tuple[str, ...] = ORGANS, tissue: int = 40
) -> tuple[np.ndarray, np.ndarray]:
    """Write a patient; returns HU and labels as displayed (Z, Y, X)."""
    hounsfield = np.full(SHAPE, -1024, np.int16)
    hounsfield[40:60, 50:90, 40:90] = tissue
    hounsfield[50, 60, 45] = 700
    label = np.zeros(SHAPE, np.uint8)
    folder.mkdir(parents=True)
    for number in range(1, len(ORGANS) + 1):
        label[45 + number, 55:58, 50 + number] = number
    stored = hounsfield[::-1].transpose(1, 2, 0).astype(float) + 1024
    at = np.flatnonzero(stored)
    rows = "\n".join(f"{n},{stored.flat[n]}" for n in at)
    (folder / "ct.csv").write_text(f",data\n{rows}\n")
    for number, organ in enumerate(ORGANS, start=1):
        if organ in structures:
            at = np.flatnonzero(label[::-1].transpose(1, 2, 0) == number)
            (folder / file_of(organ)).write_text(",data\n" + "".join(f"{n},\n" for n in at))
    (folder / "voxel_dimensions.csv").write_text("3.906\n3.906\n2.5\n")
    return hounsfield, label


def test_a_patient_is_read(tmp_path: Path) -> None:
    hounsfield, label = patient(tmp_path / "pt_1")
    volume = read_patient("pt_001", tmp_path / "pt_1", ORGANS)
    np.testing.assert_array_equal(volume.image, hounsfield)
    np.testing.assert_array_equal(volume.label, label)
    assert volume.spacing == (2.5, 3.906, 3.906)


def test_patients_with_a_structure_not_drawn_are_left_out(home: Path, short_lists: Path) -> None:
    root = home / "ct" / "openkbp" / "provided-data" / "train-pats"
    for number in range(1, 6):
        patient(root / f"pt_{number}", ORGANS if number != 2 else ORGANS[:4], 20 * number)
    bank = ct_bank("head_neck", "openkbp", size=32)
    assert [one.id for one in bank.volumes] == [f"pt_00{n}" for n in (1, 3, 4, 5)]
    assert bank.left_out == {"pt_002": "not drawn: mandible"}
    assert [one.count for one in bank.volumes] == [20] * 4  # only where there is a body


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("ct.csv", None, "missing"),
        ("ct.csv", "", "not a readable csv"),
        ("ct.csv", ",value\n1,2\n", "not a list of voxels"),
        ("ct.csv", ",data\n9999999,2\n", "voxel numbers outside"),
        ("Mandible.csv", None, "missing"),
        ("Mandible.csv", ",data\n-4,\n", "voxel numbers outside"),
        ("voxel_dimensions.csv", "3.9\n3.9\n", "not three voxel sizes"),
    ],
)
def test_faults(tmp_path: Path, name: str, content: str | None, said: str) -> None:
    patient(tmp_path / "pt_1")
    path = tmp_path / "pt_1" / name
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(DataError, match=f"{name}: {said}") as caught:
        read_patient("pt_001", tmp_path / "pt_1", ORGANS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("areas", "run"),
    [
        ([1.0] * 5, (0, 5)),
        ([0.05, 0.05, 1.0, 1.1, 0.9, 0.1, 0.1], (2, 5)),
        ([1.0, 1.0, 0.6, 0.6, 0.6, 0.0], (2, 5)),
        ([0.1, 0.1], (0, 0)),
        ([], (0, 0)),
        ([1.0, 0.2, 1.0, 1.0], (2, 4)),
        ([1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4], (0, 7)),
    ],
)
def test_longest_run(areas: list[float], run: tuple[int, int]) -> None:
    assert longest_run(np.array(areas) * AREA) == run


def test_blanked_slices_are_left_out_and_counted() -> None:
    image = np.full((8, 40, 40), -1000, np.int16)
    label = np.zeros(image.shape, np.uint8)
    image[2:6, 10:30, 10:30] = 30
    label[:, 19:21, 19:21] = 1
    image[label > 0] = 30
    spacing = (2.5, 4.0, 4.0)
    volume = CtVolume("a", image, label, spacing, plain_affine(spacing))
    kept = whole_slices(volume)
    assert kept.image.shape == (4, 40, 40)
    assert kept.cut == 0.5
    np.testing.assert_allclose(kept.affine[:3, 3], (0, 0, 5.0))
    with pytest.raises(DataError, match="a: no slice shows 30 cm2"):
        whole_slices(CtVolume("a", np.minimum(image, -500), label, spacing, volume.affine))
