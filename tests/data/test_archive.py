"""Archives never leave their folder, and damaged ones leave nothing behind."""

import contextlib
import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from ldl.data.fetch import is_archive, unpack
from ldl.errors import DataError

UNSAFE = ["../evil.txt", "/evil.txt", "a/../../evil.txt", "C:/evil.txt", "a\\..\\evil.txt", ".."]


def _zip(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _tar(path: Path, *members: tarfile.TarInfo) -> Path:
    with contextlib.ExitStack() as stack:
        if path.suffix == ".gz":
            archive = stack.enter_context(tarfile.open(path, "w:gz"))
        elif path.suffix == ".bz2":
            archive = stack.enter_context(tarfile.open(path, "w:bz2"))
        elif path.suffix == ".xz":
            archive = stack.enter_context(tarfile.open(path, "w:xz"))
        else:
            archive = stack.enter_context(tarfile.open(path, "w"))
        for info in members:
            archive.addfile(info, io.BytesIO(b"x" * info.size))
    return path


def _file(name: str, size: int = 3) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.bz2", ".tar.xz"])
def test_tar(tmp_path: Path, suffix: str) -> None:
    path = _tar(tmp_path / f"a{suffix}", _file("images/1.png"), _file("2.png"))
    assert is_archive(path)
    assert unpack(path, tmp_path / "out") == [Path("images/1.png"), Path("2.png")]
    assert (tmp_path / "out/images/1.png").read_bytes() == b"xxx"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["2.png", "images"]


def test_zip_merges_into_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/kept.txt").write_text("kept")
    archive = _zip(tmp_path / "a.zip", **{"1.txt": b"new", "d/2.txt": b"two"})
    (tmp_path / "out/1.txt").write_text("mine")
    with pytest.raises(DataError, match=r"1\.txt: there already, with another content; move it"):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out/d").exists()
    (tmp_path / "out/1.txt").write_text("new")
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out/1.txt").read_text() == "new"
    assert (tmp_path / "out/kept.txt").read_text() == "kept"
    assert (tmp_path / "out/d/2.txt").read_text() == "two"


def _nothing_escaped(tmp_path: Path) -> None:
    assert not list(tmp_path.rglob("*evil*"))
    assert not Path("/evil.txt").exists()
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("name", UNSAFE)
def test_zip_that_would_leave_is_refused(tmp_path: Path, name: str) -> None:
    path = _zip(tmp_path / "a.zip", **{"good.txt": b"x", name: b"x"})
    with pytest.raises(DataError, match=r"a\.zip: member .* would leave its folder"):
        unpack(path, tmp_path / "out")
    _nothing_escaped(tmp_path)


@pytest.mark.parametrize("name", UNSAFE)
def test_tar_that_would_leave_is_refused(tmp_path: Path, name: str) -> None:
    path = _tar(tmp_path / "a.tar", _file("good.txt"), _file(name))
    with pytest.raises(DataError, match="would leave its folder"):
        unpack(path, tmp_path / "out")
    _nothing_escaped(tmp_path)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_tar_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("evil")
    info.type, info.linkname = kind, "/etc/passwd"
    path = _tar(tmp_path / "a.tar", _file("good.txt"), info)
    with pytest.raises(DataError, match="is a link or device"):
        unpack(path, tmp_path / "out")
    _nothing_escaped(tmp_path)


def test_zip_links_are_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("evil")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="is a link or device"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    _nothing_escaped(tmp_path)


def test_a_link_already_in_the_folder_does_not_lead_outside(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/images").symlink_to(tmp_path / "elsewhere")
    path = _tar(tmp_path / "a.tar", _file("images/1.png"))
    with pytest.raises(DataError, match="a link in the folder leads outside"):
        unpack(path, tmp_path / "out")
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.parametrize("name", ["a.zip", "a.tar", "a.tar.gz"])
def test_damaged_archives(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    whole = (
        _zip(path, **{"1.txt": b"x" * 9999}) if name == "a.zip" else _tar(path, _file("1", 9999))
    )
    raw = whole.read_bytes()
    for content in (raw[: len(raw) // 2], b"hello", b""):
        path.write_bytes(content)
        with pytest.raises(DataError, match="damaged archive") as caught:
            unpack(path, tmp_path / "out")
        assert str(path) in str(caught.value)
        assert not list((tmp_path / "out").iterdir())


def test_no_room_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        free = 10

    monkeypatch.setattr("shutil.disk_usage", lambda folder: Full)
    with pytest.raises(DataError, match="unpacks to 9,999 bytes"):
        unpack(_tar(tmp_path / "a.tar", _file("1", 9999)), tmp_path / "out")
