"""Panels in reading order: none too many, labels where the eye looks for them."""

from matplotlib.lines import Line2D

from ldl.plots.panels import column_panels


def test_five_columns_are_four_and_one() -> None:
    drawn: list[int] = []
    figure = column_panels(
        lambda axes, number: drawn.append(number),
        titles=list("abcde"),
        rows=["top", "bottom"],
        xlabel="%",
        legend=lambda: [Line2D([], [], label="a mark")],
        panel=(2.0, 1.5),
        margin=(1.0, 0.5),
    )
    assert drawn == [0, 1, 2, 3, 4]
    assert tuple(figure.get_size_inches()) == (9.0, 3.5)
    shown = [axes for axes in figure.axes if axes.axison]
    assert [axes.get_title(loc="left") for axes in shown] == list("abcde")
    # Nothing is below b, c and d, so they are lowest too.
    assert [axes.get_xlabel() for axes in shown] == ["", "%", "%", "%", "%"]
    assert [tick.get_text() for tick in shown[0].get_yticklabels()] == ["top", "bottom"]
    low, high = shown[0].get_ylim()
    assert low > high, "the first row is at the top"
