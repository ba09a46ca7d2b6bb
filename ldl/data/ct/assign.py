"""Giving the volumes of an opened bank their parts."""

import hashlib
import json
from dataclasses import asdict, replace

from ldl.data.ct.bank import CtBank, CtEntry
from ldl.data.ct.splits import Part, split_volumes
from ldl.errors import DataError


def assign_parts(bank: CtBank, seed: int, budgets: tuple[int, ...]) -> CtBank:
    """The bank with its volumes split, and a fingerprint that says so.

    The split depends on the set and not on the slices' size. Fewer than three volumes are all for
    test.

    Raises:
        DataError: the same scan on both sides.
    """
    ids = [one.id for one in bank.volumes]
    parts = {one: Part("test", place) for place, one in enumerate(ids)}
    if len(ids) > 2:
        parts = split_volumes(ids, seed, bank.name.rsplit("-", 1)[0], budgets)
    volumes = tuple(replace(one, **asdict(parts[one.id])) for one in bank.volumes)
    _refuse_twins(bank, volumes)
    told = [bank.fingerprint, [(one.id, one.split, one.place) for one in volumes]]
    stamp = hashlib.sha256(json.dumps(told).encode()).hexdigest()
    return replace(bank, volumes=volumes, fingerprint=stamp)


def _refuse_twins(bank: CtBank, volumes: tuple[CtEntry, ...]) -> None:
    """The same scan under two ids, in test and elsewhere, is the same patient in both."""
    seen: dict[str, CtEntry] = {}
    for one in volumes:
        twin = seen.setdefault(one.content, one)
        if (twin.split == "test") != (one.split == "test"):
            raise DataError(
                f"{bank.name}: {twin.id} ({twin.split}) and {one.id} ({one.split}) are the same "
                "scan; the same patient must not be in train and test"
            )
