"""Which files a data set should consist of, and which of them are there."""

from dataclasses import dataclass, field

from ldl.data.folder import DatasetFolder
from ldl.data.schema import Collection
from ldl.data.splits import id_list


@dataclass
class Expected:
    """The files of a data set as its manifest and lists want them.

    Attributes:
        present: relative path -> role, for required files that are there.
        optional: the same for files that may be there.
        missing: how the wanted path reads -> every path where it could lie.
        doubled: second and further files for one image and role -> the first.
        short: collections without a list that hold too few images, as text.
    """

    present: dict[str, str] = field(default_factory=dict)
    optional: dict[str, str] = field(default_factory=dict)
    missing: dict[str, list[str]] = field(default_factory=dict)
    doubled: dict[str, str] = field(default_factory=dict)
    short: list[str] = field(default_factory=list)

    def extra(self, source: DatasetFolder) -> list[str]:
        """Files that nothing asks for."""
        known = {*self.present, *self.optional, *self.doubled}
        return [path for path in source.index.sizes if path not in known]


def expected_files(source: DatasetFolder) -> Expected:
    """Compare the folder with everything the manifest asks for.

    Raises:
        DataError: a list is damaged, or two images carry the same id.
    """
    result = Expected()
    for collection in source.manifest.collections:
        members = source.members(collection)
        listed = collection.ids or source.layout.members
        if not listed:
            _check_pool(source, collection, {one.id for one in members}, result)
        roles = collection.required() | (set(collection.also) & set(source.layout.files))
        for member in members:
            for role in sorted(roles):
                found = source.paths(role, member)
                if not found:
                    candidates = source.candidates(role, member)
                    result.missing[" or ".join(candidates)] = candidates
                result.present |= dict.fromkeys(found[:1], role)
                result.doubled |= dict.fromkeys(found[1:], found[0] if found else "")
        _add_optional(source, collection, {one.id for one in members}, result)
    return result


def _check_pool(
    source: DatasetFolder, collection: Collection, found: set[str], result: Expected
) -> None:
    """Where no list names all images: the named ones must be there, and the count must be right."""
    for member in id_list(collection.first) if collection.first else ():
        if member.id not in found:
            candidates = source.candidates(collection.images or "images", member)
            result.missing[" or ".join(candidates)] = candidates
    if collection.count is not None and len(found) != collection.count:
        result.short.append(
            f"{len(found):,} images of {collection.key} where there should be {collection.count:,}"
        )


def _add_optional(
    source: DatasetFolder, collection: Collection, ids: set[str], result: Expected
) -> None:
    for role in collection.optional:
        for expression in source.expressions.get(role, []):
            for path in source.index.sizes:
                match = expression.fullmatch(path)
                # A template without an id names one file for all; with one, the id must be known.
                if match and match.groupdict().get("id", next(iter(ids), "")) in ids:
                    result.optional.setdefault(path, role)
