"""Finding the files of a data set: templates of a layout against what lies in the folder."""

import os
import re
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path

from ldl import paths
from ldl.data.manifest import Collection, Layout, Manifest
from ldl.errors import DataError

# What systems leave lying about; never part of a data set.
IGNORED = {".DS_Store", "Thumbs.db", "desktop.ini", ".gitkeep", "__MACOSX"}


class FolderIndex:
    """All files below a folder, listed once; ``sizes`` maps relative posix path to bytes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sizes: dict[str, int] = {}
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for folder, folders, names in os.walk(root):
            folders[:] = sorted(set(folders) - IGNORED)
            for name in sorted(set(names) - IGNORED):
                path = Path(folder) / name
                relative = path.relative_to(root).as_posix()
                self.sizes[relative] = path.stat().st_size if path.exists() else 0
                self._by_name[name].append(relative)

    def matches(self, pattern: str) -> list[str]:
        """Relative paths that fit ``pattern``; ``*`` stays within one folder or file name."""
        if "*" not in pattern:
            return [pattern] if pattern in self.sizes else []
        name = pattern.rsplit("/", 1)[-1]
        pool = list(self.sizes) if "*" in name else self._by_name.get(name, [])
        return [path for path in pool if _fits(path, pattern)]


def _fits(path: str, pattern: str) -> bool:
    parts, wanted = path.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, parts, wanted))


class DatasetFolder:
    """A data set as it lies on disk: its manifest, the layout found there, and its files.

    Args:
        manifest: the data set.
        root: its folder; by default the manifest's folder below ``paths.data_dir()``.

    Raises:
        DataError: the folder is missing, empty, or fits no layout.
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
        scores = [self._score(layout) for layout in self.manifest.layouts]
        if max(scores) == 0:
            known = ", ".join(layout.name for layout in self.manifest.layouts)
            example = next(iter(self.manifest.layouts[0].files.values()))[0]
            raise DataError(
                f"{self.manifest.name}: {self.root} fits no known layout ({known}); "
                f"expected for example {example}"
            )
        return self.manifest.layouts[scores.index(max(scores))]

    def _score(self, layout: Layout) -> int:
        """How many files fit the layout's templates."""
        expressions = [
            template_expression(template, self.manifest.id_pattern)
            for templates in layout.files.values()
            for template in templates
        ]
        return sum(any(one.fullmatch(path) for one in expressions) for path in self.index.sizes)

    def paths(self, role: str, image_id: str, split: str = "") -> list[str]:
        """Relative paths of ``role`` for one image: of the first template that finds any."""
        fields = self.manifest.fields(image_id, split)
        for template in self.layout.files.get(role, ()):
            found = self.index.matches(template.format(**fields))
            if found:
                return found
        return []

    def path(self, role: str, image_id: str, split: str = "") -> Path:
        """The one file of ``role`` for one image.

        Raises:
            DataError: it is missing, or several fit.
        """
        found = self.paths(role, image_id, split)
        if len(found) == 1:
            return self.root / found[0]
        fields = self.manifest.fields(image_id, split)
        wanted = " or ".join(one.format(**fields) for one in self.layout.files.get(role, ()))
        if found:
            raise DataError(
                f"{self.root}: {len(found)} files fit {wanted} ({', '.join(found)}); keep one"
            )
        raise DataError(
            f"{self.root}/{wanted}: missing (image {image_id} of {self.manifest.name}); "
            f"`ldl data verify {self.manifest.name}` lists all faults"
        )

    def pool(self, collection: Collection) -> list[str]:
        """Ids of all image files that fit the layout, in natural order.

        Raises:
            DataError: two files carry the same id.
        """
        expressions = [
            template_expression(template, self.manifest.id_pattern)
            for template in self.layout.files[collection.images or "images"]
        ]
        seen: dict[str, str] = {}
        for path in self.index.sizes:
            match = next((m for one in expressions if (m := one.fullmatch(path))), None)
            if match is None:
                continue
            image_id = match.group("id")
            if image_id in seen:
                raise DataError(
                    f"{self.root}: duplicate id {image_id} ({seen[image_id]} and {path}); keep one"
                )
            seen[image_id] = path
        return sorted(seen, key=natural)


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
        else:
            out += "[^/]+" if re.fullmatch(r"\{\w+\}", part) else re.escape(part)
    return re.compile(out)


def natural(text: str) -> list[tuple[int, str]]:
    """Sort key under which 9_left comes before 10_left."""
    return [(int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"(\d+)", text) if p]
