"""A listing has a word for every kind of record."""

import pytest

from ldl.experiments import run_words
from ldl.tables.plan import table_names

SUPPORTS = [{"mean_accuracy": 0.25}, {"mean_accuracy": 0.75}]


@pytest.mark.parametrize(
    ("record", "result", "updates"),
    [
        ({"kind": "transfer", "config": {}, "dsc": [0.5, 0.7], "updates": 1480},
         "DSC 60.0", "1,480"),
        ({"kind": "localize", "config": {}, "supports": SUPPORTS}, "50.0 of points", ""),
        ({"kind": "pretrain", "config": {"method": "rd", "steps": 75}, "retrieval": 0.5},
         "50.0 of patches", "75"),
        ({"kind": "pretrain", "config": {"method": "moco", "steps": 75}, "retrieval": 0.5},
         "50.0 of images", "75"),
        ({"kind": "pretrain", "config": {"steps": 9}, "retrieval": 0.9}, "90.0 of regions", "9"),
        ({"kind": "organs", "config": {"steps": 9}, "volumes": [{"dsc": [0.5, None, 0.7]}]},
         "DSC 60.0", "9"),
        ({"kind": "shape", "config": {}, "dsc": {"a": 0.1}}, "", ""),
    ],
)  # fmt: skip
def test_every_kind(record: dict, result: str, updates: str) -> None:
    assert run_words.result_of(record) == result
    assert run_words.updates_of(record) == updates


def test_every_table_has_a_title() -> None:
    titles = [run_words.title_of(name) for name in table_names()]
    assert not set(titles) & set(table_names())
    assert len(set(titles)) == len(titles)
