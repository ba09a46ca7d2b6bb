"""The paper's claims about all rows of Table 2 together, beside what the records say."""

from IPython.display import HTML

from ldl.experiments import claims, contests
from ldl.experiments.cells import NOT_YET, signed
from ldl.experiments.contests import OTHERS, OURS, label_of
from ldl.experiments.rivals import MODALITY, Rivals
from ldl.experiments.rows import COMPARED
from ldl.plots.tables import prose, small_table
from ldl.tables.published import published
from ldl.tasks import TASKS


def statements(rivals: Rivals) -> HTML:
    """The claims of section 6.1.3 about all rows together, and what the records say."""
    rows = [_wins(rivals), _pairs(rivals)]
    for modality, word in MODALITY.items():
        tasks = tuple(key for key in rivals.at_hand if TASKS[key].modality == modality)
        rows += [_best(word, tasks, rivals.scores), _best_of_others(word, tasks, rivals.scores)]
    caption = (
        "What the paper's Table 2 says of all rows together. Leads are points of mean DSC with "
        "their 95 % interval; nothing is said while a row is missing."
    )
    return small_table(rows, caption=caption)


def _wins(rivals: Rivals) -> dict[str, str]:
    printed = published("table2").set_index("encoder")
    columns = [task.column for task in TASKS.values()]
    winners = printed[columns].idxmax()
    names = [label_of(row) for row in OURS]
    leads = [contests.lead(OURS, OTHERS, [key], rivals.scores) for key in rivals.at_hand]
    there = [each for each in leads if each]
    words = NOT_YET
    if there:
        ahead = sum(each.lead > 0 for each in there)
        clear = sum(each.verdict == "ahead" for each in there)
        behind = sum(each.verdict == "behind" for each in there)
        words = (
            f"{ahead} of {len(there)}, {clear} clear of 0; another row clearly ahead in {behind}"
        )
        lacking = len(leads) - len(there)
        words += f"; {lacking} {NOT_YET}" if lacking else ""
    return {
        "the paper's claim": "tasks that one of Pd, Pd+mix and Rd wins",
        "the paper": f"{int(winners.isin(names).sum())} of {len(columns)}",
        "here": prose(words),
    }


def _pairs(rivals: Rivals) -> dict[str, str]:
    counts = claims.counted(rivals.pairs)
    return {
        "the paper's claim": f"each of ours is better than each other method, in both means "
        f"({len(claims.OVER_OTHERS)} pairs)",
        "the paper": f"{_printed_pairs()} of {len(claims.OVER_OTHERS)}",
        "here": prose("; ".join(f"{number} {word}" for word, number in counts.items() if number)),
    }


def _printed_pairs() -> int:
    printed = published("table2").set_index("encoder")
    mean = {"fundus": "fundus_mean", "xray": "xray_mean"}
    return sum(
        printed.loc[label_of(claim.better), mean[claim.modality]]
        > printed.loc[label_of(claim.worse), mean[claim.modality]]
        for claim in claims.OVER_OTHERS
    )


def _best(word: str, tasks: tuple[str, ...], scores: contests.Scores) -> dict[str, str]:
    return _statement(
        f"the best of ours is the best of all, {word} mean", OURS, OTHERS, tasks, scores
    )


def _best_of_others(word: str, tasks: tuple[str, ...], scores: contests.Scores) -> dict[str, str]:
    favourite = contests.favourite(tuple(COMPARED), tasks)
    rest = tuple(row for row in COMPARED if row != favourite)
    text = f"{label_of(favourite)} is the best of the other methods, {word} mean"
    return _statement(text, (favourite,), rest, tasks, scores)


def _statement(
    text: str,
    mine: tuple[str, ...],
    others: tuple[str, ...],
    tasks: tuple[str, ...],
    scores: contests.Scores,
) -> dict[str, str]:
    found = contests.lead(mine, others, tasks, scores)
    cells = {"the paper's claim": text}
    if found is None:
        lacking = contests.missing((*mine, *others), tasks, scores)
        names = prose(f"{NOT_YET}: {', '.join(label_of(row) for row in lacking)}")
        paper = contests.printed_lead(mine, others, tasks)
        return cells | {"the paper": signed(paper), "here": names}
    words = {"ahead": "reproduces", "behind": "opposite", "undecided": "undecided"}[found.verdict]
    return cells | {
        "the paper": f"{signed(found.paper)}<br><small>{label_of(found.paper_best)} over "
        f"{label_of(found.paper_rival)}</small>",
        "here": f"{words}: {signed(found.lead)} ({signed(found.low)} to {signed(found.high)})<br>"
        f"<small>{label_of(found.best)} over {label_of(found.rival)}</small>",
    }
