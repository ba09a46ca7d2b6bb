"""How much of each network's window vectors is the place in the frame, and the search without it.

Our own finding beside Table 7; the paper does not ask.
"""

import numpy as np
from IPython.display import HTML

from ldl.experiments.cells import NOT_YET
from ldl.experiments.localization import ROWS
from ldl.experiments.localization_page import Shown
from ldl.plots.tables import small_table

CENTRED = {"pd+mix": "mix-centred", "pd+mix+ms+cs": "full-centred"}
WITHOUT_TRAINING = ("untrained", "features")


def frame_table(shown: Shown) -> HTML | None:
    """Each network's three shares beside what it finds, with the place and without.

    None where no network was run.
    """
    rows = []
    for row in ROWS:
        if row.key in CENTRED.values() or not any(key == row.key for key, _ in shown.frames):
            continue
        cells = {"row": row.label}
        for column in shown.there:
            cells[column.title] = _cell(shown, row.key, column.key)
        rows.append(cells)
    caption = (
        "The mean squared length of the window vectors, in per cent: common to all windows / "
        "decided by the place / left to the image. Below it the mean accuracy of the search, and "
        "the same with vectors less their place's mean (centred)."
    )
    return small_table(rows, caption=caption) if rows else None


def _cell(shown: Shown, row: str, column: str) -> str:
    shares = shown.frames.get((row, column))
    if shares is None:
        return f"<small>{NOT_YET}</small>"
    parts = " / ".join(f"{100 * shares[name]:.0f}" for name in ("common", "place", "content"))
    words = [f"accuracy {_mean(shown, row, column):.1f}"]
    other = CENTRED.get(row, "")
    if (other, column) in shown.accuracy:
        words.append(f"centred {_mean(shown, other, column):.1f}")
    return "<br>".join([parts, *[f"<small>{each}</small>" for each in words]])


def _mean(shown: Shown, row: str, column: str) -> float:
    return float(np.nanmean(np.nanmean(shown.accuracy[row, column], axis=1)))


def verdict(shown: Shown) -> str:
    """The range of the shares over all trained networks, and whether centring helped, counted."""
    whole = [
        100 * (shares["common"] + shares["place"])
        for (row, _), shares in shown.frames.items()
        if row not in WITHOUT_TRAINING
    ]
    if not whole:
        return f"No trained network was measured here: {NOT_YET}."
    kind = "phantoms" if shown.phantom else "real images"
    return (
        f"On {kind}, what all windows share and what the place decides make up "
        f"{min(whole):.0f} to {max(whole):.0f} % of the squared length of a trained network's "
        f"window vectors. {_remedy(shown)} {_nowhere(shown)}"
    ).strip()


def _remedy(shown: Shown) -> str:
    """Which pairs of rows, with and without the place, gain."""
    labels = {row.key: row.label for row in ROWS}
    pairs = [
        (
            f"{labels[row]}, {column.title}",
            _mean(shown, row, column.key),
            _mean(shown, other, column.key),
        )
        for row, other in CENTRED.items()
        for column in shown.there
        if (row, column.key) in shown.accuracy and (other, column.key) in shown.accuracy
    ]
    if not pairs:
        return ""
    up = [name for name, before, after in pairs if after > before]
    down = [name for name, before, after in pairs if after <= before]
    text = f"Taking the place away raises the mean accuracy in {len(up)} of {len(pairs)} pairs"
    text += f" ({'; '.join(up)})" if up else ""
    text += f" and does not in {len(down)} ({'; '.join(down)})." if down else "."
    return text


def _nowhere(shown: Shown) -> str:
    """In how many columns a centred row is above template matching."""
    rows = [(other, column.key) for other in CENTRED.values() for column in shown.there]
    there = [key for key in rows if key in shown.accuracy and ("ncc", key[1]) in shown.accuracy]
    if not there:
        return ""
    above = sum(_mean(shown, *key) > _mean(shown, "ncc", key[1]) for key in there)
    return f"A centred row is above template matching in {above} of {len(there)}."
