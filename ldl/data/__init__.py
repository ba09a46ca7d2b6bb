"""Manifests, readers, the bank and views.

What cannot be used (not at hand, damaged, empty, contradicting itself or its neighbours) is a
`DataError` of one line that names the file, what is wrong and what to do; a wrong argument is a
`ConfigError`.
"""

import importlib
from typing import Any


def phantoms() -> Any:
    """`ldl.phantoms`, which stands above this package: loaded when a config names it as source."""
    return importlib.import_module("ldl.phantoms")
