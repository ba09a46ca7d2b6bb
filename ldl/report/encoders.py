"""The encoders behind a table: what they find again on held-out images, and was that enough?"""

from IPython.display import HTML

from ldl.engine.store import Record
from ldl.methods import METHODS
from ldl.metrics import LARGEST_LATE_GAIN, LEAST_GAIN
from ldl.plots.show import small_table
from ldl.report.render import MARK, folded
from ldl.report.words import provenance
from ldl.tables.measure import Shown
from ldl.train.comparison import LEAST_SPREAD

# What a row may choose otherwise than the release: field, value, its name.
_CHOSEN = {
    "formulation": ("paper", "losses as printed"),
    "symmetries": ("dihedral", "all symmetries"),
    "border": ("replicate", "replicated borders"),
    "statistics": ("unmixed", "unmixed statistics"),
    "scale": ("native", "windows"),
}
MODALITY = {"fundus": "fundus", "xray": "X-ray", "ct": "CT"}


def encoders_table(shown: Shown) -> HTML:
    """What the encoders behind a table find again before and after their training, folded away."""
    found = [record for record in shown.encoders if "retrieval" in record]
    if not found:
        return HTML("")
    rows = [
        {
            "encoder": _name(record),
            "found (%)": " → ".join(f"{100 * share:.0f}" for share in _asked(record)),
            "among": "grades" if "named" in record else record["retrieval_among"],
            "own loss": " → ".join(f"{one:.2f}" for one in record.get("own", ())) or "–",
            "late fall (%)": f"{100 * record['late_gain']:.1f}" if record.get("late_gain") else "–",
            "far enough": "yes" if record.get("trained", True) else f"no {MARK}",
        }
        for record in found
    ]
    caption = (
        "Share of held-out patches (LDL), regions (LRC) or whole images (the other methods) whose "
        "nearest neighbour in another view is their own, before → after training; "
        f"{_NAMED if any('named' in record for record in found) else ''}late fall: share "
        f"of the loss's fall in the last fifth of the steps. {MARK} less than "
        f"{100 * LEAST_GAIN:.0f} points gained, or more than {100 * LARGEST_LATE_GAIN:.0f} % late. "
        f"{_OWN if any('own' in record for record in found) else ''}{provenance(found)}"
    )
    return folded("The encoders behind the rows", small_table(rows, caption=caption))


def _asked(record: Record) -> tuple[float, float]:
    """The share that is found before and after, of labels where a method learns those."""
    named: tuple[float, float] = record.get(
        "named", (record["retrieval_before"], record["retrieval"])
    )
    return named


_NAMED = (
    "Supervised: share of held-out grades that a linear read-out of its features names right, all "
    "grades weighing alike; "
)
_OWN = (
    "Own loss: the method's, on held-out slices, with its head trained anew on the frozen network "
    f"at random → trained; where it was measured, a fall of {100 * LEAST_GAIN:.0f} % stands for "
    "the points gained. "
)


def last_spread(record: Record) -> float | None:
    """The spread of a comparison method's outputs at the end; None where there is no output."""
    spread = record.get("spread")
    return float(spread[-1]) if spread else None


def _name(record: Record) -> str:
    config = record["config"]
    end = f"width {config['base']}, seed {config['seed']}"
    if "samples" in config:  # LRC's local branch
        number = f"N = {config['samples']}" if config["samples"] else "all pixels"
        return f"LRC, {number}, {end}"
    parts = [record.get("title", config["method"]), MODALITY[config["modality"]]]
    if config.get("backbone") == "unet":  # the second network of LRC's Table 2
        parts.append("U-Net")
    if config.get("patch_grid", 8) != 8:
        parts.append(f"{config['patch_grid']}×{config['patch_grid']}")
    if config.get("clusters", 16) not in (0, 16):
        parts.append(f"C = {config['clusters']}")
    parts += [name for field, (value, name) in _CHOSEN.items() if config.get(field) == value]
    return ", ".join([*parts, end])


def verdict(record: Record) -> str:
    """The numbers that tell whether a pretraining was long enough, and whether they suffice."""
    compared = METHODS[record["config"]["method"]].compared
    return _of_images(record) if compared else _of_patches(record)


def collapsed(record: Record) -> bool:
    """Whether a comparison method's outputs ended all alike."""
    spread = last_spread(record)
    return spread is not None and spread < LEAST_SPREAD


def _of_patches(record: Record) -> str:
    text = (
        f"On held-out images the encoder finds {100 * record['retrieval']:.1f} % of the patches "
        f"among {record['retrieval_among']} ({100 * record['retrieval_before']:.1f} % before "
        f"training); {_late(record)}"
    )
    return _judged(text, record)


def _of_images(record: Record) -> str:
    found = (
        f"{100 * record['retrieval']:.1f} % of {record['retrieval_among']} held-out images are "
        "found by another view of them, nearest among the encoder's pooled features "
        f"({100 * record['retrieval_before']:.1f} % before training)"
    )
    if "named" in record:
        before, after = record["named"]
        found += (
            f"; a linear read-out of them names {100 * after:.1f} % of held-out labels right, all "
            f"labels weighing alike ({100 * before:.1f} % before training)"
        )
    spread = last_spread(record)
    if spread is None:
        return f"{found}. Nothing was trained."
    text = (
        f"{found}; the outputs' spread ends at {spread:.2f} (1: all over the sphere, 0: all "
        f"alike); {_late(record)}"
    )
    return _judged(text, record)


def _late(record: Record) -> str:
    return (
        f"the last fifth of the steps brought {100 * record['late_gain']:.1f} % of the loss's "
        "whole fall."
    )


def _judged(text: str, record: Record) -> str:
    if record["trained"]:
        return text + " That is far enough to be used."
    wanted = (
        f"at least {100 * LEAST_GAIN:.0f} points more than the random start finds, and at most "
        f"{100 * LARGEST_LATE_GAIN:.0f} % of the loss's fall in the last fifth of the steps"
    )
    return (
        f"{text} That **falls short** of what this book asks for ({wanted}): rows made from this "
        "encoder are marked with † in the tables."
    )
