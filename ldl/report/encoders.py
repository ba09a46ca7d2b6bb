"""The encoders behind a table: what they find again on held-out images, and was that enough?"""

from typing import Any

from IPython.display import HTML

from ldl.engine.store import Record
from ldl.methods import COMPARISONS
from ldl.metrics import LARGEST_LATE_GAIN, LEAST_GAIN
from ldl.plots.show import small_table
from ldl.report.render import MARK
from ldl.report.words import images_seen, provenance
from ldl.tables.measure import Shown
from ldl.train.comparison import LEAST_SPREAD

MODALITY = {"fundus": "fundus", "xray": "X-ray", "ct": "CT"}
_LDL = ("LDL's encoders", "patches")


def encoders_table(shown: Shown) -> list[HTML]:
    """Two tables: LDL's encoders are asked for patches, the others for whole images."""
    found = [record for record in shown.encoders if "retrieval" in record]
    images = [record for record in found if record["config"].get("method") in COMPARISONS]
    patches = [record for record in found if record not in images]
    rule = (
        f"{MARK} below {100 * LEAST_GAIN:.0f} points more than the random start finds, or more "
        f"than {100 * LARGEST_LATE_GAIN:.0f} % of the loss's fall in the last fifth of the steps."
    )
    tables = []
    if patches:
        whose, what = ("LRC's branches", "regions") if _local(patches[0]) else _LDL
        words = (
            f"{whose}: the share of held-out {what} whose nearest neighbour in another view is "
            f"their own. {rule} {provenance(patches)}"
        )
        tables.append(small_table([_line(one, _patches(one)) for one in patches], caption=words))
    if images:
        words = (
            "The other methods' encoders: the share of held-out images whose nearest neighbour in "
            "another view is their own, by pooled features; spread of the outputs at the end (0: "
            f"all alike). {rule} {provenance(images)}"
        )
        rows = [_line(one, _images(one), spread=_spread(one)) for one in images]
        tables.append(small_table(rows, caption=words))
    return tables


def last_spread(record: Record) -> float | None:
    """The spread of a comparison method's outputs at the end; None where there is no output."""
    spread = record.get("spread")
    return float(spread[-1]) if spread else None


def _line(record: Record, name: str, **more: str) -> dict[str, Any]:
    late = record.get("late_gain")
    return {
        "encoder": name,
        "found (%)": f"{100 * record['retrieval']:.1f}",
        "before training (%)": f"{100 * record['retrieval_before']:.1f}",
        "among": record["retrieval_among"],
        **more,
        "late fall of the loss (%)": "–" if late is None else f"{100 * late:.1f}",
        "far enough": "yes" if record.get("trained", True) else f"no {MARK}",
        "images seen": f"{images_seen(record['config']):,}",
        "wall time (s)": f"{record['wall_seconds']:.0f}",
    }


def _spread(record: Record) -> str:
    spread = last_spread(record)
    if spread is None:
        return "–"
    return f"{spread:.2f}{' (collapsed)' if spread < LEAST_SPREAD else ''}"


def _images(record: Record) -> str:
    config = record["config"]
    title = record.get("title", config["method"])
    return f"{title}, {MODALITY[config['modality']]}, width {config['base']}, seed {config['seed']}"


def _patches(record: Record) -> str:
    config = record["config"]
    if _local(record):
        number = "all pixels" if config["samples"] is None else f"N = {config['samples']}"
        return f"LRC, {number}, width {config['base']}, seed {config['seed']}"
    parts = [record.get("title", config["method"]), MODALITY[config["modality"]]]
    if "patch_grid" in config:
        parts.append(f"{config['patch_grid']}×{config['patch_grid']}")
    if config.get("clusters"):
        parts.append(f"C = {config['clusters']}")
    return ", ".join([*parts, f"width {config['base']}", f"seed {config['seed']}"])


def _local(record: Record) -> bool:
    """Whether it is LRC's local branch, which has regions in the place of patches."""
    return "samples" in record["config"]


def verdict(record: Record) -> str:
    """The numbers that tell whether a pretraining was long enough, and whether they suffice."""
    return _of_images(record) if record["config"]["method"] in COMPARISONS else _of_patches(record)


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
