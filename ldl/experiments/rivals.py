"""Ours against the other methods of Table 2, pair by pair and column by column."""

from dataclasses import dataclass

from IPython.display import HTML

from ldl.engine.profiles import Profile, profile_named
from ldl.engine.store import RunStore
from ldl.experiments import claims, contests
from ldl.experiments.cells import NOT_YET, signed
from ldl.experiments.contests import OTHERS, OURS, Lead, label_of
from ldl.experiments.gains import per_image
from ldl.experiments.rows import COMPARED, LDL
from ldl.plots.tables import small_table
from ldl.tasks import TASKS

MODALITY = {"fundus": "fundus", "xray": "X-ray"}


@dataclass(frozen=True)
class Rivals:
    """Table 2 under a profile: scores by row and task, and the finding on every pair."""

    profile: Profile
    scores: contests.Scores
    pairs: tuple[claims.Judged, ...]

    @property
    def at_hand(self) -> tuple[str, ...]:
        """The tasks whose images the profile has."""
        return tuple(key for key in TASKS if key not in self.profile.without)


def gather(profile: str, store: RunStore) -> Rivals:
    """All that is there; nothing is run."""
    budget = profile_named(profile)
    scores = per_image("table2", budget, store)
    pairs = [(claim, claims.judge(claim, budget, scores)) for claim in claims.OVER_OTHERS]
    return Rivals(budget, scores, tuple(pairs))


def pair_table(rivals: Rivals) -> HTML:
    """Each of ours against each other method, in the mean of each modality."""
    rows: dict[str, dict[str, str]] = {key: {"over": label_of(key)} for key in COMPARED}
    for word in MODALITY.values():
        for key in COMPARED:
            for ours in LDL:
                rows[key][f"{label_of(ours)}, {word}"] = "–"
    for claim, finding in rivals.pairs:
        rows[claim.worse][f"{label_of(claim.better)}, {MODALITY[claim.modality]}"] = _pair(finding)
    caption = (
        "Mean over a modality's tasks of the paired difference in DSC, points: ours minus the "
        "method of the row, with its 95 % bootstrap interval, bold where that leaves out 0; "
        "<i>the paper's difference</i> over the same tasks, and their number."
    )
    return small_table([*rows.values()], caption=caption)


def _pair(finding: claims.Finding | None) -> str:
    if finding is None:
        return f"<small>{NOT_YET}</small>"
    gain = signed(finding.gain)
    clear = finding.low > 0 or finding.high < 0
    span = f"{signed(finding.low)} to {signed(finding.high)}"
    return (
        f"{f'<b>{gain}</b>' if clear else gain}<br><small>{span}</small>"
        f"<br><small><i>{signed(finding.paper)}</i>, {finding.tasks} tasks</small>"
    )


def column_table(rivals: Rivals) -> HTML:
    """Who leads in each column: the best of ours, or of all other rows."""
    rows = []
    for key in rivals.at_hand:
        found = contests.lead(OURS, OTHERS, [key], rivals.scores)
        cells = _lead(found) if found else _gap(key, rivals.scores)
        rows.append({"task": TASKS[key].column} | cells)
    caption = (
        "The best of Pd, Pd+mix and Rd against the best of all other rows, points of DSC, with "
        "the 95 % interval from resampled test images, the best chosen anew in each resample; bold "
        "where it leaves out 0."
    )
    return small_table(rows, caption=caption)


def _lead(found: Lead) -> dict[str, str]:
    lead = signed(found.lead)
    return {
        "best of ours": label_of(found.best),
        "best of the others": label_of(found.rival),
        "lead": lead if found.verdict == "undecided" else f"<b>{lead}</b>",
        "95 % interval": f"{signed(found.low)} to {signed(found.high)}",
        "the paper's lead": f"{signed(found.paper)}<br><small>{label_of(found.paper_best)} over "
        f"{label_of(found.paper_rival)}</small>",
    }


def _gap(task: str, scores: contests.Scores) -> dict[str, str]:
    lacking = contests.missing((*OURS, *OTHERS), [task], scores)
    blank = dict.fromkeys(("best of ours", "best of the others", "95 % interval"), "")
    words = f"<small>{NOT_YET}: {len(lacking)} rows</small>"
    paper = contests.printed_lead(OURS, OTHERS, [task])
    return blank | {"lead": words, "the paper's lead": signed(paper)}
