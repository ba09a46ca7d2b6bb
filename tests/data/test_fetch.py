"""Fetching from a server on this machine that cuts connections and knows ranges."""

import contextlib
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from ldl.data.fetch import download, fetch, place
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
