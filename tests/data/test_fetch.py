"""Fetching from a server that cuts connections; archives never leave their folder."""

import contextlib
import hashlib
import io
import stat
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from ldl.data.fetch import download, fetch, is_archive, place
from ldl.data.manifest import Download, Manifest, Obtain, manifest_named
from ldl.errors import DataError

CONTENT = np.random.default_rng(0).bytes(1_000_000)
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves one file; ``cuts`` says after how many bytes the next replies break off."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.tag, self.ranges_known, self.status = CONTENT, '"1"', True, 200
        self.cuts: list[int] = []
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/a.bin"


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # the client leaves after a cut
            super().handle()

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        server, wanted = self.server, self.headers.get("Range", "")
        server.asked.append(wanted)
        same = self.headers.get("If-Range", server.tag) == server.tag
        start = int(wanted[6:-1]) if wanted and server.ranges_known and same else 0
        body = server.content[start:]
        code = 206 if start else server.status
        if start >= len(server.content):
            code, body = 416, b""
        self.send_response(code)
        if code == 206:
            total = len(server.content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        if code == 416:
            self.send_header("Content-Range", f"bytes */{len(server.content)}")
        if server.tag:
            self.send_header("ETag", server.tag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if server.cuts:
            self.wfile.write(body[: server.cuts.pop(0)])
            self.wfile.flush()
            self.connection.close()
            self.close_connection = True
        else:
            self.wfile.write(body)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    one = Server()
    threading.Thread(target=one.serve_forever, args=(0.01,), daemon=True).start()
    yield one
    one.shutdown()
    one.server_close()


def _get(server: Server, folder: Path, hash: str | None = SHA256, attempts: int = 1) -> Path:
    one = Download(url=server.url, file="a.bin", hash=hash)
    return download(one, folder, attempts=attempts, wait=0.0)


def test_whole_file(server: Server, tmp_path: Path) -> None:
    path = _get(server, tmp_path)
    assert path.read_bytes() == CONTENT
    assert [one.name for one in tmp_path.iterdir()] == ["a.bin"]
    _get(server, tmp_path)
    assert len(server.asked) == 1  # a good file is not fetched again


def test_a_cut_connection_goes_on_at_once(server: Server, tmp_path: Path) -> None:
    server.cuts = [400_000, 100_000]
    assert _get(server, tmp_path, attempts=3).read_bytes() == CONTENT
    assert server.asked[0] == ""
    assert all(one.startswith("bytes=") for one in server.asked[1:])


def test_a_cut_connection_goes_on_at_the_next_call(server: Server, tmp_path: Path) -> None:
    server.cuts = [600_000]
    with pytest.raises(DataError, match=r"connection lost after .* run the same command again"):
        _get(server, tmp_path)
    assert not (tmp_path / "a.bin").exists()
    have = (tmp_path / "a.bin.part").stat().st_size
    assert 0 < have <= 600_000
    assert _get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == ["", f"bytes={have}-"]
    assert [one.name for one in tmp_path.iterdir()] == ["a.bin"]


def test_another_version_on_the_server_starts_anew(server: Server, tmp_path: Path) -> None:
    server.cuts = [600_000]
    with pytest.raises(DataError):
        _get(server, tmp_path)
    server.content, server.tag = CONTENT[::-1], '"2"'
    assert _get(server, tmp_path, hash=None).read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("tag", ['W/"1"', ""])
def test_without_a_strong_tag_a_cut_starts_anew(server: Server, tmp_path: Path, tag: str) -> None:
    server.cuts, server.tag = [600_000], tag
    assert _get(server, tmp_path, attempts=2).read_bytes() == CONTENT
    assert server.asked == ["", ""]


def test_a_server_that_knows_no_ranges(server: Server, tmp_path: Path) -> None:
    server.cuts, server.ranges_known = [600_000], False
    assert _get(server, tmp_path, attempts=2).read_bytes() == CONTENT


def test_a_part_that_is_already_whole(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(CONTENT)
    (tmp_path / "a.bin.part.tag").write_text('"1"')
    assert _get(server, tmp_path).read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(CONTENT)}-"]


def test_a_part_longer_than_the_file_starts_anew(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.bin.part").write_bytes(CONTENT + b"more")
    (tmp_path / "a.bin.part.tag").write_text('"1"')
    assert _get(server, tmp_path, attempts=2).read_bytes() == CONTENT


def test_wrong_content_is_not_kept(server: Server, tmp_path: Path) -> None:
    server.content = b"<html>please log in</html>"
    with pytest.raises(DataError, match="is not the published one"):
        _get(server, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("status", [403, 404])
def test_refusal_is_said_and_not_tried_again(server: Server, tmp_path: Path, status: int) -> None:
    server.status = status
    with pytest.raises(DataError, match=f"server answers {status}"):
        _get(server, tmp_path, attempts=3)
    assert len(server.asked) == 1


def test_server_trouble_is_tried_again(server: Server, tmp_path: Path) -> None:
    server.status = 503
    with pytest.raises(DataError, match="server answers 503"):
        _get(server, tmp_path, attempts=3)
    assert len(server.asked) == 3


def _served(server: Server, into: str) -> Manifest:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo("im0001.ppm.gz")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"here"))
    server.content = stream.getvalue()
    one = Download(url=server.url, file="a.tar", into=into)
    obtain = Obtain(downloads=(one,))
    return manifest_named("stare").model_copy(update={"obtain": obtain})


def test_fetch_unpacks_where_the_manifest_says(server: Server, home: Path) -> None:
    said: list[str] = []
    folder = fetch(_served(server, "stare-images"), say=said.append)
    assert folder == home / "fundus/stare"
    assert (folder / "stare-images/im0001.ppm.gz").read_bytes() == b"here"
    assert "no published hash" in said[0]


def test_fetch_of_a_set_that_needs_a_person(home: Path) -> None:
    with pytest.raises(DataError, match="cannot be fetched without a person"):
        fetch(manifest_named("scr"))


def test_a_single_file_is_copied_whole(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1")
    place(tmp_path / "a.csv", tmp_path / "out")
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["a.csv"]


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
    assert place(path, tmp_path / "out") == [Path("images/1.png"), Path("2.png")]
    assert (tmp_path / "out/images/1.png").read_bytes() == b"xxx"
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["2.png", "images"]


def test_zip_merges_into_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/kept.txt").write_text("kept")
    archive = _zip(tmp_path / "a.zip", **{"1.txt": b"new", "d/2.txt": b"two"})
    (tmp_path / "out/1.txt").write_text("mine")
    with pytest.raises(DataError, match=r"1\.txt: there already, with another content; move it"):
        place(archive, tmp_path / "out")
    assert not (tmp_path / "out/d").exists()
    (tmp_path / "out/1.txt").write_text("new")
    place(archive, tmp_path / "out")
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
        place(path, tmp_path / "out")
    _nothing_escaped(tmp_path)


@pytest.mark.parametrize("name", UNSAFE)
def test_tar_that_would_leave_is_refused(tmp_path: Path, name: str) -> None:
    path = _tar(tmp_path / "a.tar", _file("good.txt"), _file(name))
    with pytest.raises(DataError, match="would leave its folder"):
        place(path, tmp_path / "out")
    _nothing_escaped(tmp_path)


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_tar_links_and_devices_are_refused(tmp_path: Path, kind: bytes) -> None:
    info = tarfile.TarInfo("evil")
    info.type, info.linkname = kind, "/etc/passwd"
    path = _tar(tmp_path / "a.tar", _file("good.txt"), info)
    with pytest.raises(DataError, match="is a link or device"):
        place(path, tmp_path / "out")
    _nothing_escaped(tmp_path)


def test_zip_links_are_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("evil")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(DataError, match="is a link or device"):
        place(tmp_path / "a.zip", tmp_path / "out")
    _nothing_escaped(tmp_path)


def test_a_link_already_in_the_folder_does_not_lead_outside(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out/images").symlink_to(tmp_path / "elsewhere")
    path = _tar(tmp_path / "a.tar", _file("images/1.png"))
    with pytest.raises(DataError, match="a link in the folder leads outside"):
        place(path, tmp_path / "out")
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
            place(path, tmp_path / "out")
        assert str(path) in str(caught.value)
        assert not list((tmp_path / "out").iterdir())


def test_no_room_is_said_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        free = 10

    monkeypatch.setattr("shutil.disk_usage", lambda folder: Full)
    with pytest.raises(DataError, match="unpacks to 9,999 bytes"):
        place(_tar(tmp_path / "a.tar", _file("1", 9999)), tmp_path / "out")
