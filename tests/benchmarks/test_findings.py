"""Verdicts follow from the numbers, and what is damaged is named."""

import json
import math
from dataclasses import replace

import pytest

from benchmarks.probing import findings as learned
from benchmarks.probing.findings import Finding, Learned, markdown, outcome, student_interval
from ldl.errors import LdlError

ONE = Finding(
    method="moco",
    question="eye",
    start=(0.1, 0.1, 0.1),
    measured=(0.1, 0.1, 0.1),
    trained=(0.2, 0.21, 0.19),
    over_images=(0.05, 0.15),
    losses=((3.5, 4.0, 3.6),) * 3,
    version={"comparison": 0},
)
MADE = {
    "device": "CPU, 1 thread(s)",
    "python": "3.11.7",
    "versions": {"torch": "2.13.0"},
    "commits": ["abc"],
    "modified": False,
    "first": "2026-01-01T00:00:00",
}


def told(*findings: Finding) -> Learned:
    return Learned(findings, (1, 2, 3), 300, 640, MADE)


def test_the_interval_is_students():
    low, high = student_interval([0.1, 0.2, 0.3])
    assert (low + high) / 2 == pytest.approx(0.2)
    assert (high - low) / 2 == pytest.approx(4.303 * 0.1 / math.sqrt(3), rel=1e-3)


@pytest.mark.parametrize(
    ("changes", "beats"),
    [
        ({}, "yes"),
        ({"over_images": (-0.01, 0.2)}, "not beyond doubt"),
        ({"trained": (0.4, 0.11, 0.09)}, "not beyond doubt"),
        ({"trained": (0.1, 0.1, 0.1)}, "no"),
        ({"trained": (0.05, 0.06, 0.04), "over_images": (-0.1, -0.01)}, "no"),
    ],
)
def test_both_intervals_must_be_above_nothing(changes, beats):
    assert replace(ONE, **changes).beats == beats


def test_the_words_are_those_of_the_numbers():
    worse = replace(ONE, method="simclr", trained=(0.05, 0.06, 0.04), losses=((3.0, 2.0, 1.0),) * 3)
    text = "\n".join(outcome(told(ONE, worse)))
    assert "1 of 2 beat their own start, with both intervals above 0 (MoCo)" in text
    assert "1 of 2 do not beat their start (SimCLR)" in text
    assert "lower the loss of 1 of 2" in text
    assert "not of MoCo. MoCo has a queue" in text
    assert "Not measured: InstDisc" in text
    assert "also beat a start whose" in text


def test_a_gain_in_every_seed_within_a_wide_interval_is_said_so():
    wide = replace(ONE, trained=(0.9, 0.11, 0.12))
    assert wide.beats == "not beyond doubt"
    assert "MoCo gain in every seed" in "\n".join(outcome(told(wide)))
    assert "in every seed." not in "\n".join(outcome(told(ONE))[:1])


def test_a_gain_that_normalisation_alone_would_give_is_said_so():
    text = "\n".join(outcome(told(replace(ONE, measured=(0.2, 0.2, 0.2)))))
    assert "not MoCo" in text


def test_tables_have_a_row_a_method_and_say_that_code_is_older():
    text = markdown(told(ONE))
    assert "| MoCo | which eye | 0.100 | 0.200 | +0.100 |" in text
    assert "Measured with older code: MoCo." in text
    assert "seeds 1, 2, 3" in text


def test_a_run_that_spans_commits_says_so():
    assert "commit abc" in markdown(told(ONE))
    long = replace(told(ONE), provenance={**MADE, "commits": ["abc", "bcd", "cde"]})
    assert "commits abc to cde, 3 of them" in markdown(long)


def test_no_file_is_nothing_and_a_damaged_one_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("LDL_RESULTS", str(tmp_path))
    assert learned.read() is None
    for text in ("{", "[]", json.dumps({"schema": 99}), json.dumps({"schema": 1})):
        learned.path().write_text(text)
        with pytest.raises(LdlError, match=r"probe_methods\.json: damaged") as caught:
            learned.read()
        assert "\n" not in str(caught.value)
