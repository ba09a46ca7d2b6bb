"""Collapse, watched: how far apart a comparison method keeps its outputs while it is trained."""

from ldl.engine.execute import ensure
from ldl.engine.store import Record, RunStore
from ldl.experiments.encoder_configs import config_of
from ldl.experiments.report import BY_PAGE
from ldl.methods import COMPARISONS
from ldl.tasks import Modality

# The methods that learn on a VGG16; MAE needs a transformer.
WATCHED = tuple(key for key, method in COMPARISONS.items() if method.trains and key != "mae")


def watched(
    modality: Modality, profile: str, seed: int, store: RunStore
) -> tuple[dict[str, Record], tuple[str, ...]]:
    """Records of all comparison methods by title, and the titles of those that have none.

    Small profiles make what is missing. Methods that need labels have none on chest X-rays.
    """
    found: dict[str, Record] = {}
    lacking = []
    for key in WATCHED:
        method = COMPARISONS[key]
        if method.labels and modality == "xray":
            continue
        config = config_of(key, modality, profile, seed)  # type: ignore[arg-type]
        record = ensure(config, store) if profile in BY_PAGE else store.record(config)
        if record:
            found[method.title] = record
        else:
            lacking.append(method.title)
    return found, tuple(lacking)
