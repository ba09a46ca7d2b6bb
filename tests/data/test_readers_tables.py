"""Run lengths and tables of centres, in the true formats."""

import struct
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ldl.data.readers.image import decode_rle, read_rle_mask
from ldl.data.readers.tables import read_hrf_centres, read_idrid_centres
from ldl.errors import DataError

RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (12, 9, 3), dtype=np.uint8)
GREY = COLOUR[..., 0]
MASK = GREY > 100


def test_rle_is_relative_and_column_by_column() -> None:
    # skip 1, run of 2; skip 1, run of 3: pixels 1, 2 and 4, 5, 6 down the columns of 3 rows
    expected = np.array([[0, 0, 1], [1, 1, 0], [1, 1, 0]], bool)
    np.testing.assert_array_equal(decode_rle("1 2 1 3", (3, 3)), expected)


def test_rle_round_trip(make: SimpleNamespace) -> None:
    mask = RNG.random((17, 23)) > 0.6
    np.testing.assert_array_equal(decode_rle(make.rle(mask), mask.shape), mask)


def _table(folder: Path, *rows: str) -> Path:
    path = folder / "train-rle.csv"
    path.write_text("ImageId, EncodedPixels\n" + "".join(f"{row}\n" for row in rows))
    return path


def test_rle_table_several_rows_and_none(tmp_path: Path) -> None:
    path = _table(tmp_path, "a,0 2", "b, -1", "a, 4 1")
    assert read_rle_mask(path, "a", (3, 3)).T.ravel().nonzero()[0].tolist() == [0, 1, 4]
    assert not read_rle_mask(path, "b", (3, 3)).any()


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("a, 1 2 3", "not pairs"),
        ("a, 1 x", "invalid literal"),
        ("a, 1 -2", "not pairs"),
        ("a, 5 5", "ends at pixel 10 of 9"),
        ("b, 1 1", "no row for image a"),
        ("a, -1\na, 0 1", "not pairs"),
    ],
)
def test_rle_faults_name_table_and_image(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read_rle_mask(_table(tmp_path, row), "a", (3, 3))
    assert "train-rle.csv" in str(caught.value)
    assert " a" in str(caught.value)


def test_rle_table_faults(tmp_path: Path) -> None:
    path = tmp_path / "train-rle.csv"
    with pytest.raises(DataError, match="missing"):
        read_rle_mask(path, "a", (3, 3))
    path.write_text("x,y\n1,2\n")
    with pytest.raises(DataError, match="columns ImageId,EncodedPixels"):
        read_rle_mask(path, "a", (3, 3))


def test_idrid_centres_with_the_published_blanks(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(
        "Image No,X- Coordinate,Y - Coordinate,,,\n"
        "IDRiD_001,651,1453,,,\nIDRiD_002, 3158,1280,,,\n,,,,,\n"
    )
    assert read_idrid_centres(path) == {"IDRiD_001": (651, 1453), "IDRiD_002": (3158, 1280)}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("a,b,c\n", "first row is not"),
        ("Image No,X,Y\n", "no centres"),
        ("Image No,X,Y\nIDRiD_001,1\n", "no two coordinates"),
        ("Image No,X,Y\nIDRiD_001,1,one\n", "not two numbers"),
        ("Image No,X,Y\nIDRiD_001,1,nan\n", "not a position"),
        ("Image No,X,Y\nIDRiD_001,1,2\nIDRiD_001,1,2\n", "duplicate id IDRiD_001"),
    ],
)
def test_idrid_centres_faults(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=said):
        read_idrid_centres(path)


def _xls(*sheets: list[list[str | float]]) -> bytes:
    """A BIFF8 workbook stream: globals with one BOUNDSHEET a sheet, then LABEL and NUMBER cells."""

    def record(code: int, body: bytes) -> bytes:
        return struct.pack("<HH", code, len(body)) + body

    def bof(kind: int) -> bytes:
        return record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0, 1997, 0, 6))

    bodies = []
    for rows in sheets:
        cells = b""
        for y, row in enumerate(rows):
            for x, value in enumerate(row):
                place = struct.pack("<HHH", y, x, 0)
                if isinstance(value, str):
                    text = struct.pack("<HB", len(value), 0) + value.encode("latin-1")
                    cells += record(0x0204, place + text)
                else:
                    cells += record(0x0203, place + struct.pack("<d", value))
        bodies.append(bof(0x0010) + cells + record(0x000A, b""))
    names = [f"Sheet{number}".encode() for number in range(len(bodies))]
    start = len(bof(5)) + 4 + sum(4 + 8 + len(name) for name in names)
    globals_ = bof(0x0005)
    for name, body in zip(names, bodies, strict=True):
        globals_ += record(0x0085, struct.pack("<IBBBB", start, 0, 0, len(name), 0) + name)
        start += len(body)
    return globals_ + record(0x000A, b"") + b"".join(bodies)


HRF_TITLE: list[str | float] = ["image", "Pap. Center x", "Pap. Center y", "disk diameter"]


def test_hrf_centres_take_the_corrected_row_from_the_second_sheet(tmp_path: Path) -> None:
    first = [HRF_TITLE] + [[f"0{n}_h", 10.0 * n, 20.0 * n, 300.0] for n in range(1, 6)]
    second = [HRF_TITLE] + [[f"0{n}_h", 11.0 * n, 21.0 * n, 300.0] for n in range(1, 6)]
    path = tmp_path / "optic_disk_centers.xls"
    path.write_bytes(_xls(first, second))
    centres = read_hrf_centres(path)
    assert centres == {
        "01_h": (10, 20), "02_h": (20, 40), "03_h": (30, 60), "04_h": (44, 84), "05_h": (50, 100),
    }  # fmt: skip
    assert read_hrf_centres(path, from_second_sheet=())["04_h"] == (40, 80)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([HRF_TITLE], "no table"),
        ([HRF_TITLE, ["01_h", "x", 3.0, 1.0]], "not two numbers"),
        ([HRF_TITLE, ["01_h", -1.0, 3.0, 1.0]], "not a position"),
        ([HRF_TITLE, ["01_h", 1.0, 3.0, 1.0], ["01_h", 1.0, 3.0, 1.0]], "duplicate id 01_h"),
    ],
)
def test_hrf_centres_faults(tmp_path: Path, rows: list[list[str | float]], said: str) -> None:
    path = tmp_path / "a.xls"
    path.write_bytes(_xls(rows))
    with pytest.raises(DataError, match=said):
        read_hrf_centres(path)
