"""Profiles: budgets, never code paths."""

from ldl.engine.profiles.budgets import WIDTHS, Architecture, Profile, ShapeBudget
from ldl.engine.profiles.open import OPEN
from ldl.engine.profiles.paper import PAPER
from ldl.engine.profiles.phantoms import DEMO, SMOKE
from ldl.errors import ConfigError

PROFILES: dict[str, Profile] = {p.name: p for p in (SMOKE, DEMO, OPEN, PAPER)}


def profile_named(name: str) -> Profile:
    if name not in PROFILES:
        raise ConfigError(f"unknown profile {name!r}; use one of {', '.join(PROFILES)}")
    return PROFILES[name]
