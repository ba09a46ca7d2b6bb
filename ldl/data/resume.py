"""A downloader for pooch that goes on where a cut connection stopped; pooch itself starts anew.

The bytes so far stay beside the target in ``<file>.part``, with the server's version of the file
in ``<file>.part.tag``: another version on the server starts anew.
"""

import os
import time
from pathlib import Path

import requests
from tqdm import tqdm

from ldl.errors import DataError

CHUNK = 1 << 18
TIMEOUT = (15.0, 60.0)  # seconds to connect, seconds between two bytes


class ResumingDownloader:
    """Callable as pooch wants it: ``downloader(url, output_file, pooch)``.

    Args:
        part: where the bytes so far are kept.
        attempts: how often to go on after a cut connection before giving up.
        progress: show a bar.
        wait: seconds before going on, times the attempt.
    """

    def __init__(
        self, part: Path, *, attempts: int = 5, progress: bool = False, wait: float = 1.0
    ) -> None:
        self.part, self.attempts, self.progress, self.wait = part, attempts, progress, wait
        self.tag = part.with_name(part.name + ".tag")

    def __call__(self, url: str, output_file: str, pooch: object) -> None:
        """Download ``url`` into ``output_file``.

        Raises:
            DataError: the server refuses, or the connection breaks again and again; the bytes so
                far are kept for the next call.
        """
        reason = ""
        for attempt in range(self.attempts):
            time.sleep(self.wait * attempt)
            try:
                self._go_on(url)
            except (requests.RequestException, OSError) as error:
                reason = str(error).replace("\n", " ")[:160]
                continue
            os.replace(self.part, output_file)
            self.tag.unlink(missing_ok=True)
            return
        raise DataError(
            f"{url}: connection lost after {self._size():,} bytes ({reason}); run the same command "
            "again to go on from there"
        )

    def _size(self) -> int:
        return self.part.stat().st_size if self.part.exists() else 0

    def _go_on(self, url: str) -> None:
        """Fetch what is missing; returns when the part is complete."""
        headers = {"Accept-Encoding": "identity"}
        have, tag = self._size(), self.tag.read_text() if self.tag.exists() else ""
        if have and tag:
            headers |= {"Range": f"bytes={have}-", "If-Range": tag}
        with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as reply:
            if reply.status_code == 416:  # nothing lies beyond what is here: another file, or all
                if reply.headers.get("Content-Range", "").endswith(f"/{have}"):
                    return
                self._forget()
                raise requests.ConnectionError("the kept part does not belong to this file")
            if reply.status_code >= 500:
                raise requests.ConnectionError(f"server answers {reply.status_code}")
            if reply.status_code not in (200, 206):
                raise DataError(f"{url}: server answers {reply.status_code} {reply.reason}")
            start = have if reply.status_code == 206 else 0
            if start and not reply.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
                self._forget()
                raise requests.ConnectionError("the server sent another part than asked for")
            self._append(reply, start)

    def _append(self, reply: requests.Response, have: int) -> None:
        # A weak tag cannot say whether the bytes are the same; without a tag a cut starts anew.
        tag = reply.headers.get("ETag", "W/")
        tag = reply.headers.get("Last-Modified", "") if tag.startswith("W/") else tag
        self.part.parent.mkdir(parents=True, exist_ok=True)
        self.tag.write_text(tag)
        length = reply.headers.get("Content-Length")
        total = have + int(length) if length else None
        with (
            self.part.open("ab" if have else "wb") as sink,
            tqdm(
                total=total,
                initial=have,
                unit="B",
                unit_scale=True,
                desc=self.part.name.removesuffix(".part"),
                disable=not self.progress,
            ) as bar,
        ):
            for chunk in reply.iter_content(CHUNK):
                sink.write(chunk)
                bar.update(len(chunk))
        if total is not None and self._size() != total:
            raise requests.ConnectionError(f"got {self._size():,} of {total:,} bytes")

    def _forget(self) -> None:
        self.part.unlink(missing_ok=True)
        self.tag.unlink(missing_ok=True)
