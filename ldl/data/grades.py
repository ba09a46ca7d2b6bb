"""Grades of diabetic retinopathy, 0 (none) to 4 (proliferative), of the pretraining images."""

import re
from pathlib import Path

import numpy as np

from ldl.config import DataConfig
from ldl.data import phantoms
from ldl.data.bank import Bank
from ldl.data.folder import DatasetFolder
from ldl.data.manifest import collection_named
from ldl.data.readers import read_grades
from ldl.errors import DataError
from ldl.tasks import CHANNELS

# A phantom without lesions has grade 0; from these shares of its field on it has grade 2, 3 and 4.
# Of 2,000 phantoms 65, 11, 9, 10 and 6 % have the grades 0 to 4; of EyePACS 73, 7, 15, 2.5 and 2 %.
PHANTOM_LIMITS = (0.002, 0.004, 0.01)
_PHANTOM_ID = re.compile(r"fundus-(\d+)")


def grades(config: DataConfig, bank: Bank) -> np.ndarray:
    """One grade an image of a bank of fundus images, (N,) int64 in 0..4.

    EyePACS (``open``) has a table of grades; phantoms are graded by how much of the field their
    lesions cover.
    """
    if bank.images.shape[1] != CHANNELS["fundus"]:
        raise DataError(
            f"{bank.name}: chest X-rays have no grades of diabetic retinopathy; "
            "pretrain by grades on fundus images, or choose another method"
        )
    if config.source == "phantom":
        found = [phantom_grade(config.seed, _number(bank, id)) for id in bank.ids]
    else:
        found = _open_grades(bank)
    return np.array(found, dtype=np.int64)


def phantom_grade(seed: int, number: int) -> int:
    """The grade of one fundus phantom, 0 to 4."""
    share = phantoms().lesion_share(seed, number)
    return 0 if share == 0 else 1 + int(np.searchsorted(PHANTOM_LIMITS, share, side="right"))


def _number(bank: Bank, id: str) -> int:
    match = _PHANTOM_ID.fullmatch(id)
    if match is None:
        raise DataError(f"{bank.name}: {id} is no fundus phantom; its grade is not known")
    return int(match.group(1))


def _open_grades(bank: Bank) -> list[int]:
    manifest, _ = collection_named("fundus_pretraining")
    source = DatasetFolder(manifest)
    path = _table(source)
    known = read_grades(path, source.labels)
    missing = [id for id in bank.ids if id not in known]
    if missing:
        more = f" and {len(missing) - 1} more images" if len(missing) > 1 else ""
        raise DataError(f"{path}: no grade of {missing[0]}{more} of {bank.name}; fetch it again")
    return [known[id] for id in bank.ids]


def _table(source: DatasetFolder) -> Path:
    templates = source.layout.files.get("grades", ())
    for template in templates:
        if source.index.matches(template):
            return source.root / template
    wanted = " or ".join(templates) or "a table of grades"
    raise DataError(
        f"{source.root}/{wanted}: missing; `ldl data fetch {source.manifest.name}` "
        "says how to obtain it"
    )
