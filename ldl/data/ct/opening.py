"""Opening a written slice bank."""

import json
from pathlib import Path
from typing import Any, cast

import numpy as np

from ldl.data.ct.bank import CtBank, CtEntry
from ldl.errors import DataError

Array = np.ndarray


def open_ct_bank(folder: Path) -> CtBank:
    """Open a written bank, memory-mapped; its volumes are not split.

    Raises:
        DataError: the folder holds no readable bank.
    """
    index = _index(folder)
    images = _array(folder, "images.npy")
    labels = _array(folder, "labels.npy") if index["labelled"] else None
    volumes = tuple(_entry(one) for one in index["volumes"])
    counts = {len(images), sum(v.count for v in volumes)}
    counts |= {len(labels)} if labels is not None else set()
    if len(counts) > 1:
        raise DataError(f"{folder}/index.json: does not match its arrays; prepare the bank again")
    return CtBank(
        name=index["name"],
        region=index["region"],
        images=images,
        labels=labels,
        organs=tuple(index["organs"]),
        volumes=volumes,
        window=(index["window"][0], index["window"][1]),
        fingerprint=index["fingerprint"],
        note=index["note"],
        left_out=index["left_out"],
    )


def _entry(fields: dict[str, Any]) -> CtEntry:
    affine = tuple(tuple(row) for row in fields.pop("affine"))
    return CtEntry(**fields | {"spacing": tuple(fields["spacing"])}, affine=affine)


def _index(folder: Path) -> dict[str, Any]:
    where = f"{folder}/index.json"
    try:
        index = json.loads((folder / "index.json").read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise DataError(f"{where}: not readable; prepare the bank again") from error
    needed = {"name", "region", "labelled", "organs", "volumes", "window", "fingerprint", "note"}
    if not isinstance(index, dict) or not needed | {"left_out"} <= set(index):
        raise DataError(f"{where}: not the index of a slice bank; prepare the bank again")
    return index


def _array(folder: Path, name: str) -> Array:
    try:
        return cast(Array, np.load(folder / name, mmap_mode="r", allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{folder / name}: not a readable bank; prepare it again") from error
