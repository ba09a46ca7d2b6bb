"""A data set as it lies on disk: what belongs to it, which layout it has, where each file is."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from ldl import paths
from ldl.data.manifest import Collection, Layout, Manifest, Member, id_list
from ldl.errors import DataError

# What systems leave lying about beside hidden files; never part of a data set.
SYSTEM = {"thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "lost+found",
          "system volume information", "icon\r"}  # fmt: skip


def foreign(name: str) -> str:
    """Why a file or folder of that name belongs to no data set: "hidden", "system", or ""."""
    if name.startswith("."):
        return "hidden"
    return "system" if name.lower() in SYSTEM else ""


class FolderIndex:
    """All files below a folder, listed once: hidden and system ones left out, links followed.

    Attributes:
        sizes: relative posix path -> bytes.
        left_out: why -> how many files and folders.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sizes: dict[str, int] = {}
        self.left_out: Counter[str] = Counter()
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self._walk(root, {os.path.realpath(root)})):
            relative = path.relative_to(root).as_posix()
            # A dangling link counts as an empty file, so that it is reported by name.
            self.sizes[relative] = path.stat().st_size if path.exists() else 0
            self._by_name[_folded(path.name)].append(relative)

    def _walk(self, folder: Path, above: set[str]) -> Iterator[Path]:
        try:
            found = sorted(os.scandir(folder), key=lambda one: one.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise DataError(f"{folder}: cannot be listed ({error.strerror})") from error
        for one in found:
            why = foreign(one.name)
            if why:
                self.left_out[why] += 1
            elif one.is_dir():
                real = os.path.realpath(one.path)
                if real in above:  # a link back to where it lies
                    self.left_out["link in a circle"] += 1
                else:
                    yield from self._walk(Path(one.path), above | {real})
            else:
                yield Path(one.path)

    def line(self) -> str:
        """How many files are there, how many were left out, and why."""
        words = ", ".join(f"{count} {why}" for why, count in sorted(self.left_out.items()))
        left = f"{self.left_out.total()} left out" + (f" ({words})" if words else "")
        return f"{len(self.sizes)} files there, {left}"

    def matches(self, pattern: str) -> list[str]:
        """Relative paths that fit ``pattern``; ``*`` stays within one folder or file name.

        The suffix may be written in any case.
        """
        if "*" not in pattern and pattern in self.sizes:
            return [pattern]
        name = _folded(pattern.rsplit("/", 1)[-1])
        pool = list(self.sizes) if "*" in name else self._by_name.get(name, [])
        return [path for path in pool if _fits(path, pattern)]

    def state(self) -> list[tuple[str, int, int, int]]:
        """Path, bytes, and times of change of every file: another state is another content."""
        found = []
        for path, size in sorted(self.sizes.items()):
            file = self.root / path
            told = file.stat() if file.exists() else file.lstat()
            found.append((path, size, told.st_mtime_ns, told.st_ctime_ns))
        return found


def _folded(name: str) -> str:
    """The name with its suffixes in small letters."""
    stem = name.split(".", 1)[0]
    return stem + name[len(stem) :].lower()


def _fits(path: str, pattern: str) -> bool:
    *folders, name = path.split("/")
    *wanted, last = pattern.split("/")
    fits = len(folders) == len(wanted) and all(map(fnmatchcase, folders, wanted))
    return fits and fnmatchcase(_folded(name), _folded(last))


def template_expression(template: str, id_pattern: str) -> re.Pattern[str]:
    """Regular expression of the paths that a template can name, with group ``id``."""
    # Named groups inside the id pattern would clash when the id occurs twice in a template.
    plain = re.sub(r"\(\?P<\w+>", "(?:", id_pattern)
    out, seen = "", False
    for part in re.split(r"(\{\w+\}|\*)", template):
        if part == "{id}":
            out += "(?P=id)" if seen else f"(?P<id>{plain})"
            seen = True
        elif part == "*":
            out += "[^/]*"
        elif re.fullmatch(r"\{\w+\}", part):
            out += "[^/]+"
        else:  # the suffix in any case
            name = part.rsplit("/", 1)[-1]
            start = len(part) - len(name) + name.index(".") if "." in name else len(part)
            out += f"{re.escape(part[:start])}(?i:{re.escape(part[start:])})"
    return re.compile(out)


def natural(text: str) -> list[tuple[int, str]]:
    """Sort key under which 9_left comes before 10_left."""
    return [(int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"(\d+)", text) if p]


class DatasetFolder:
    """A data set as it lies on disk: its manifest, the layout found there, and its files.

    ``root`` is its folder, by default the manifest's below ``paths.data_dir()``.
    """

    def __init__(self, manifest: Manifest, root: Path | None = None) -> None:
        self.manifest = manifest
        self.root = root if root is not None else paths.data_dir() / manifest.folder
        self.index = FolderIndex(self.root)
        if not self.index.sizes:
            raise DataError(
                f"{manifest.name}: nothing in {self.root}; `ldl data fetch {manifest.name}` "
                "fetches it or says how to obtain it (LDL_DATA names the data folder)"
            )
        self.layout = self._detect()

    def _detect(self) -> Layout:
        """The layout that explains most files."""
        scores = [self._score(layout) for layout in self.manifest.layouts]
        if max(scores, default=0) == 0:
            known = "; ".join(
                f"{one.name}: {next(iter(one.files.values()))[0]}" for one in self.manifest.layouts
            )
            raise DataError(
                f"{self.manifest.name}: {self.root} fits no known layout ({known or 'none known'})"
            )
        return self.manifest.layouts[scores.index(max(scores))]

    def _score(self, layout: Layout) -> int:
        found = [
            template_expression(template, self.manifest.id_pattern)
            for templates in layout.files.values()
            for template in templates
        ]
        return sum(any(one.fullmatch(path) for one in found) for path in self.index.sizes)

    def state(self) -> list[tuple[str, int, int, int]]:
        """What the files are, for what is made of them."""
        return self.index.state()

    @property
    def labels(self) -> dict[int, str]:
        """Value in a label file -> meaning, in this layout."""
        return self.manifest.labels if self.layout.labels is None else self.layout.labels

    @cached_property
    def expressions(self) -> dict[str, list[re.Pattern[str]]]:
        """Role -> what its paths look like in this layout."""
        return {
            role: [template_expression(one, self.manifest.id_pattern) for one in templates]
            for role, templates in self.layout.files.items()
        }

    def candidates(self, role: str, member: Member) -> list[str]:
        """Relative paths, possibly with ``*``, where the file may lie."""
        fields = self.manifest.fields(member.id, member.split)
        return [one.format(**fields) for one in self.layout.files.get(role, ())]

    def paths(self, role: str, member: Member) -> list[str]:
        """Relative paths of ``role`` for one image: of the first template that finds any."""
        for candidate in self.candidates(role, member):
            found = self.index.matches(candidate)
            if found:
                return found
        return []

    def path(self, role: str, member: Member) -> Path:
        """The one file of ``role`` for one image."""
        found = self.paths(role, member)
        if len(found) == 1:
            return self.root / found[0]
        wanted = " or ".join(self.candidates(role, member))
        if found:
            raise DataError(
                f"{self.root}: duplicate id {member.id}: {len(found)} files fit {wanted} "
                f"({', '.join(found)}); keep one"
            )
        raise DataError(
            f"{self.root}/{wanted}: missing (image {member.id} of {self.manifest.name}); "
            f"`ldl data verify {self.manifest.name}` lists all faults"
        )

    def members(self, collection: Collection) -> list[Member]:
        """The images a collection should have here; for a pool, those that are there."""
        listed = collection.ids or self.layout.members
        return list(id_list(listed)) if listed else self.pool(collection)

    def pool(self, collection: Collection) -> list[Member]:
        """All images whose files fit the layout, in natural order of their ids."""
        seen: dict[str, str] = {}
        for path in self.index.sizes:
            for one in self.expressions[collection.images or "images"]:
                match = one.fullmatch(path)
                if match is None:
                    continue
                other = seen.setdefault(match.group("id"), path)
                if other != path:
                    raise DataError(
                        f"{self.root}: duplicate id {match.group('id')} ({other} and {path}); "
                        "keep one"
                    )
                break
        return [Member("pool", one) for one in sorted(seen, key=natural)]
