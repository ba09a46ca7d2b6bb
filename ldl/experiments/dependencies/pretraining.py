"""Modules behind a pretraining by one of LDL's methods."""

from ldl.config import PretrainConfig

# Of everything that is trained in LDL.
SHARED = (
    "ldl.rng",
    "ldl.sphere",
    "ldl.data.sampling",
    "ldl.data.colour",
    "ldl.data.views",
    "ldl.models.blocks",
    "ldl.models.vgg",
    "ldl.models.decoder",
    "ldl.train.loop",
    "ldl.train.sampler",
)
PRETRAINING = (
    *SHARED,
    "ldl.data.symmetry",
    "ldl.losses.vectors",
    "ldl.losses.joint",
    "ldl.losses.patch",
    "ldl.methods.common",
    "ldl.models.embedding",
    "ldl.train.pretrain",
    "ldl.train.probe",
)
_WINDOWS = ("ldl.methods.windows", "ldl.losses.mixup", "ldl.losses.window")
_METHOD = {
    "pd": ("ldl.methods.pd",),
    "pd+mix": ("ldl.methods.pd_mix", "ldl.losses.mixup"),
    "rd": (
        "ldl.methods.rd",
        "ldl.methods.pd_mix",
        "ldl.losses.mixup",
        "ldl.losses.region",
        "ldl.losses.entropy",
    ),
    "pd+mix+ms": ("ldl.methods.pd_mix_ms", *_WINDOWS),
    "pd+mix+ms+cs": ("ldl.methods.pd_mix_ms_cs", *_WINDOWS),
}


def modules(config: PretrainConfig) -> tuple[str, ...]:
    """Of the method; that of a step 1 is among them."""
    return (*PRETRAINING, *_METHOD[config.method])
