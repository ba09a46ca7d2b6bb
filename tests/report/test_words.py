"""What a page says about its runs."""

from typing import Any

from ldl.report.words import provenance


def _record(**config: Any) -> dict[str, Any]:
    made = {"device": "CPU, 1 thread(s)", "date": "2026-11-30T10:00:00"}
    data = {"source": "open", "size": 112}
    return {"config": {"data": data} | config, "provenance": made, "wall_seconds": 60.0}


def test_the_seeds_of_searches_are_those_of_their_networks() -> None:
    """The search's own seed draws the supports, the same for all."""
    searches = [_record(seed=0, network={"seed": seed}) for seed in (0, 2)]
    assert "2 runs at 112 pixels, seed 0, 2, 2.0 minutes" in provenance(searches)
    assert "seed 1," in provenance([_record(seed=1), _record(seed=1, network=None)])
