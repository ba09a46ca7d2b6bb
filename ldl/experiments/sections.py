"""A comparison method's part of a page: what it does, what was changed for our scale, its end."""

from IPython.display import Markdown, display

from ldl.engine.store import RunStore
from ldl.errors import ConfigError
from ldl.experiments import family
from ldl.experiments.cells import NOT_YET
from ldl.experiments.encoder_configs import config_of
from ldl.experiments.rows import has, table_named
from ldl.experiments.verdicts import collapsed, last_spread
from ldl.methods import COMPARISONS
from ldl.tasks import TASKS

MODALITY = {"fundus": "fundus", "xray": "X-ray"}


def section(key: str, profiles: tuple[str, ...], store: RunStore) -> None:
    """Show the section of one method of Table 2, all of it from its class and its records.

    Args:
        key: its name in commands.
        profiles: whose values and records are shown beside the original's.
        store: where the records are.

    Raises:
        ConfigError: no comparison method.
    """
    if key not in COMPARISONS:
        raise ConfigError(f"{key!r} is no comparison method; use one of {', '.join(COMPARISONS)}")
    member = next(each for each in family.members() if each.key == key)
    facts = {
        "compares": member.level,
        "beside the encoder": member.parts,
        "labels": "needed" if member.labels else "none",
        "the original": member.paper,
    }
    words = "; ".join(f"{name}: {value}" for name, value in facts.items())
    display(Markdown(f"*{member.idea}* ({words}.)\n\n{family.said(COMPARISONS[key])}"))
    display(Markdown(f"{changes(key, profiles)}\n\n{endings(key, profiles, store)}"))


def changes(key: str, profiles: tuple[str, ...]) -> str:
    """The hyperparameters that are not the original's, with the reasons, as a list."""
    found = family.changes(key, profiles)
    if not found:
        return "Hyperparameters: all as the original's."
    lines = [
        f"- `{change.knob}`: {change.original} in the original, "
        + ", ".join(f"{value} in {name}" for name, value in zip(profiles, change.ours, strict=True))
        + f"; {change.why}"
        for change in found
    ]
    return "\n".join(["Hyperparameters that are not the original's:", "", *lines])


def endings(key: str, profiles: tuple[str, ...], store: RunStore) -> str:
    """How the pretrainings ended: whether outputs collapsed, and how many images are found."""
    parts = []
    row = next(row for row in table_named("table2").rows if row.key == key)
    for name in profiles:
        for modality, word in MODALITY.items():
            if not any(task.modality == modality and has(row, t) for t, task in TASKS.items()):
                continue
            record = store.record(config_of(key, modality, name))  # type: ignore[arg-type]
            if record is None:
                parts.append(f"{name}, {word}: {NOT_YET}")
                continue
            spread = last_spread(record)
            state = "collapsed" if collapsed(record) else "not collapsed"
            parts.append(
                f"{name}, {word}: spread {spread:.2f}, {state}, "
                f"{100 * record['retrieval']:.0f} % of {record['retrieval_among']} images found "
                f"({100 * record['retrieval_before']:.0f} % before)"
            )
    return f"Where it ended: {'; '.join(parts)}."
