"""Figures carry caption, alternative and the page's ink; the helpers compute what they say."""

import ast
import inspect
import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ldl import plots
from ldl.losses import patch_discrimination
from ldl.plots.show import svg
from ldl.plots.theme import INK, fitting


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


def test_source_drops_docstring_and_checks_only() -> None:
    text = plots.source_text(plots.nearest)
    assert text.startswith("def nearest(")
    assert '"""' not in text
    assert "return order" in text
    whole = inspect.getsource(patch_discrimination)
    shown = plots.source_text(patch_discrimination)
    ast.parse(shown)
    assert "raise" in whole
    assert "check_temperature" in whole
    assert "raise" not in shown
    assert "check_" not in shown
    kept = [line for line in shown.splitlines() if line.strip()]
    assert [line for line in whole.splitlines() if line in kept] == kept


def test_words_in_a_table_wrap() -> None:
    text = plots.small_table([{"a": "x", "b": plots.words("many words")}]).data
    assert "white-space:normal" in text
    assert "many words" in text


def test_empty_headers_are_no_headers() -> None:
    frame = pd.DataFrame([[1.0]], index=pd.Index(["x"]), columns=pd.Index(["a"]))
    for style in (plots.styled(frame), plots.styled(pd.concat({"set": frame}, axis=1))):
        text = plots.scrolling(style).data
        assert not re.search(r"<th[^>]*>(&nbsp;|\s)*</th>", text)
        assert "<td" in text.split("<tbody>")[0]
    assert ">name</th>" in plots.small_table([{"name": "x", "a": 1.0}]).data


def test_a_row_of_one_text_goes_over_all_columns() -> None:
    text = str(plots.small_table(["held", {"name": "x", "a": "y", "b": "z"}]).data)
    assert '<b class="ldl-group">held</b></th>' in text
    assert len(re.findall("colspan=", text)) == len(re.findall('colspan="3"', text)) == 1
    assert len(re.findall("<td", text.split("<tbody>")[1])) == 2


def test_a_table_of_many_columns_says_so_to_the_style_sheet() -> None:
    looks = {n: plots.styled(pd.DataFrame(np.zeros((1, n)))).to_html() for n in (4, 5, 6)}
    assert 'class="ldl-table"' in looks[4]
    assert 'class="ldl-table ldl-slim"' in looks[5]
    assert 'class="ldl-table ldl-slim ldl-wide"' in looks[6]


def test_what_fits_a_width_is_drawn_for_page_and_phone() -> None:
    widths: list[float] = []

    @fitting
    def draw(*, page: float = plots.PAGE) -> plt.Figure:
        widths.append(page)
        with plots.theme():
            return plt.figure(figsize=(page, 1))

    before = plt.get_fignums()
    text = plots.figure_html(draw(), "caption", "alternative")
    assert widths == [plots.PAGE, plots.PHONE]
    assert text.count('aria-label="alternative"') == 2
    assert "display:none" in text
    assert len(plt.get_fignums()) == len(before) + 1, "the second drawing is closed"
    assert "ldl-phone" not in plots.figure_html(draw(page=3.0), "caption", "alternative")
    assert "ldl-phone" not in plots.figure_html(_figure(), "caption", "alternative")


def test_letters_have_nine_points_at_the_least_width() -> None:
    """A figure shrinks to nine tenths and no further; every letter is drawn with ten points."""
    rows = [[np.zeros((3, 4, 4))] * 2]
    text = svg(plots.image_grid(rows, titles=["a", "b"], captions=[["c", "d"]]), "x")
    sizes = [float(one) for one in re.findall(r"font[^;\"]*?([\d.]+)px", text)]
    assert len(sizes) >= 4
    assert min(sizes) >= 10, "in a box of points"
    wide = float(re.search(r"max-width:(\d+)px", text)[1])
    least = float(re.search(r"min-width:(\d+)px", text)[1])
    assert least >= 0.9 * wide - 1
