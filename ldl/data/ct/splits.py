"""Train, validation and test by volume, never by slice; the same test volumes for every budget."""

from collections.abc import Sequence
from dataclasses import dataclass

from ldl.data.bank import SPLITS
from ldl.errors import DataError
from ldl.rng import numpy_generator

BUDGETS = (10, 60)  # labelled volumes in LRC Table 1


@dataclass(frozen=True)
class Part:
    """What a volume is used for, and its place there: a budget of n takes places 0..n-1."""

    split: str
    place: int


def part_sizes(count: int, budgets: Sequence[int] = BUDGETS) -> tuple[int, int, int]:
    """How many of ``count`` volumes are for training, validation and test.

    LRC does not say. Ours: a tenth (at least one) is for validation, a third for test; where that
    leaves fewer for training than the largest budget, test gives some back, but keeps a fifth. If
    even then the budget is out of reach it stays a third. The paper's sets: 110 -> 63, 11, 36;
    85 -> 60, 8, 17; 120 -> 68, 12, 40.

    Raises:
        DataError: fewer than three volumes.
    """
    if count < 3:
        raise DataError(f"{count} volumes cannot be split; at least 3 are needed")
    validation, test = max(1, round(count / 10)), count // 3
    spare = count - validation - max(budgets)
    if count // 5 <= spare < test:
        test = spare
    return count - validation - test, validation, test


def split_volumes(
    ids: Sequence[str], seed: int, name: str, budgets: Sequence[int] = BUDGETS
) -> dict[str, Part]:
    """A part for every volume, drawn from ``seed`` and ``name`` (the data set).

    Test volumes depend on the ids, the seed and the largest budget alone. Smaller budgets are the
    beginnings of larger ones.

    Raises:
        DataError: fewer than three volumes.
    """
    sizes = part_sizes(len(ids), budgets)
    drawn = [ids[k] for k in numpy_generator(seed, "ct-split", name).permutation(len(ids))]
    parts: dict[str, Part] = {}
    for split, size in zip(reversed(SPLITS), reversed(sizes), strict=True):
        parts |= {one: Part(split, place) for place, one in enumerate(drawn[:size])}
        drawn = drawn[size:]
    return parts
