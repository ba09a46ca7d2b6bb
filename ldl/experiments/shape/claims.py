"""What the paper says of Tables 5 and 6 (section 6.2.2), computed from both tables."""

from dataclasses import dataclass

import numpy as np
from IPython.display import HTML

from ldl.experiments.cells import NOT_YET, signed
from ldl.experiments.shape.rows import COLUMNS, ROWS, TABLES
from ldl.experiments.shape.scores import MEAN, Row56
from ldl.plots.tables import prose, small_table
from ldl.runs.shape import PriorName
from ldl.stats import bootstrap_interval
from ldl.tables.published import published


@dataclass(frozen=True)
class Claim:
    """One row is better than another; ``says`` is the paper's sentence in short."""

    better: str
    worse: str
    says: str


CLAIMS = (
    Claim("refine_uncer", "cyclegan", "ours outperforms CycleGAN"),
    Claim("refine_uncer", "synseg", "ours outperforms SynSeg"),
    Claim("out_clu", "out_ori", "refinement by clustering helps"),
    Claim("refine_uncer", "out_clu", "retraining with uncertainty helps further"),
    Claim("refine_uncer", "refine", "the uncertainty, not the retraining alone, helps"),
)
# Ours: what the tables could not say.
ABLATIONS = (
    Claim("released_ori", "out_ori", "the release's discriminator in place of the paper's, OutOri"),
    Claim("released_clu", "out_clu", "the same, OutClu"),
    Claim("refine_confident", "refine_uncer", "certain pixels count more, not uncertain ones"),
    Claim("refine_confident", "refine", "certain pixels count more, against all alike"),
)


@dataclass(frozen=True)
class Lead:
    """Mean DSC of one row minus another's, in points, by seed, with an interval over images."""

    by_seed: np.ndarray
    low: float
    high: float

    @property
    def value(self) -> float:
        """Over seeds and images."""
        return float(self.by_seed.mean())

    @property
    def verdict(self) -> str:
        """Whether the interval leaves out 0, and all seeds agree."""
        if self.low > 0 and (self.by_seed > 0).all():
            return "ahead"
        return "behind" if self.high < 0 and (self.by_seed < 0).all() else "undecided"


def lead(better: Row56, worse: Row56) -> Lead:
    """The paired difference of two rows, over the four test sets alike."""
    parts = [better.scores[column] - worse.scores[column] for column in COLUMNS.values()]
    by_seed = np.mean([part.mean(axis=1) for part in parts], axis=0)
    bounds = [(part.mean(), *bootstrap_interval(part.mean(axis=0))) for part in parts]
    below = float(np.linalg.norm([mean - low for mean, low, _ in bounds])) / len(parts)
    above = float(np.linalg.norm([high - mean for mean, _, high in bounds])) / len(parts)
    return Lead(by_seed, float(by_seed.mean()) - below, float(by_seed.mean()) + above)


def printed_lead(claim: Claim, prior: PriorName) -> tuple[float, int] | None:
    """The paper's difference of means, and in how many of its four columns it is above 0."""
    names = {row.key: row.published for row in ROWS}
    if not names[claim.better] or not names[claim.worse]:
        return None
    printed = published(TABLES[prior]).set_index("method")
    gap = printed.loc[names[claim.better]] - printed.loc[names[claim.worse]]
    return float(gap["mean"]), int((gap[list(COLUMNS.values())] > 0).sum())


def claim_table(
    claims: tuple[Claim, ...], prior: PriorName, rows: dict[str, Row56], *, phantom: bool
) -> HTML:
    """Each claim: the paper's difference beside ours.

    There is no verdict on phantoms, nor between two rows whose runs have all collapsed.
    """
    kind = "phantoms, which are no evidence about the paper" if phantom else "real images"
    caption = (
        f"Differences of the mean DSC over the four test sets, in points, guided by "
        f"{prior.upper()} masks; ours on {kind}: mean over seeds, its 95 % interval over test "
        "images, and in how many seeds it is above 0."
    )
    return small_table([_told(claim, prior, rows, phantom) for claim in claims], caption=caption)


def _told(claim: Claim, prior: PriorName, rows: dict[str, Row56], phantom: bool) -> dict[str, str]:
    labels = {row.key: row.label for row in ROWS}
    pair = f"{labels[claim.better]} − {labels[claim.worse]}"
    cells = {"": prose(f"{claim.says}<br><small>{pair}</small>")}
    printed = printed_lead(claim, prior)
    cells["the paper"] = (
        f"{signed(printed[0])}<br><small>{printed[1]} of {len(COLUMNS)} sets</small>"
        if printed
        else "–"
    )
    if claim.better not in rows or claim.worse not in rows:
        return cells | {"here": NOT_YET}
    found = lead(rows[claim.better], rows[claim.worse])
    above = int((found.by_seed > 0).sum())
    text = (
        f"{signed(found.value)} ({signed(found.low)} to {signed(found.high)})"
        f"<br><small>{above} of {len(found.by_seed)} seeds</small>"
    )
    word = "" if phantom or not printed else _verdict(found, printed[0])
    if word and all(rows[claim.better].collapses) and all(rows[claim.worse].collapses):
        word = "no verdict, every run of both collapsed: "
    return cells | {"here": f"{word}{text}"}


def _verdict(found: Lead, printed: float) -> str:
    if found.verdict == "undecided":
        return "undecided: "
    same = (found.verdict == "ahead") == (printed > 0)
    return "reproduces: " if same else "opposite: "


def spread_words(rows: dict[str, Row56]) -> str:
    """How far apart the seeds of the guided rows are, in a sentence."""
    found = {key: rows[key].by_seed(MEAN) for key in ("out_ori", "out_clu") if key in rows}
    if not found:
        return ""
    parts = [
        f"{next(r.label for r in ROWS if r.key == key)} from {values.min():.1f} to "
        f"{values.max():.1f}"
        for key, values in found.items()
    ]
    return f"From seed to seed the mean DSC varies: {', '.join(parts)}."
