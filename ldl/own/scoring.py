"""How good a segmenter is on images that it never saw, a line an image and class, and in words."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from PIL import Image
from tqdm.auto import tqdm

from ldl.data.ct.volume import read_ct
from ldl.data.pairs import Case, Labelled
from ldl.data.readers.medical import pixel_spacing
from ldl.metrics import dsc, hausdorff95
from ldl.own.card import SHOWN
from ldl.own.segmenting import Segmenter
from ldl.paths import shown
from ldl.plots.images import image_grid, overlay, overlay_legend
from ldl.stats import Paired, bootstrap_interval, paired

COLUMNS = ("image", "subject", "class", "dsc", "hd95_mm", "dsc_from_scratch")
LEAST = 4  # test subjects, below which no verdict is given
LITTLE = 0.02  # of DSC: an interval within it says that it makes no difference to speak of


def scored(
    tests: Sequence[tuple[Sequence[Segmenter], Labelled]], pixel_size: float | None, progress: bool
) -> tuple[pd.DataFrame, Figure]:
    """A line a test image and class, at the files' own size, and a few images as a figure.

    Args:
        tests: the segmenter that is asked about, and where it is compared the one from scratch,
            with whose test images they are scored on.
        pixel_size: mm, where the files do not say it.
        progress: show a bar.

    Returns:
        Columns as `COLUMNS`: dsc in 0..1; hd95_mm is nan where no pixel size is known or nothing is
        found; dsc_from_scratch is nan without a comparison.
    """
    rows: list[tuple[object, ...]] = []
    pictures: list[np.ndarray] = []
    asked = [(each, data, name) for each, data in tests for name in data.names("test")]
    for segmenters, data, name in tqdm(asked, desc="test", unit="image", disable=not progress):
        cases = list(data.cases(name))
        truth = np.stack([one.planes for one in cases], axis=1)  # (K, D, H, W)
        found = [np.stack([s.planes(one.picture) for one in cases], axis=1) for s in segmenters]
        spacing = _spacing(data, name, pixel_size)
        for k, label in enumerate(data.classes):
            marks = [float(dsc(one[k][None], truth[k][None])[0]) for one in found]
            far = _distance(found[0][k], truth[k], spacing)
            scratch = marks[1] if len(marks) > 1 else np.nan
            rows.append((name, data.subjects[name], label, marks[0], far, scratch))
        if len(pictures) < SHOWN:
            at = int(truth.any(axis=0).sum(axis=(1, 2)).argmax())
            pictures.append(_overlay(cases[at], found[0][:, at]))
    figure = image_grid([pictures[:4], pictures[4:]] if len(pictures) > 4 else [pictures])
    overlay_legend(figure)
    return pd.DataFrame(rows, columns=list(COLUMNS)), figure


def _overlay(case: Case, found: np.ndarray) -> np.ndarray:
    """A square of agreement, misses and false alarms, (3, S, S)."""
    box, size = case.picture.box, case.picture.size

    def square(planes: np.ndarray) -> np.ndarray:
        mask = np.asarray(planes.any(axis=0))[box.top : box.bottom, box.left : box.right]
        return np.asarray(Image.fromarray(mask).resize((size, size), Image.Resampling.NEAREST))

    drawn = overlay(case.picture.square, square(case.planes), square(found), strength=0.5)
    return np.moveaxis(drawn, -1, 0)


def _spacing(data: Labelled, name: str, given: float | None) -> tuple[float, ...] | None:
    path = data.pairs.images / name
    if data.modality == "ct":
        return read_ct(name, path, None, {}).spacing
    return (given, given) if given else pixel_spacing(path)


def _distance(found: np.ndarray, truth: np.ndarray, spacing: tuple[float, ...] | None) -> float:
    if spacing is None or not found.any() or not truth.any():
        return np.nan
    if len(spacing) == 2:
        found, truth = found[0], truth[0]
    return hausdorff95(found, truth, spacing)  # type: ignore[arg-type]


def by_subject(scores: pd.DataFrame, column: str = "dsc") -> list[float]:
    """Means over each subject's images and classes."""
    found: list[float] = scores.groupby("subject")[column].mean().tolist()
    return found


def interval(scores: pd.DataFrame) -> tuple[float, float, float]:
    """Mean DSC over subjects and its bootstrap interval."""
    values = by_subject(scores)
    return float(np.mean(values)), *bootstrap_interval(values)


def against(scores: pd.DataFrame) -> Paired:
    """The same over the training from scratch, subject by subject."""
    return paired(by_subject(scores), by_subject(scores, "dsc_from_scratch"))


def summary(scores: pd.DataFrame, within: tuple[float, float, float], folds: int = 1) -> str:
    """What came out, in one line."""
    mean, low, high = (100 * one for one in within)
    subjects, images = scores["subject"].nunique(), scores["image"].nunique()
    known = scores["hd95_mm"].dropna()
    far = f", HD95 {known.mean():.1f} mm" if len(known) else ""
    reach = f" ({low:.1f} to {high:.1f})" if subjects > 1 else ""
    return (
        f"overlap with the masks (DSC) {mean:.1f} %{reach}{far} on {images} "
        f"test image{'s' if images > 1 else ''} of {subjects} subject{'s' if subjects > 1 else ''}"
        + (
            f", each by the one of {folds} networks that never saw it; the first is the model"
            if folds > 1
            else ""
        )
    )


def answer(one: Paired, steps: int, hint: str) -> str:
    """Whether pretraining helped, in one line; with ``hint`` where it cannot be told."""
    verdict = one.verdict if one.n >= LEAST else "undecided"
    word = {"higher": "Yes", "lower": "No, it did harm", "undecided": "Cannot be told"}[verdict]
    if verdict == "undecided" and one.n >= LEAST and one.low > -LITTLE and one.high < LITTLE:
        verdict, word = "little", f"Little difference, below {100 * LITTLE:.0f} points either way"
    reach = f"95 % interval {100 * one.low:+.1f} to {100 * one.high:+.1f}, " if one.n > 1 else ""
    more = f"; {hint}" if verdict == "undecided" else ""
    return (
        f"Did pretraining help here? {word}: {100 * one.difference:+.1f} points of DSC over the "
        f"same training from scratch ({reach}{one.n} test subject{'s' if one.n > 1 else ''} in "
        f"pairs, {steps} updates each, one seed){more}"
    )


def lines(scores: pd.DataFrame, most: int = 12) -> list[str]:
    """A line a test image, where they are few."""
    found = []
    for name, each in scores.groupby("image", sort=False):
        pairs = zip(each["class"], each["dsc"], strict=True)
        words = ", ".join(f"{label} {100 * mark:.1f} %" for label, mark in pairs)
        found.append(f"  {shown(str(name))}: DSC {words}")
    more = [f"  ... and {len(found) - most} more"] if len(found) > most else []
    return found[:most] + more
