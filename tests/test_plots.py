"""Figures carry caption, alternative and the page's ink; the helpers compute what they say."""

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ldl import plots
from ldl.plots.show import svg
from ldl.plots.theme import INK


def _figure() -> plt.Figure:
    with plots.theme():
        figure, axes = plt.subplots(figsize=(3, 2))
        axes.plot([0, 1], [1, 0], marker="o")
        axes.set_title("a & b")
    return figure


def test_svg_stands_in_a_page() -> None:
    text = svg(_figure(), 'falls from 1 to 0, "straight"')
    ElementTree.fromstring(text)
    assert "currentColor" in text
    assert INK not in text
    assert "<style" not in text
    assert "<?xml" not in text
    assert 'aria-label="falls from 1 to 0, &quot;straight&quot;"' in text


def test_ids_are_unique_and_every_reference_is_met() -> None:
    one, two = svg(_figure(), "one"), svg(plots.image_grid([[np.zeros((3, 4, 4))]]), "two")
    ids = re.findall(r'\bid="([^"]+)"', one + two)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:url\(|href=")#([^")]+)', one + two)) <= set(ids)


def test_equal_figures_are_equal_bytes() -> None:
    assert svg(_figure(), "x") == svg(_figure(), "x")


def test_a_figure_needs_caption_and_alternative() -> None:
    with pytest.raises(ValueError, match="caption"):
        plots.figure_html(_figure(), "", "alt")
    with pytest.raises(ValueError, match="alternative"):
        plots.figure_html(_figure(), "caption", "")


def test_the_readers_settings_come_back() -> None:
    before = plt.rcParams["axes.grid"]
    with plots.theme():
        assert plt.rcParams["axes.grid"] is True
    assert plt.rcParams["axes.grid"] == before


def test_source_drops_the_docstring_only() -> None:
    text = plots.source_text(plots.nearest)
    assert text.startswith("def nearest(")
    assert '"""' not in text
    assert "return order" in text
    assert '"""' in plots.source_text(plots.nearest, docstring=True)


def test_overlay_paints_agreement_misses_and_false_alarms() -> None:
    image = np.zeros((3, 1, 4), dtype=np.uint8)
    painted = plots.overlay(image, np.array([[1, 1, 0, 0]]), np.array([[1, 0, 1, 0]]), strength=1.0)
    assert painted[0].tolist() == [[240, 228, 66], [86, 180, 233], [233, 30, 159], [0, 0, 0]]


def test_principal_colours_separate_two_materials() -> None:
    embedding = np.zeros((1, 4, 2, 2))
    embedding[0, 0, 0], embedding[0, 1, 1] = 1.0, 1.0
    colours = plots.principal_colours(embedding)
    assert colours.shape == (1, 2, 2, 3)
    assert np.allclose(colours[0, 0, 0], colours[0, 0, 1])
    assert not np.allclose(colours[0, 0], colours[0, 1])


def test_nearest_is_the_greatest_cosine() -> None:
    candidates = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    order, similarity = plots.nearest(np.array([[0.0, 1.0]]), candidates, 2)
    assert order.tolist() == [[1, 2]]
    assert similarity[0].tolist() == [1.0, 0.8]


def test_cell_counts_row_by_row() -> None:
    image = np.arange(16).reshape(1, 4, 4)
    assert plots.cell(image, 2, 2).tolist() == [[[8, 9], [12, 13]]]


def test_charts_draw_what_is_there_and_skip_what_is_not() -> None:
    history = pd.DataFrame({"step": [0, 1, 2], "pd": [3.0, 2.0, 1.0], "rd": [np.nan] * 3})
    assert len([a for a in plots.loss_curves(history).axes if a.lines]) == 1
    frame = pd.DataFrame(
        [
            {
                "row": "Pd",
                "column": "STARE",
                "ours": 60.0,
                "low": 55.0,
                "high": 64.0,
                "paper": 82.2,
            },
            {
                "row": "MoCo",
                "column": "STARE",
                "ours": np.nan,
                "low": np.nan,
                "high": np.nan,
                "paper": 76.4,
            },
        ]
    )
    figure = plots.column_dots(frame, columns=["STARE"], rows=["Pd", "MoCo"])
    assert len(figure.axes[0].lines) == 4
    plt.close("all")


def test_spread_has_a_panel_a_method_and_the_line_of_collapse() -> None:
    figure = plots.spread_curves({"BYOL": [0.9, 0.5], "SimSiam": [0.4] * 4}, steps=8, least=0.1)
    drawn = {axes.get_title(loc="left"): axes.lines for axes in figure.axes if axes.lines}
    assert set(drawn) == {"BYOL", "SimSiam"}
    assert drawn["BYOL"][0].get_xdata().tolist() == [4.0, 8.0]
    assert all(set(lines[1].get_ydata()) == {0.1} for lines in drawn.values())
    plt.close("all")


def test_words_in_a_table_wrap() -> None:
    text = plots.small_table([{"a": "x", "b": plots.prose("many words")}]).data
    assert "white-space:normal" in text
    assert "many words" in text


def test_the_methods_that_are_compared_share_a_colour_that_is_not_ours() -> None:
    others = {plots.colour_of(name) for name in ("MoCo", "DenseCL", "Supervised")}
    assert len(others) == 1
    assert others.isdisjoint({plots.colour_of(name) for name in ("Pd", "Rd", "Scratch")})


def test_smooth_keeps_length_and_constants() -> None:
    assert plots.smooth([2.0] * 50).tolist() == [2.0] * 50
