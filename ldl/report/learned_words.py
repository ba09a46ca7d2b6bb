"""What the comparison methods learn on phantoms, in words and tables."""

from collections.abc import Iterable

import numpy as np
from IPython.display import HTML

from ldl.methods import COMPARISONS
from ldl.plots.tables import small_table
from ldl.report.asked import ASKED, QUESTIONS, probed_config
from ldl.report.learned import Beats, Finding, Learned, student_interval
from ldl.report.networks import title_of

_SAID: dict[Beats, str] = {
    "yes": "beat their own start, with both intervals above 0",
    "not beyond doubt": "gain in the mean, with an interval that holds 0",
    "no": "do not beat their start",
}


def _range(limits: tuple[float, float]) -> str:
    return " to ".join(f"{limit:+.3f}".replace("-", "−") for limit in limits)


def _mean(values: Iterable[float], form: str = ".3f") -> str:
    return f"{np.mean([*values]):{form}}".replace("-", "−")


def _losses(one: Finding) -> list[str]:
    return [_mean(values, ".2f") for values in zip(*one.losses, strict=True)]


def _names(methods: Iterable[str]) -> str:
    return ", ".join(title_of(method) for method in methods) or "none"


def questions() -> str:
    """Each question with who is asked it and why, as a Markdown list."""
    lines = []
    for key, question in QUESTIONS.items():
        reasons = dict.fromkeys(why for asked, why in ASKED.values() if asked == key)
        whom = "; ".join(
            f"{_names(m for m, asked in ASKED.items() if asked == (key, why))}: {why}"
            for why in reasons
        )
        lines.append(f"- **{question.title.capitalize()}**: {question.words}. {whom}.")
    return "\n".join(lines)


def page_table(found: Learned) -> HTML:
    """A row a method, for a page."""
    rows = [
        {
            "method": f"{title_of(one.method)}<br>"
            f"<span style='font-weight:400'>{QUESTIONS[one.question].title}</span>",
            "gain": f"<b>{_mean(one.gains, '+.3f')}</b><br>"
            f"<small>{_range(student_interval(one.gains))}</small><br>"
            f"<small>{_range(one.over_images)}</small>",
            "beats its start": one.beats.replace("not beyond", "not beyond<br>"),
            "start → trained": f"{_mean(one.start)} → {_mean(one.trained)}",
            "over start, normalised": _mean(one.gains_over_measured, "+.3f"),
            "loss": " → ".join(_losses(one)),
        }
        for one in found.findings
    ]
    return small_table(
        rows,
        caption=f"Means over {len(found.seeds)} seeds. Below each gain its 95 % intervals: by "
        "Student's t over seeds, by bootstrap over eyes. Over start, normalised: gain over the "
        "same start whose batch normalisations have seen the training images once. Loss: mean over "
        "steps 1 to 10, 41 to 50 and the last ten.",
    )


def markdown(found: Learned) -> str:
    """Table, outcome and provenance for a README."""
    head = (
        "method", "asked", "start", "trained", "gain", "95 % over seeds", "95 % over eyes",
        "beats", "gain over start, normalised", "loss, steps 1-10", "41-50", "last ten",
    )  # fmt: skip
    lines = [head, ["---"] * len(head)]
    for one in found.findings:
        lines.append(
            [
                title_of(one.method),
                QUESTIONS[one.question].title,
                _mean(one.start),
                _mean(one.trained),
                _mean(one.gains, "+.3f"),
                _range(student_interval(one.gains)),
                _range(one.over_images),
                one.beats,
                _mean(one.gains_over_measured, "+.3f"),
                *_losses(one),
            ]
        )
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join(["", measured_with(found), table, *outcome(found), ""]).lstrip("\n") + "\n"


def outcome(found: Learned) -> list[str]:
    """What the numbers say, a paragraph each."""
    total = len(found.findings)
    groups = {
        beats: [one.method for one in found.findings if one.beats == beats] for beats in _SAID
    }
    parts = [
        f"{len(methods)} of {total} {words} ({_names(methods)})"
        for (beats, words) in _SAID.items()
        if (methods := groups[beats])
    ]
    lines = [f"After {found.steps} steps {'; '.join(parts)}.{_missing(found)}"]
    steady = [one.method for one in found.findings if min(one.gains) > 0 and one.beats != "yes"]
    if steady:
        lines.append(
            f"{len(found.seeds)} seeds make wide intervals: {_names(steady)} gain in every seed."
        )
    return [*lines, *_over_measured(found), _falls(found)]


def _over_measured(found: Learned) -> list[str]:
    winners = [one for one in found.findings if one.beats == "yes"]
    if not winners:
        return []
    owed = [one.method for one in winners if student_interval(one.gains_over_measured)[0] <= 0]
    rival = "a start whose batch normalisations have seen the training images once"
    if not owed:
        return [f"All that beat their start also beat {rival}, clear of 0 over seeds."]
    words = f"Of those that beat their start, not all also beat {rival}, clear of 0 over seeds"
    return [f"{words}: not {_names(owed)}."]


def _missing(found: Learned) -> str:
    lacking = [method for method in ASKED if method not in {one.method for one in found.findings}]
    return f" Not measured: {_names(lacking)}." if lacking else ""


def _falls(found: Learned) -> str:
    risen = [one for one in found.findings if not one.lowered]
    words = (
        f"50 steps lower the loss of {len(found.findings) - len(risen)} of {len(found.findings)} "
        "methods in every seed (steps 41 to 50 against the first ten)"
    )
    if not risen:
        return f"{words}."
    queued = [one.method for one in risen if "queue" in COMPARISONS[one.method].Knobs.model_fields]
    why = (
        f" {_names(queued)} {'has' if len(queued) == 1 else 'have'} a queue, which begins with "
        "random keys that are told apart at once, so the loss starts low and rises as it fills."
        if queued
        else ""
    )
    return f"{words}; not of {_names(one.method for one in risen)}.{why}"


def _commits(found: list[str]) -> str:
    """A run of hours spans commits; whether the code was the same says its hash."""
    if len(found) == 1:
        return f"commit {found[0]}"
    return f"commits {found[0]} to {found[-1]}, {len(found)} of them, with equal code for this"


def measured_with(found: Learned) -> str:
    """On what, with what and when."""
    made, config = found.provenance, probed_config("moco", 0)
    stale = [one.method for one in found.findings if not one.fresh]
    return (
        f"Phantoms; sizes of profile demo: {config.steps} steps of {config.batch} views of "
        f"{config.crop} pixels, base {config.base}, rate {config.learning_rate:g}; "
        f"{found.eyes} eyes that no training has seen; seeds {', '.join(map(str, found.seeds))}. "
        f"{made['device']}, Python {made['python']}, torch {made['versions']['torch']}, "
        f"{made['first'][:10]}, {_commits(made['commits'])}"
        f"{' with changes' if made['modified'] else ''}."
        + (f" Measured with older code: {_names(stale)}." if stale else "")
    )
