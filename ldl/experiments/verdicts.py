"""What a pretraining record says about itself in words: was it long enough to mean something?"""

from ldl.engine.store import Record
from ldl.methods import COMPARISONS
from ldl.metrics import LARGEST_LATE_GAIN, LEAST_GAIN
from ldl.train.comparison import LEAST_SPREAD


def is_comparison(record: Record) -> bool:
    """Whether a pretraining record is of a comparison method: images, not patches, are found."""
    return record["config"]["method"] in COMPARISONS


def verdict(record: Record) -> str:
    """The numbers that tell whether a pretraining was long enough, and whether they suffice."""
    return _of_images(record) if is_comparison(record) else _of_patches(record)


def last_spread(record: Record) -> float | None:
    """The spread of a comparison method's outputs at the end; None where there is no output."""
    spread = record.get("spread")
    return float(spread[-1]) if spread else None


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
