"""ldl: local discrimination and localized region contrast for medical images, reproducibly."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ldl.own.embed import embed as embed
    from ldl.own.export import export as export
    from ldl.own.finetuning import finetune as finetune
    from ldl.own.guiding import guide as guide
    from ldl.own.load import load_encoder as load_encoder
    from ldl.own.load import load_model as load_model
    from ldl.own.pretraining import pretrain as pretrain
    from ldl.own.segmenting import segment as segment

__version__ = "0.1.0"
__all__ = [
    "embed",
    "export",
    "finetune",
    "guide",
    "load_encoder",
    "load_model",
    "pretrain",
    "segment",
]
# Where they live below `ldl.own`; found when asked for, so that `import ldl` needs no torch.
_HOMES = {
    "embed": "embed",
    "export": "export",
    "finetune": "finetuning",
    "guide": "guiding",
    "load_encoder": "load",
    "load_model": "load",
    "pretrain": "pretraining",
    "segment": "segmenting",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"ldl.own.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'ldl' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
