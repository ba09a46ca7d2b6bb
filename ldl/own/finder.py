"""A trained network to find a point with: a weights file or a run of the store."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ldl.config import build
from ldl.engine.store import RunStore, read_record
from ldl.errors import LdlError, TrainingError
from ldl.localize import EmbeddingMatcher, feature_embedder, network_embedder
from ldl.localize.search import network_of
from ldl.methods import METHODS
from ldl.models.backbones import backbone
from ldl.runs.localize import SIGMA, WINDOW_SIZE, stride_for
from ldl.runs.pretrain import ComparisonConfig, EncoderConfig, PretrainConfig
from ldl.train import checkpoint


@dataclass(frozen=True)
class Trained:
    """Config and weights of a finished pretraining, and what it was called by."""

    name: str
    config: EncoderConfig
    weights: dict[str, Tensor]


def trained(name: str, store: RunStore) -> Trained:
    """What ``name`` stands for.

    Args:
        name: a file that `ldl pretrain` wrote, or the id of a pretraining run of this machine.
        store: where runs are looked for.
    """
    path = Path(name)
    if path.is_file():
        weights, header = _read(path)
        config = header.get("config") or _record(path.with_name("record.json")).get("config")
        if not config:
            raise LdlError(f"{path}: does not say how it was trained; use one of `ldl pretrain`")
        return Trained(name, encoder_config_of(config, name), weights)
    found = _record(store.work / name / "record.json") or _committed(name, store)
    if not found:
        raise LdlError(
            f"{name}: no such file, and no such run in {store.work}; `ldl pretrain` writes a file, "
            "`ldl status -v` names the runs"
        )
    config = encoder_config_of(found["config"], name)
    file = store.work / name / "weights.safetensors"
    if not file.is_file():
        raise LdlError(f"{name}: its weights are not on this machine; `ldl run` makes them")
    return Trained(name, config, _read(file)[0])


def matcher_for(found: Trained, window: float, *, features: bool, device: str) -> EmbeddingMatcher:
    """How a point is found with a trained network.

    Windows are averaged evenly, and centre-sensitively (Eq. 24, sigma 0.5) by what was trained so,
    and for raw features.

    Args:
        found: the network.
        window: its side in pixels of the squares.
        features: compare raw features of the encoder in place of its pixel embeddings; the deepest
            of which the window holds three a side.
        device: ``"cpu"`` or ``"cuda"``.
    """
    config = found.config
    if not features:
        if isinstance(config, ComparisonConfig):
            raise LdlError(
                f"{found.name}: {config.method} keeps no embedding of pixels; use --features"
            )
        net = network_of(config, found.weights).to(device)
        sigma = SIGMA if config.method.endswith("+cs") else None
        return EmbeddingMatcher(network_embedder(net), sigma=sigma)
    embedder = feature_embedder(_encoder(found).to(device), stride=stride_for(window))
    return EmbeddingMatcher(embedder, sigma=SIGMA)


def scaled_window(window: float, size: int) -> float:
    """A window in pixels of a 512-pixel square, as the paper counts, in a square of ``size``."""
    least = 2 * WINDOW_SIZE / size
    if not least <= window <= WINDOW_SIZE:
        raise LdlError(
            f"window is {window:g}; it counts pixels of a {WINDOW_SIZE}-pixel image and must lie "
            f"between {least:.1f} and {WINDOW_SIZE} for this encoder, which sees {size} pixels"
        )
    return window * size / WINDOW_SIZE


def _encoder(found: Trained) -> nn.Module:
    config = found.config
    if isinstance(config, PretrainConfig):
        encoder: nn.Module = network_of(config, found.weights).encoder  # type: ignore[assignment]
        return encoder
    if config.backbone != "vgg":
        raise LdlError(f"{found.name}: raw features are compared of VGG16, not {config.backbone}")
    net = backbone("vgg", config.base, config.channels, config.border)
    net.load_state_dict(checkpoint.under("encoder", found.weights))
    return net.eval()


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    try:
        return checkpoint.load(path)
    except TrainingError as error:
        reason = str(error).removeprefix(f"{path}: ").split(";")[0]
        raise LdlError(f"{path}: not weights of `ldl pretrain` or a run ({reason})") from None


def _record(path: Path) -> dict[str, Any]:
    return read_record(path) or {}


def _committed(name: str, store: RunStore) -> dict[str, Any]:
    found = sorted(store.committed.glob(f"*/{name}.json")) if "/" not in name else []
    return _record(found[0]) if found else {}


def encoder_config_of(fields: dict[str, Any], name: str) -> EncoderConfig:
    """The config of a pretraining from its fields; ``name`` is named in errors."""
    if "method" not in fields:
        raise LdlError(f"{name}: not a pretraining; name the run of an encoder")
    method = METHODS.get(fields["method"])
    if method and not method.compared:
        return build(PretrainConfig, fields)
    return build(ComparisonConfig, fields)
