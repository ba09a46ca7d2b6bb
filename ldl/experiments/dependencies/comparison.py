"""Modules behind a pretraining by a comparison method."""

from ldl.config import ComparisonConfig
from ldl.experiments.modules import imported

_COMPARISON = (
    "ldl.rng",
    "ldl.sphere",
    "ldl.data.sampling",
    "ldl.data.colour",
    "ldl.data.recipes",
    "ldl.models.blocks",
    "ldl.models.backbones",
    "ldl.methods.comparison",
    "ldl.train.loop",
    "ldl.train.sampler",
    "ldl.train.comparison",
    "ldl.train.probe",
)
BACKBONE = {
    "vgg": (),
    "resnet50": ("ldl.models.resnet",),
    "vit": ("ldl.models.vit",),
}
_FILE = {"random": "ldl.methods.start"}
_GRADED = ("ldl.data.grades", "ldl.data.phantom_lesions")


def modules(config: ComparisonConfig) -> tuple[str, ...]:
    """Of the method and its backbone; of the grades, where it learns from them."""
    graded = _GRADED if config.method == "supervised" else ()
    return (*trained(config), *graded)


def trained(config: ComparisonConfig) -> tuple[str, ...]:
    """The same without what the labels come from."""
    method = _FILE.get(config.method, f"ldl.methods.{config.method.replace('-', '_')}")
    return (*_COMPARISON, *imported(method), *BACKBONE.get(config.backbone, ()))
