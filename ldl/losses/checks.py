"""What the losses expect of their arguments, said in one line when it is not met."""

from ldl.errors import ConfigError


def check_formulation(formulation: str) -> None:
    """Refuse a formulation other than ``released`` and ``paper``."""
    if formulation not in ("released", "paper"):
        raise ConfigError(f"formulation is {formulation!r}; use 'released' or 'paper'")


def check_temperature(temperature: float) -> None:
    """Refuse a temperature that is not positive."""
    if not temperature > 0:
        raise ConfigError(f"temperature is {temperature}; it must be above 0")
