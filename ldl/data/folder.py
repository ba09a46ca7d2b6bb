"""A data set as it lies on disk: which layout it has, and where each image's files are."""

import re
from functools import cached_property
from pathlib import Path

from ldl import paths
from ldl.data.listing import FolderIndex, natural, template_expression
from ldl.data.package import package_data
from ldl.data.schema import Collection, Layout, Manifest
from ldl.data.splits import Member, id_list
from ldl.errors import DataError


class DatasetFolder:
    """A data set as it lies on disk: its manifest, the layout found there, and its files.

    Args:
        manifest: the data set.
        root: its folder; by default the manifest's folder below ``paths.data_dir()``, or the data
            of the package that the manifest names.

    Raises:
        DataError: the folder is missing, empty, or fits no layout; the package is not installed.
    """

    def __init__(self, manifest: Manifest, root: Path | None = None) -> None:
        self.manifest = manifest
        self.root = root if root is not None else dataset_root(manifest)
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
        """The one file of ``role`` for one image.

        Raises:
            DataError: it is missing, or several fit.
        """
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
        """The images a collection should have here; for a pool, those that are there.

        Raises:
            DataError: a list is damaged, or two files carry the same id.
        """
        listed = collection.ids or self.layout.members
        return list(id_list(listed)) if listed else self.pool(collection)

    def pool(self, collection: Collection) -> list[Member]:
        """All images whose files fit the layout, in natural order of their ids.

        Raises:
            DataError: two files carry the same id.
        """
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


def dataset_root(manifest: Manifest) -> Path:
    """Where a data set is looked for.

    Raises:
        DataError: it comes in a package that is not installed.
    """
    if manifest.package:
        return package_data(manifest.package)
    return paths.data_dir() / manifest.folder
