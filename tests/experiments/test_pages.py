"""What pages compute from numbers: marks, orders, gains and verdicts, on frames made by hand."""

import numpy as np
import pandas as pd
import pytest

from ldl import report as cells
from ldl.engine.profiles import PROFILES
from ldl.errors import ConfigError
from ldl.experiments import claims, gains
from ldl.report import networks as encoders
from ldl.report import provenance_words

NAN = float("nan")


def _line(row: str, column: str, ours: float, paper: float, **more: object) -> dict[str, object]:
    line = {
        "row": row,
        "label": row.title(),
        "column": column,
        "ours": ours,
        "low": ours - 1,
        "high": ours + 1,
        "paper": paper,
        "difference": ours - paper,
        "images": 8,
        "seeds": 1,
        "seed_deviation": NAN,
        "stale": False,
        "trained": True,
        "measured": not np.isnan(ours),
        "planned": True,
    }
    return line | more


FRAME = pd.DataFrame(
    [
        _line("scratch", "STARE", 70.0, 73.64, trained=None),
        _line("pd", "STARE", 65.0, 82.21, trained=False),
        _line("rd", "STARE", 75.5, 82.91, seeds=3, seed_deviation=0.4),
        _line("moco", "STARE", NAN, 76.41),
    ]
)


def test_best_is_the_highest_measured() -> None:
    assert cells.best_rows(FRAME) == {("rd", "STARE")}


def test_a_cell_shows_ours_spread_paper_and_difference() -> None:
    text = cells.cell_html(FRAME.iloc[2], best=True)
    parts = ("<b>75.5</b>", "74.5–76.5", "± 0.4 (3 seeds)", "<i>82.91</i>", "(−7.4)")
    assert all(part in text for part in parts)
    assert "<b>" not in cells.cell_html(FRAME.iloc[0], best=False)


def test_rows_are_marked_for_what_they_are() -> None:
    labels = {row: cells.row_label(part) for row, part in FRAME.groupby("row")}
    assert labels["pd"].endswith(cells.MARK)
    assert cells.NOT_YET in labels["moco"]
    assert labels["scratch"] == "Scratch"
    assert cells.MARK in cells.legend(FRAME)
    assert cells.STALE not in cells.legend(FRAME)


def test_a_row_without_runs_says_why() -> None:
    frame = pd.DataFrame([_line("supervised", "Heart", NAN, NAN, planned=False)])
    assert cells.EMPTY in cells.row_label(frame)
    assert cells.NOT_YET not in cells.row_label(frame)


def test_the_styled_table_has_every_row_and_one_bold_number() -> None:
    text = cells.table_style(FRAME, ["STARE"]).to_html()
    assert text.count("<b>") == 1
    assert all(name in text for name in ("Scratch", "Moco", "n = 8"))


def test_order_is_told_from_the_numbers() -> None:
    order = gains.order_of(FRAME, "STARE")
    assert order is not None
    assert order.ours == ("Rd", "Scratch", "Pd")
    assert order.paper == ("Rd", "Pd", "Scratch")
    assert not order.same
    assert (order.agreeing, order.pairs) == (2, 3)
    assert "differs" in order.words
    assert gains.order_of(FRAME.iloc[:1], "STARE") is None


@pytest.mark.parametrize(
    ("shift", "verdict"),
    [(5.0, "reproduces"), (-5.0, "opposite"), (0.01, "undecided")],
)
def test_a_claim_needs_an_interval_beside_zero(shift: float, verdict: str) -> None:
    noise = np.array([-1.0, 1.0, -0.5, 0.5, -2.0, 2.0])
    scores = {
        ("pd", "stare_vessel"): 70 + shift + noise,
        ("scratch", "stare_vessel"): np.full(6, 70.0),
        ("pd", "hrf_vessel"): 60 + shift - noise,
        ("scratch", "hrf_vessel"): np.full(6, 60.0),
    }
    finding = claims.judge(claims.CLAIMS[0], PROFILES["open"], scores)
    assert finding is not None
    assert finding.verdict.startswith(verdict)
    assert finding.tasks == 2
    assert finding.gain == pytest.approx(shift)
    printed = ((82.21 - 73.64) + (81.37 - 79.42)) / 2
    assert finding.paper == pytest.approx(printed)


def test_a_claim_without_runs_has_no_finding() -> None:
    assert claims.judge(claims.CLAIMS[0], PROFILES["open"], {}) is None


def test_every_claim_names_rows_that_exist() -> None:
    from ldl.tables.encoders import table_named

    for claim in claims.CLAIMS:
        keys = {row.key for row in table_named(claim.table).rows}
        assert {claim.better, claim.worse} <= keys, claim


def test_knobs_of_an_encoder_are_checked_and_reach_step_1() -> None:
    config = encoders.config_of("rd", "fundus", "smoke", clusters=4, formulation="paper")
    assert config.clusters == 4
    assert config.step1 is not None
    assert (config.step1.formulation, config.step1.clusters) == ("paper", 0)
    with pytest.raises(ConfigError, match="formulation"):
        encoders.config_of("pd", "fundus", "smoke", formulation="printed")
    with pytest.raises(ConfigError, match="mocov2"):
        encoders.config_of("mocov3", "fundus", "smoke")  # type: ignore[arg-type]


def test_provenance_is_said_even_of_nothing() -> None:
    assert provenance_words([]) == "No record yet."
