"""Has the target region collapsed? What the page of Tables 5 and 6 shows of the watch."""

from IPython.display import HTML, Markdown

from ldl import plots
from ldl.engine.store import Record
from ldl.experiments.shape.pages import Shown
from ldl.metrics_shape import words as collapse_words
from ldl.plots.tables import prose, small_table

MEANING = {
    "": "vessel-like",
    "empty": "less than 1 % of the field of view",
    "full": "more than half of it",
    "blob": "wider than twice the reference masks",
    "speckle": "in pieces shorter than a quarter of theirs",
    "fixed": "the same region for different images",
}


def meanings() -> Markdown:
    """What the watch calls a collapse."""
    lines = [f"- **{name}**: {text}" for name, text in MEANING.items() if name]
    return Markdown("\n".join(lines))


def watch_table(shown: Shown) -> HTML | Markdown:
    """What the target regions look like, one line a guide, beside the reference masks."""
    if not shown.guides:
        return Markdown("No guide has been trained yet.")
    lines = [_watched(record) for record in shown.guides]
    caption = (
        f"The target region of held-out images at the end of the training ({shown.kind}): its "
        "share of the field of view; its width and the length of its pieces in pixels, over the "
        "reference masks'; how alike the regions of different images are (DSC, 1: the image does "
        f"not matter). {collapse_words([r['collapse'] for r in shown.guides])} collapsed."
    )
    return small_table(lines, caption=caption)


def _watched(record: Record) -> dict[str, str]:
    found, reference = record["shape"], record["reference"]
    config = record["config"]
    return {
        "guide": f"{config.get('judge', 'paper')} d, seed {config['region']['seed']}",
        "share": f"{100 * found['share']:.1f} %",
        "width": _over(found["width"], reference["width"]),
        "piece": _over(found["piece"], reference["piece"]),
        "alike": "–" if found["alike"] is None else f"{found['alike']:.2f}",
        "verdict": prose(record["collapse"] or "vessel-like"),
    }


def _over(value: float | None, reference: float | None) -> str:
    return "–" if value is None else f"{value:.1f} / {reference:.1f}"


def show_watch(shown: Shown, titles: dict[str, str]) -> None:
    """Curves of what was watched while the guides trained, one line a seed."""
    found = [record for record in shown.guides if "watch" in record]
    if not found:
        return
    figure = plots.watch_curves(
        {
            title: {
                _name(record): (record["losses"]["step"], record["watch"][name]) for record in found
            }
            for name, title in titles.items()
        }
    )
    ends = ", ".join(
        f"{_name(record)}: share {record['watch']['share'][-1]:.2f}" for record in found
    )
    plots.show(
        figure,
        caption=f"{shown.title}: what is watched while f, g and d train against each other "
        f"({shown.kind}, profile {shown.profile.name}; means of at most 100 bins). An even game "
        "ends with both beliefs near one half.",
        alt=f"Curves over the steps; at the end {ends}.",
    )


def _name(record: Record) -> str:
    config = record["config"]
    return f"{config.get('judge', 'paper')} d, seed {config['region']['seed']}"
