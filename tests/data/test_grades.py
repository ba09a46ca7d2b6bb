"""Grades of the pretraining images: EyePACS' table, and phantoms by their lesions."""

from pathlib import Path

import numpy as np
import pytest

from ldl import phantoms
from ldl.config import DataConfig
from ldl.data.bank import Bank
from ldl.data.prepare import PHANTOM_LIMITS, grades, phantom_grade, pretraining_bank
from ldl.data.readers import read_grades
from ldl.errors import DataError
from ldl.phantoms import LESION_SIDE, fundus, lesion_share

OPEN = DataConfig(source="open", size=32)
TABLE = "image_id,grade\n10_left,0\n10_right,4\n13_left,2\n"


def bank(*ids: str, channels: int = 3) -> Bank:
    return Bank("some images", np.zeros((len(ids), channels, 8, 8), np.uint8), ids, "none")


@pytest.fixture
def eyepacs(home: Path) -> Path:
    """A folder with one image and a table of three grades; returns the table's path."""
    folder = home / "fundus/eyepacs"
    (folder / "images").mkdir(parents=True)
    (folder / "images/10_left.jpeg").write_bytes(b"not looked at")
    (folder / "grades.csv").write_text(TABLE)
    return folder / "grades.csv"


def test_grades_come_in_the_order_of_the_bank(eyepacs: Path) -> None:
    found = grades(OPEN, bank("13_left", "10_left", "10_right"))
    assert found.dtype == np.int64
    assert found.tolist() == [2, 0, 4]


def test_kaggles_own_table_in_its_own_place(eyepacs: Path) -> None:
    folder = eyepacs.parent
    eyepacs.unlink()
    (folder / "images").rename(folder / "train")
    (folder / "trainLabels.csv").write_text("image,level\n10_left,3\n")
    assert grades(OPEN, bank("10_left")).tolist() == [3]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TABLE.replace("13_left,2", "13_left,5"), "grade of 13_left is '5', not one of 0, 1, 2"),
        (TABLE.replace("13_left,2", "13_left,"), "grade of 13_left is ''"),
        (TABLE.replace("13_left,2", "13_left"), "grade of 13_left is ''"),
        (TABLE.replace("13_left,2", "13_left,1.0"), "grade of 13_left is '1.0'"),
        (TABLE.replace("13_left", "10_left"), "duplicate id 10_left"),
        (TABLE.replace("13_left", "14_left"), "no grade of 13_left of some images"),
        (TABLE.replace("image_id,grade\n", ""), "not a header"),
        ("\n", "not a header"),
        ("", "empty"),
    ],
)
def test_faults_of_the_table_name_file_and_id(eyepacs: Path, text: str, said: str) -> None:
    eyepacs.write_text(text)
    with pytest.raises(DataError, match=said) as caught:
        grades(OPEN, bank("10_left", "13_left"))
    assert str(caught.value).startswith(str(eyepacs))
    assert "\n" not in str(caught.value)


def test_several_images_without_a_grade_are_counted(eyepacs: Path) -> None:
    with pytest.raises(DataError, match="no grade of 7_left and 1 more images"):
        grades(OPEN, bank("10_left", "7_left", "8_left"))


def test_a_missing_table_says_where_it_should_be(eyepacs: Path) -> None:
    eyepacs.unlink()
    with pytest.raises(DataError, match=r"grades\.csv: missing.*ldl data fetch eyepacs"):
        grades(OPEN, bank("10_left"))


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "grades.csv").write_bytes(b"image,level\n\xff\xfe,1\n")
    with pytest.raises(DataError, match="not a table in UTF-8"):
        read_grades(tmp_path / "grades.csv", range(5))


@pytest.mark.parametrize("config", [OPEN, DataConfig(source="phantom", size=32)])
def test_chest_films_have_no_grades(config: DataConfig) -> None:
    with pytest.raises(DataError, match="chest X-rays have no grades"):
        grades(config, bank("xray-0000", channels=1))


def test_phantoms_are_graded_by_the_lesions_that_are_in_the_picture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the drawing of the image itself asks for, caught on the way, is what is graded."""
    original, drawn = fundus.lesions, []

    def caught(rng, eye, *more):  # type: ignore[no-untyped-def]
        drawn.append((eye, original(rng, eye, *more)))
        return drawn[-1][1]

    monkeypatch.setattr(fundus, "lesions", caught)
    shares = []
    for number in range(24):
        phantoms.pretraining_image("fundus", number, size=LESION_SIDE, seed=3)
        eye, found = drawn.pop()
        cover = found.get("haemorrhages", 0 * eye.u) + found.get("exudates", 0 * eye.u)
        shares.append(lesion_share(3, number))
        assert shares[-1] == pytest.approx(cover[eye.u**2 + eye.v**2 < 1].mean())
    assert 3 < sum(share > 0 for share in shares) < 21


def test_grades_of_a_phantom_bank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDL_CACHE", str(tmp_path))
    config = DataConfig(source="phantom", size=32, images=16, seed=5)
    found = grades(config, pretraining_bank(config, "fundus"))
    assert found.tolist() == [phantom_grade(5, number) for number in range(16)]
    with pytest.raises(DataError, match="image-1 is no fundus phantom"):
        grades(config, bank("image-1"))


def test_every_grade_occurs_and_follows_the_share() -> None:
    shares = [lesion_share(0, number) for number in range(200)]
    found = [phantom_grade(0, number) for number in range(200)]
    counts = np.bincount(found, minlength=5) / 200
    assert 0.5 < counts[0] < 0.8
    assert counts[1:].min() > 0.02
    order = np.argsort(shares, kind="stable")
    assert (np.diff(np.array(found)[order]) >= 0).all()
    for grade, (low, high) in enumerate(
        zip((0, *PHANTOM_LIMITS), (*PHANTOM_LIMITS, 1), strict=True), start=1
    ):
        within = [share for share, one in zip(shares, found, strict=True) if one == grade]
        assert all(low <= share < high and share > 0 for share in within)


def test_the_real_table(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDL_DATA", str(real_data))
    table = read_grades(real_data / "fundus/eyepacs/grades.csv", range(5))
    found = grades(OPEN, bank(*list(table)[:50]))
    assert found.tolist() == list(table.values())[:50]
    assert np.bincount(list(table.values())).tolist() == [2217, 150, 350, 173, 134]
