"""Data manifests: what each data set is, where it comes from and how its folder looks.

One yaml a data set in ``data_manifests/``, read into the strict models of `ldl.data.schema`: an
unknown or mistyped field is an error that names the file and the field. LDL Table 1 is made here.
"""

import difflib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from pydantic import BaseModel, ValidationError

from ldl import paths
from ldl.data import schema
from ldl.data.schema import Collection, Layout, Manifest
from ldl.data.splits import id_list
from ldl.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Collection",
    "Layout",
    "Manifest",
    "collection_named",
    "manifest_named",
    "manifests",
    "read_manifest",
    "table1",
]
# How the papers' Table 1 spells the modalities.
TABLE1_MODALITY = {"fundus": "color_fundus", "xray": "chest_xray"}


def read_manifest(path: Path) -> Manifest:
    """Read one manifest.

    Raises:
        DataError: unreadable yaml, or a field that is unknown, missing or of the wrong type.
    """
    try:
        content = yaml.safe_load(path.read_text())
        # Through json, because the strict models take lists for tuples only there.
        return Manifest.model_validate_json(json.dumps(content))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, TypeError) as error:
        reason = str(error).replace("\n", " ")
        raise DataError(f"{path}: not a readable yaml manifest ({reason})") from error
    except ValidationError as error:
        raise DataError(f"{path}: {_explain(error)}") from error


def _explain(error: ValidationError) -> str:
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "manifest"
    if first["type"] != "extra_forbidden":
        return f"field {field}: {first['msg']}"
    close = difflib.get_close_matches(str(first["loc"][-1]), _field_names(), n=1)
    hint = f", did you mean {close[0]}?" if close else ""
    return f"field {field}: unknown{hint}"


def _field_names() -> list[str]:
    known = vars(schema).values()
    models = [one for one in known if isinstance(one, type) and issubclass(one, BaseModel)]
    return sorted({name for one in models for name in one.model_fields})


@lru_cache(maxsize=4)
def _manifests_in(folder: Path) -> dict[str, Manifest]:
    found = {path.stem: read_manifest(path) for path in sorted(folder.glob("*.yaml"))}
    keys: dict[str, str] = {}
    for stem, manifest in found.items():
        if manifest.name != stem:
            raise DataError(f"{folder / stem}.yaml: field name says {manifest.name!r}, not {stem}")
        for one in manifest.collections:
            if keys.setdefault(one.key, stem) != stem:
                raise DataError(f"{folder / stem}.yaml: {one.key} is also in {keys[one.key]}.yaml")
    if not found:
        raise DataError(f"{folder}: no manifest found; install the package again")
    return found


def manifests() -> dict[str, Manifest]:
    """All manifests, by name.

    Raises:
        DataError: a manifest is not valid.
    """
    return _manifests_in(paths.manifests_dir())


def manifest_named(name: str) -> Manifest:
    """The manifest called ``name``.

    Raises:
        DataError: there is none; the line names the known ones.
    """
    known = manifests()
    if name not in known:
        raise DataError(f"unknown data set {name!r}; known: {', '.join(known)}")
    return known[name]


def collection_named(key: str) -> tuple[Manifest, Collection]:
    """The collection called ``key`` and the manifest it belongs to.

    Raises:
        DataError: no manifest has it.
    """
    for manifest in manifests().values():
        for one in manifest.collections:
            if one.key == key:
                return manifest, one
    names = [*manifests(), *(one.key for each in manifests().values() for one in each.collections)]
    close = difflib.get_close_matches(key, names, n=1)
    hint = f", did you mean {close[0]}?" if close else "; `ldl data list` names the data sets"
    raise DataError(f"no manifest has a collection {key!r}{hint}")


def table1() -> "pd.DataFrame":
    """LDL Table 1 (data sets) from the manifests and the authors' lists, in the paper's order.

    Columns modality, dataset, task, train, test; counts are Int64, missing for pretraining's test.
    """
    rows = []
    for manifest in manifests().values():
        for one in manifest.collections:
            if one.table1 is None:
                continue
            splits = [member.split for member in id_list(one.ids)] if one.ids else []
            rows.append(
                {
                    "row": one.table1.row,
                    "modality": TABLE1_MODALITY[manifest.modality],
                    "dataset": one.table1.dataset,
                    "task": one.table1.task,
                    "train": splits.count("train") if one.ids else one.table1.train,
                    "test": splits.count("test") if one.ids else None,
                }
            )
    # Imported here: it would be half the start of every command.
    import pandas as pd

    frame = pd.DataFrame(rows).sort_values("row").drop(columns="row").reset_index(drop=True)
    return frame.astype({"train": "Int64", "test": "Int64"})
