"""Modules behind a one-shot localization."""

from ldl.config_localize import LocalizeConfig

_LOCALIZE = (
    "ldl.rng",
    "ldl.sphere",
    "ldl.data.landmarks.place",
    "ldl.localize.evaluate",
    "ldl.localize.images",
    "ldl.localize.oneshot",
    "ldl.localize.peak",
    "ldl.localize.scores",
    "ldl.experiments.localizing",
)
_EMBEDDED = (
    "ldl.data.colour",
    "ldl.localize.features",
    "ldl.localize.filtering",
    "ldl.localize.frame",
    "ldl.localize.matchers",
    "ldl.losses.window",
)
_MATCHER = {
    "embedding": _EMBEDDED,
    "centred": _EMBEDDED,
    "features": _EMBEDDED,
    "template": ("ldl.localize.template",),
    "place": ("ldl.localize.place",),
}
_LANDMARKS = {"phantom": "ldl.data.landmarks.phantom", "open": "ldl.data.landmarks.real"}


def modules(config: LocalizeConfig) -> tuple[str, ...]:
    """Of the matcher and where the landmarks come from; its network's come on top."""
    return (*_LOCALIZE, *_MATCHER[config.matcher], _LANDMARKS[config.data.source])
