"""What lies in a folder, listed once, and path templates as patterns."""

import os
import re
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path

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
                # A dangling link counts as an empty file, so that it is reported by name.
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
