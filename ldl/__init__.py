"""ldl: local discrimination and localized region contrast for medical images, reproducibly."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ldl.own.embed import embed as embed
    from ldl.own.load import load_encoder as load_encoder
    from ldl.own.load import load_model as load_model

__version__ = "0.1.0"
__all__ = ["embed", "load_encoder", "load_model"]
# Found when they are asked for, so that `import ldl` needs no torch.
_HOMES = {
    "embed": "ldl.own.embed",
    "load_encoder": "ldl.own.load",
    "load_model": "ldl.own.load",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ldl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
