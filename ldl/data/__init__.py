"""Manifests, readers, the image bank and views."""

import importlib
from typing import Any


def phantoms() -> Any:
    """`ldl.phantoms`, which stands above this package: loaded when a config names it as source."""
    return importlib.import_module("ldl.phantoms")
