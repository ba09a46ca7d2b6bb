"""ldl: local discrimination and localized region contrast for medical images, reproducibly."""

__version__ = "0.1.0"
