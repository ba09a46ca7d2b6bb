"""What each comparison method is asked on phantoms, to see whether it learnt anything.

One question a method, after what the method claims to learn. The table was written with runs of
seed 0 at hand, so seed 0 does not count: `SEEDS` are others, not looked at before.
"""

from dataclasses import dataclass

from ldl.runs.pretrain import ComparisonConfig
from ldl.tables.encoders import config_of

SEEDS = (1, 2, 3)
STEPS = 300
# Needs a transformer, where the others have a VGG16.
ON_VIT = ("mae",)


@dataclass(frozen=True)
class Question:
    """What is asked of a frozen encoder.

    Attributes:
        title: in a table.
        words: for a caption, with how it is answered and what the score is.
    """

    title: str
    words: str


QUESTIONS: dict[str, Question] = {
    "eye": Question(
        "which eye",
        "which of sixteen eyes another view shows (crops, flips and colours of Wu et al. 2018), by "
        "the nearest neighbour of pooled features; share found, 0.0625 by chance",
    ),
    "disc": Question(
        "where the disc is",
        "row and column of the disc in an eye turned by a random quarter, by ridge regression on "
        "2 x 2 cells; share of the variance",
    ),
    "place": Question(
        "where a patch is from",
        "row and column in its eye of a patch of 36 % of the side, by ridge regression on 2 x 2 "
        "cells; share of the variance",
    ),
    "grade": Question(
        "which grade",
        "the grade 0 to 4 of lesions, as a number, by ridge regression on pooled features; share "
        "of the variance",
    ),
    "clean": Question(
        "what was there",
        "the colours of 4 x 4 cells of an eye spoilt as in Models Genesis, by ridge regression on "
        "the same cell; share of the variance",
    ),
}
_CONTRASTS = "tells images apart, whatever their view"
_PREDICTS = "predicts one view of an image from the other"
# Method: question, why this one.
ASKED: dict[str, tuple[str, str]] = {
    "instdisc": ("eye", _CONTRASTS),
    "embinva": ("eye", _CONTRASTS),
    "moco": ("eye", _CONTRASTS),
    "mocov2": ("eye", _CONTRASTS),
    "simclr": ("eye", _CONTRASTS),
    "densecl": ("eye", "one of its two branches tells images apart"),
    "byol": ("eye", _PREDICTS),
    "simsiam": ("eye", _PREDICTS),
    "rotori": ("disc", "half of its features names the turn, which shows by what lies where"),
    "rotation": ("disc", "names the turn, which shows by what lies where"),
    "relative-location": ("place", "says on which side of a patch another lies"),
    "supervised": ("grade", "is taught grades"),
    "genesis": ("clean", "restores what was spoilt"),
    "mae": ("clean", "draws what was hidden"),
}


def probed_config(method: str, seed: int, steps: int = STEPS) -> ComparisonConfig:
    """The demo profile's run of ``method`` on fundus phantoms with another length, one rate."""
    kind = {"backbone": "vit"} if method in ON_VIT else {}
    config: ComparisonConfig = config_of(
        method,  # type: ignore[assignment, arg-type]
        "fundus",
        "demo",
        seed,
        steps=steps,
        halve_every=2 * steps,
        **kind,
    )
    return config
