"""Phantoms, for what lies below them."""

import importlib
from typing import Any


def phantoms() -> Any:
    """`ldl.phantoms`, which draws. It stands above this package and is loaded when a config names
    it as its source.
    """
    return importlib.import_module("ldl.phantoms")
