"""Known sha256 of original files: published ones, and those recorded on this machine."""

import csv
import hashlib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from ldl import paths
from ldl.data.folder import DatasetFolder
from ldl.errors import DataError

PUBLISHED = "originals_sha256.csv"


@dataclass(frozen=True)
class Known:
    """What a file should be."""

    size: int
    sha256: str


def file_sha256(path: Path) -> str:
    """Hex sha256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@lru_cache(maxsize=4)
def _rows(path: Path, stamp: int) -> tuple[tuple[str, str, Known], ...]:
    try:
        with path.open(newline="") as stream:
            return tuple(
                (row["dataset"], row["path"], Known(int(row["bytes"]), row["sha256"]))
                for row in csv.DictReader(stream)
            )
    except (OSError, KeyError, ValueError, csv.Error) as error:
        raise DataError(f"{path}: not a list with columns dataset,path,bytes,sha256") from error


def _list(path: Path, dataset: str, folder: str = "") -> dict[str, Known]:
    prefix = f"{folder}/" if folder else ""
    stamp = path.stat().st_mtime_ns if path.exists() else 0
    return {
        name.removeprefix(prefix): known
        for owner, name, known in _rows(path, stamp)
        if owner == dataset and name.startswith(prefix)
    }


class KnownHashes:
    """Published hashes of a data set in the layout at hand, and what was recorded here.

    Raises:
        DataError: a list is damaged.
    """

    def __init__(self, source: DatasetFolder) -> None:
        layout, name = source.layout, source.manifest.name
        record = recorded_file(name)
        self.recorded = _list(record, name) if record.is_file() else {}
        published: dict[str, Known] = {}
        if layout.hashes is not None:
            published = _list(paths.manifests_dir() / PUBLISHED, layout.hashes, layout.hash_folder)
        self._by_path = self.recorded | published
        # The same file may lie in another folder than in the published list.
        counts = Counter(PurePosixPath(path).name for path in published)
        self._by_name = {
            PurePosixPath(path).name: known
            for path, known in published.items()
            if counts[PurePosixPath(path).name] == 1
        }
        self.path_of = {known.sha256: path for path, known in self._by_path.items()}

    def get(self, path: str) -> Known | None:
        """What the file at this relative path should be, as far as known."""
        return self._by_path.get(path) or self._by_name.get(PurePosixPath(path).name)


def recorded_file(name: str) -> Path:
    """Where this machine's record of a data set lies."""
    return paths.cache_dir() / "hashes" / f"{name}.csv"


def record_hashes(source: DatasetFolder) -> Path:
    """Write down size and sha256 of every file that is there now, for later comparison."""
    name = source.manifest.name
    target = recorded_file(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    work = target.with_suffix(".tmp")
    with work.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["dataset", "path", "bytes", "sha256"])
        for path, size in sorted(source.index.sizes.items()):
            writer.writerow([name, path, size, file_sha256(source.root / path)])
    work.replace(target)
    return target
