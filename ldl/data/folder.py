"""A data set as it lies on disk: what belongs to it, which layout it has, where each file is."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from ldl import paths
from ldl.data.manifest import Collection, Layout, Manifest, Member, id_list
from ldl.errors import DataError

# What systems leave lying about beside hidden files; never part of a data set.
SYSTEM = {"thumbs.db", "desktop.ini", "__macosx", "@eadir", "$recycle.bin", "lost+found",
          "system volume information", "icon\r"}  # fmt: skip


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
            self._by_name[path.name.lower()].append(relative)

    def _walk(self, folder: Path, above: set[str]) -> Iterator[Path]:
        try:
            found = sorted(os.scandir(folder), key=lambda one: one.name)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise DataError(f"{folder}: cannot be listed ({error.strerror})") from error
        for one in found:
            if one.name.startswith("."):
                self.left_out["hidden"] += 1
            elif one.name.lower() in SYSTEM:
                self.left_out["system"] += 1
            elif not one.is_dir():
                yield Path(one.path)
            elif (real := os.path.realpath(one.path)) in above:  # a link back to where it lies
                self.left_out["link in a circle"] += 1
            else:
                yield from self._walk(Path(one.path), above | {real})

    def line(self) -> str:
        """How many files are there, how many were left out, and why."""
        words = ", ".join(f"{count} {why}" for why, count in sorted(self.left_out.items()))
        left = f"{self.left_out.total()} left out" + (f" ({words})" if words else "")
        return f"{len(self.sizes)} files there, {left}"

    def matches(self, pattern: str) -> list[str]:
        """Relative paths that fit ``pattern``; see `template_expression`, without fields."""
        if "*" not in pattern and pattern in self.sizes:
            return [pattern]
        name, expression = pattern.rsplit("/", 1)[-1].lower(), template_expression(pattern)
        pool = list(self.sizes) if "*" in name else self._by_name.get(name, [])
        return [path for path in pool if expression.fullmatch(path)]

    def state(self) -> list[tuple[str, int, int, int]]:
        """Path, bytes, and times of change of every file: another state is another content."""
        found = []
        for path, size in sorted(self.sizes.items()):
            file = self.root / path
            told = file.stat() if file.exists() else file.lstat()
            found.append((path, size, told.st_mtime_ns, told.st_ctime_ns))
        return found


def template_expression(template: str, id_pattern: str = ".+") -> re.Pattern[str]:
    """Regular expression of the paths that a template can name, with group ``id``.

    ``*`` and other fields stay within one folder or file name; the suffix may be in any case.
    """
    # Named groups inside the id pattern would clash when the id occurs twice in a template.
    plain = re.sub(r"\(\?P<\w+>", "(?:", id_pattern)
    out, seen = "", False
    for part in re.split(r"(\{\w+\}|\*)", template):
        if part == "{id}":
            out += "(?P=id)" if seen else f"(?P<id>{plain})"
            seen = True
        elif part == "*" or re.fullmatch(r"\{\w+\}", part):
            out += "[^/]*" if part == "*" else "[^/]+"
        else:
            name = part.rsplit("/", 1)[-1]
            start = len(part) - len(name) + name.index(".") if "." in name else len(part)
            out += f"{re.escape(part[:start])}(?i:{re.escape(part[start:])})"
    return re.compile(out)


def natural(text: str) -> list[tuple[int, str]]:
    """Sort key under which 9_left comes before 10_left."""
    return [(int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"(\d+)", text) if p]


class DatasetFolder:
    """A data set as it lies on disk: its manifest, the layout found there, and its files.

    ``root`` is its folder, by default the manifest's below ``paths.data_dir()``. The layout is the
    one that explains most files.
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
        self.layout = max(manifest.layouts, key=self._explained)
        if not self._explained(self.layout):
            known = [f"{one.name}: {next(iter(one.files.values()))[0]}" for one in manifest.layouts]
            raise DataError(
                f"{manifest.name}: {self.root} fits no known layout ({'; '.join(known)})"
            )

    def _explained(self, layout: Layout) -> int:
        found = [one for each in self._expressions(layout).values() for one in each]
        return sum(any(one.fullmatch(path) for one in found) for path in self.index.sizes)

    def _expressions(self, layout: Layout) -> dict[str, list[re.Pattern[str]]]:
        return {
            role: [template_expression(one, self.manifest.id_pattern) for one in templates]
            for role, templates in layout.files.items()
        }

    @cached_property
    def expressions(self) -> dict[str, list[re.Pattern[str]]]:
        """Role -> what its paths look like in this layout."""
        return self._expressions(self.layout)

    @property
    def labels(self) -> dict[int, str]:
        """Value in a label file -> meaning, in this layout."""
        return self.manifest.labels if self.layout.labels is None else self.layout.labels

    def candidates(self, role: str, member: Member) -> list[str]:
        """Relative paths, possibly with ``*``, where the file may lie."""
        fields = self.manifest.fields(member.id, member.split)
        return [one.format(**fields) for one in self.layout.files.get(role, ())]

    def paths(self, role: str, member: Member) -> list[str]:
        """Relative paths of ``role`` for one image: of the first template that finds any."""
        each = (self.index.matches(one) for one in self.candidates(role, member))
        return next((found for found in each if found), [])

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
            each = (one.fullmatch(path) for one in self.expressions[collection.images or "images"])
            id = next((match["id"] for match in each if match), None)
            if id is not None and seen.setdefault(id, path) != path:
                raise DataError(f"{self.root}: duplicate id {id} ({seen[id]} and {path}); keep one")
        return [Member("pool", one) for one in sorted(seen, key=natural)]
