"""What the page of Tables 5 and 6 shows under a profile: gathered once, nothing is run."""

from dataclasses import dataclass

import pandas as pd
from IPython.display import Markdown, display

from ldl import plots
from ldl.engine.profiles import Profile, profile_named
from ldl.engine.store import Record, RunStore
from ldl.experiments import cells, report
from ldl.experiments.shape.rows import COLUMNS, TABLES, guide_config, region_config
from ldl.experiments.shape.scores import MEAN, Row56, all_measured, shape_frame
from ldl.plots.tables import scrolling, styled
from ldl.runs.shape import GuideConfig, PriorName


@dataclass(frozen=True)
class Shown:
    """One of the two tables under a profile."""

    prior: PriorName
    profile: Profile
    rows: dict[str, Row56]
    frame: pd.DataFrame
    guides: tuple[Record, ...]

    @property
    def measured(self) -> bool:
        """Whether there is any number at all."""
        return bool(self.rows)

    @property
    def phantom(self) -> bool:
        """Whether its profile is on phantoms."""
        return self.profile.pretraining.source == "phantom"

    @property
    def kind(self) -> str:
        """For captions."""
        return "phantoms" if self.phantom else "real images"

    @property
    def title(self) -> str:
        """Table 5 or 6, and its masks."""
        return f"Table {TABLES[self.prior][-1]}, {self.prior.upper()}"

    @property
    def records(self) -> list[Record]:
        """Of all rows."""
        return [record for row in self.rows.values() for record in row.records]


def gather(prior: PriorName, profile: str, store: RunStore) -> Shown:
    """The numbers of a table under ``profile`` and the guides behind them."""
    budget = profile_named(profile)
    rows = all_measured(prior, budget, store)
    guides = [store.record(one) for one in guides_of(prior, budget)]
    return Shown(prior, budget, rows, shape_frame(prior, rows), tuple(one for one in guides if one))


def guides_of(prior: PriorName, profile: Profile) -> list[GuideConfig]:
    """The guided clusterings of a table: both discriminators, every seed."""
    return [
        guide_config(prior, profile, seed, judge)
        for judge in (None, "released")
        for seed in profile.shape.seeds
    ]


def show_table(shown: Shown) -> None:
    """The table: ours with interval and seeds, the paper's; how many seeds collapsed."""
    best = cells.best_rows(shown.frame) if shown.measured else set()
    heads = {**{name: name for name in COLUMNS.values()}, MEAN: "Mean"}
    lines = {}
    for key, part in shown.frame.groupby("row", sort=False):
        by_column = part.set_index("column")
        lost = by_column.loc[MEAN, "collapse"]
        lines[cells.row_label(part)] = {
            head: cells.cell_html(by_column.loc[column], (key, column) in best)
            for column, head in heads.items()
        } | {"collapsed": f"<small>{lost}</small>" if lost else "–"}
    wide = pd.DataFrame.from_dict(lines, orient="index", columns=[*heads.values(), "collapsed"])
    caption = (
        f"<b>{shown.title} masks guide the segmentation, {shown.kind}.</b> Each cell: our mean DSC "
        "in percent inside the field of view (bold: the best of our rows in that column), its 95 % "
        "bootstrap interval over test images, the standard deviation over seeds; <i>the paper's "
        "number</i> and ours minus it. Collapsed: of how many seeds the target region is not "
        f"vessel-like, and how. {report.provenance_words(shown.records)}"
    )
    display(scrolling(styled(wide), caption))


def show_seeds(shown: Shown) -> None:
    """Every seed of every row as a mark."""
    if not shown.measured:
        return
    frame = shown.frame[shown.frame["measured"]].copy()
    frame["lost"] = [[bool(one) for one in shown.rows[key].collapses] for key in frame["row"]]
    columns = [*COLUMNS.values(), MEAN]
    figure = plots.seed_strips(frame, columns=columns, titles=[*COLUMNS.values(), "Mean"])
    means = frame[frame["column"] == MEAN]
    ranges = ", ".join(
        f"{line.label} {min(line.by_seed):.1f} to {max(line.by_seed):.1f}"
        for line in means.itertuples()
    )
    plots.show(
        figure,
        caption=f"{shown.title}: every seed, none left out. {shown.kind.capitalize()}, profile "
        f"{shown.profile.name}; a cross is a run whose target region collapsed, a ring the paper's "
        "number, which is one training.",
        alt=f"Mean DSC over the four test sets, from the lowest to the highest seed: {ranges}.",
    )


def floor_words(shown: Shown) -> Markdown:
    """What needs no training at all: to call the whole field of view vessel, set by set."""
    records = shown.records
    if not records:
        return Markdown("Nothing has been scored yet.")
    tests = records[0]["tests"]
    shares = {column: tests[task]["truth_share"] for task, column in COLUMNS.items()}
    floors = {column: 200 * share / (1 + share) for column, share in shares.items()}
    listed = ", ".join(f"{value:.1f} on {column}" for column, value in floors.items())
    low, high = min(shares.values()), max(shares.values())
    floor = sum(floors.values()) / len(floors)
    above = [one for one in shown.rows.values() if float(one.by_seed(MEAN).mean()) > floor]
    return Markdown(
        f"To hold the numbers against: of these test images {100 * low:.1f} to {100 * high:.1f} % "
        "of the field of view is vessel, so that whoever calls all of it vessel has a DSC of about "
        f"{listed}. Of the {len(shown.rows)} rows of {shown.title} that were measured here, "
        f"{len(above) or 'none'} reach{'es' if len(above) == 1 else ''} more than that on average."
    )


def budget_words(profile: Profile) -> Markdown:
    """What a profile trains for Tables 5 and 6, and how its numbers may be read."""
    budget, region = profile.shape, region_config(profile, 0)
    images = budget.images or profile.pretraining
    first = region.step1
    assert first is not None
    tests = (budget.tests or profile.tasks).size
    shared = "" if budget.own_step1 else " (Table 2's encoder, the same for every seed)"
    words = (
        f"Profile {profile.name}: seeds {', '.join(map(str, budget.seeds))}; {first.steps:,} steps "
        f"of Pd+mix{shared}, then {region.steps:,} guided ones with {2 * region.groups} images, at "
        f"{region.crop} of {images.size} pixels, first stage of {region.base} channels (the paper: "
        "16); rates "
        f"{region.learning_rate:g} and {budget.judge_rate:g} (the paper: 0.001 and 0.00005); "
        f"{budget.refine_steps:,} steps of refinement on {_count(budget.refine_images)} images; "
        f"{budget.synthesis_steps:,} steps of translation with generators of "
        f"{budget.synthesis_base} channels and {budget.synthesis_blocks} residual blocks (the "
        f"original: 64 and 9). Test images of {tests} pixels."
    )
    if images.source == "phantom":
        warning = (
            "These numbers are measured on phantoms, images and masks alike. They show that every "
            "row can be computed, and are no evidence for or against the paper, whose numbers "
            "stand beside them only to show what the table is a table of."
        )
    else:
        warning = "These numbers are measured on real images, at a smaller size and budget."
        if profile.name == "paper":
            warning = "These numbers are measured on real images, as published."
    return Markdown(f"{words} {warning}")


def _count(images: int | None) -> str:
    return "all" if images is None else f"{images:,}"
