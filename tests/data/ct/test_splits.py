"""Volumes, never slices, are split; every budget meets the same test volumes."""

import pytest

from ldl.data.ct.bank import part_sizes, split_volumes
from ldl.errors import DataError


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (110, (63, 11, 36)),  # ABD-110
        (85, (60, 8, 17)),  # Thorax-85: test gives back what the budget of 60 needs
        (120, (68, 12, 40)),  # HaN
        (165, (94, 16, 55)),  # openkbp
        (18, (10, 2, 6)),  # btcv
        (21, (12, 2, 7)),  # segthor
        (3, (1, 1, 1)),
    ],
)
def test_sizes(count: int, sizes: tuple[int, int, int]) -> None:
    assert part_sizes(count) == sizes
    assert sum(sizes) == count


@pytest.mark.parametrize("count", range(3, 200))
def test_no_part_is_empty_and_budgets_are_met_where_they_can_be(count: int) -> None:
    train, validation, test = part_sizes(count)
    assert min(train, validation, test) >= 1
    assert count // 5 <= test <= count // 3
    if count - validation - count // 5 >= 60:
        assert train >= 60


def of(parts: dict, split: str) -> set[str]:
    return {one for one, part in parts.items() if part.split == split}


def test_parts_are_disjoint_and_whole() -> None:
    ids = [f"p{n}" for n in range(40)]
    parts = split_volumes(ids, 0, "set")
    assert set(parts) == set(ids)
    for split in ("train", "validation", "test"):
        places = sorted(one.place for one in parts.values() if one.split == split)
        assert places == list(range(len(places)))


def test_seed_and_set_decide() -> None:
    ids = [f"p{n}" for n in range(40)]
    parts = split_volumes(ids, 0, "set")
    assert split_volumes(ids, 0, "set") == parts
    assert of(split_volumes(ids, 1, "set"), "test") != of(parts, "test")
    assert of(split_volumes(ids, 0, "other"), "test") != of(parts, "test")


def test_smaller_budgets_share_the_test_volumes() -> None:
    ids = [f"p{n}" for n in range(165)]
    parts = split_volumes(ids, 3, "set")
    assert split_volumes(ids, 3, "set", budgets=(10,)) == parts
    assert len(of(parts, "test")) == 55


def test_too_few() -> None:
    with pytest.raises(DataError, match="2 volumes cannot be split"):
        part_sizes(2)
