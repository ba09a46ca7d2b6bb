"""Modules behind shape-guided segmentation: the guide, and what is scored."""

from ldl.config_shape import GuideConfig, ShapeConfig
from ldl.experiments.dependencies.pretraining import PRETRAINING, SHARED
from ldl.experiments.modules import imported

_GUIDE = (
    *PRETRAINING,
    "ldl.data.field",
    "ldl.data.shape_prior",
    "ldl.metrics",
    "ldl.metrics_shape",
    "ldl.train.opponent",
    "ldl.train.references",
    "ldl.train.guide",
    "ldl.train.pseudo",
    "ldl.experiments.shape.guiding",
)
_SHAPE = (
    *SHARED,
    "ldl.data.field",
    "ldl.data.shape_prior",
    "ldl.data.symmetry",
    "ldl.losses.refinement",
    "ldl.losses.vectors",
    "ldl.metrics",
    "ldl.metrics_shape",
    "ldl.models.target_net",
    "ldl.train.pseudo",
    "ldl.train.references",
    "ldl.train.target",
    "ldl.experiments.shape.runs",
    "ldl.experiments.shape.scoring",
)
_SYNTHESIS = ("ldl.train.synthesis", "ldl.train.image_pool", "ldl.train.opponent")


def guide_modules(config: GuideConfig) -> tuple[str, ...]:
    """Of the guide; those of the clustering it continues come on top."""
    return (*_GUIDE, *imported("ldl.methods.guided"))


def modules(config: ShapeConfig) -> tuple[str, ...]:
    """Of an output or a baseline; its guide's come on top."""
    if config.synthesis is None:
        return _SHAPE
    return (*_SHAPE, *imported("ldl.methods.synthesis"), *_SYNTHESIS)
