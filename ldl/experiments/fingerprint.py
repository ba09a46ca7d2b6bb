"""What a record's numbers depend on in the code, as one hash.

Comments, docstrings, annotations and layout do not count: the hash is over the syntax tree.
"""

import ast
import functools
import hashlib
import importlib.util
from pathlib import Path

from ldl.config import ComparisonConfig, PretrainConfig, Strict, TransferConfig
from ldl.config_ct import GlobalConfig
from ldl.config_localize import LocalizeConfig
from ldl.config_lrc import LocalRegionConfig, OrganConfig
from ldl.config_shape import GuideConfig, ShapeConfig
from ldl.errors import ConfigError
from ldl.experiments.syntax import part_fingerprint, tree_fingerprint

_SHARED = (
    "ldl.rng",
    "ldl.sphere",
    "ldl.data.sampling",
    "ldl.data.colour",
    "ldl.data.views",
    "ldl.models.blocks",
    "ldl.models.vgg",
    "ldl.models.decoder",
    "ldl.train.loop",
    "ldl.train.sampler",
)
_PRETRAIN = (
    *_SHARED,
    "ldl.data.symmetry",
    "ldl.losses.vectors",
    "ldl.losses.joint",
    "ldl.losses.patch",
    "ldl.methods.common",
    "ldl.models.embedding",
    "ldl.train.pretrain",
    "ldl.train.probe",
)
_WINDOWS = ("ldl.methods.windows", "ldl.losses.mixup", "ldl.losses.window")
_METHOD = {
    "pd": ("ldl.methods.pd",),
    "pd+mix": ("ldl.methods.pd_mix", "ldl.losses.mixup"),
    "rd": (
        "ldl.methods.rd",
        "ldl.methods.pd_mix",
        "ldl.losses.mixup",
        "ldl.losses.region",
        "ldl.losses.entropy",
    ),
    "pd+mix+ms": ("ldl.methods.pd_mix_ms", *_WINDOWS),
    "pd+mix+ms+cs": ("ldl.methods.pd_mix_ms_cs", *_WINDOWS),
}
_COMPARISON = (
    "ldl.rng",
    "ldl.sphere",
    "ldl.data.sampling",
    "ldl.data.colour",
    "ldl.data.recipes",
    "ldl.models.blocks",
    "ldl.models.backbones",
    "ldl.methods.comparison",
    "ldl.train.loop",
    "ldl.train.sampler",
    "ldl.train.comparison",
    "ldl.train.probe",
)
_BACKBONE = {
    "vgg": (),
    "resnet50": ("ldl.models.resnet",),
    "vit": ("ldl.models.vit",),
}
# Edits that change no number on any device that could finish a run before them: the hash of the
# tree of today -> of the tree that records carry. Each line says what was edited.
_EQUAL = {
    # ldl.train.comparison: a run resumed on CUDA keeps its spread on one device; before, it failed.
    "2e04e9eaf16d1b4de754e531eac7ab174438d0b6d65c167a5c0ae2ea7305e04a": (
        "50bbb093ba1fbc86430e092ff1e2f1de9ac777b4576268d70c9d2bc523e637ae"
    ),
}
# What a module takes of one that is not followed: their hash in the records. Another one counts.
_TAKEN = {
    "ldl.train.comparison": (
        "ldl.train.pretrain",
        ("HELD_OUT", "held_out_rows"),
        "0b916b511f99ee658ae680856bde29be3d43149c6ef96809c6131e223b2a79cb",
    ),
}
_FILE = {"random": "ldl.methods.start"}
_FOLLOWED = (
    "ldl.methods.",
    "ldl.losses.",
    "ldl.models.",
    "ldl.data.arrangement",
    "ldl.data.genesis",
    "ldl.data.upright",
)
# A type alias is all that comparison methods take from the one; the other only refuses input.
_NOT_FOLLOWED = ("ldl.methods.common", "ldl.losses.checks")
_TRANSFER = (
    *_SHARED,
    "ldl.losses.dice",
    "ldl.models.segmentation",
    "ldl.metrics",
    "ldl.train.transfer",
)
_LOCALIZE = (
    "ldl.rng",
    "ldl.sphere",
    "ldl.data.landmarks.place",
    "ldl.localize.evaluate",
    "ldl.localize.images",
    "ldl.localize.oneshot",
    "ldl.localize.peak",
    "ldl.localize.scores",
    "ldl.experiments.localizing",
)
_EMBEDDED = (
    "ldl.data.colour",
    "ldl.localize.features",
    "ldl.localize.filtering",
    "ldl.localize.frame",
    "ldl.localize.matchers",
    "ldl.losses.window",
)
_MATCHER = {
    "embedding": _EMBEDDED,
    "centred": _EMBEDDED,
    "features": _EMBEDDED,
    "template": ("ldl.localize.template",),
    "place": ("ldl.localize.place",),
}
_LANDMARKS = {"phantom": "ldl.data.landmarks.phantom", "open": "ldl.data.landmarks.real"}

_GUIDE = (
    *_PRETRAIN,
    "ldl.data.field",
    "ldl.data.shape_prior",
    "ldl.metrics",
    "ldl.metrics_shape",
    "ldl.train.opponent",
    "ldl.train.references",
    "ldl.train.guide",
    "ldl.train.pseudo",
    "ldl.experiments.shape.guiding",
)
_SHAPE = (
    *_SHARED,
    "ldl.data.field",
    "ldl.data.shape_prior",
    "ldl.data.symmetry",
    "ldl.losses.refinement",
    "ldl.losses.vectors",
    "ldl.metrics",
    "ldl.metrics_shape",
    "ldl.models.target_net",
    "ldl.train.pseudo",
    "ldl.train.references",
    "ldl.train.target",
    "ldl.experiments.shape.runs",
    "ldl.experiments.shape.scoring",
)
_SYNTHESIS = ("ldl.train.synthesis", "ldl.train.image_pool", "ldl.train.opponent")

_CT = (
    "ldl.data.ct.regions",
    "ldl.data.ct.splits",
    "ldl.data.ct_sources",
    "ldl.data.elastic",
    "ldl.train.feed",
)
_WHOLE = (*_CT, "ldl.train.ct_global", "ldl.models.local_unet")
_SUPERPIXELS = ("ldl.data.superpixels", "ldl.data.superpixel_work")
_LOCAL = (*_SUPERPIXELS, "ldl.train.local_region", "ldl.train.region_probe")
_ORGANS = (
    "ldl.metrics_volume",
    "ldl.models.vit_pyramid",
    "ldl.train.organ_scores",
    "ldl.train.organ_stage",
    "ldl.train.organs",
)
_LOOP = ("ldl.rng", "ldl.sphere", "ldl.data.colour", "ldl.train.loop", "ldl.train.sampler")


def _lrc(config: LocalRegionConfig | OrganConfig) -> tuple[str, ...]:
    """Modules of LRC's local pretraining, or of fine-tuning and all that it starts from."""
    if isinstance(config, LocalRegionConfig):
        networks = imported("ldl.models.local_unet")
        own = (*_LOOP, *_CT, *_LOCAL, *networks, *imported("ldl.losses.local_region"))
        return tuple(dict.fromkeys(own))
    before = [modules_of(b) for b in (config.encoder, config.local, config.second) if b]
    networks = (*imported("ldl.models.organ_net"), *_BACKBONE.get(config.backbone, ()))
    own = (*_LOOP, *_CT, *_ORGANS, *networks, *imported("ldl.losses.organ_dice"))
    return tuple(dict.fromkeys((*own, *(name for names in before for name in names))))


def modules_of(config: Strict) -> tuple[str, ...]:
    """Names of the modules that ``config``'s numbers depend on."""
    if isinstance(config, PretrainConfig):
        return (*_PRETRAIN, *_METHOD[config.method])
    if isinstance(config, ComparisonConfig):
        graded = ("ldl.data.grades", "ldl.data.phantom_lesions")
        more: tuple[str, ...] = graded if config.method == "supervised" else ()
        own = imported(_FILE.get(config.method, f"ldl.methods.{config.method.replace('-', '_')}"))
        if isinstance(config, GlobalConfig):
            more = _WHOLE
        network = _BACKBONE.get(config.backbone, ())
        return tuple(dict.fromkeys((*_COMPARISON, *own, *network, *more)))
    if isinstance(config, (LocalRegionConfig, OrganConfig)):
        return _lrc(config)
    if isinstance(config, TransferConfig):
        before = modules_of(config.encoder) if config.encoder else ()
        return tuple(dict.fromkeys((*_TRANSFER, *before)))
    if isinstance(config, LocalizeConfig):
        before = modules_of(config.network) if config.network else ()
        own = (*_LOCALIZE, *_MATCHER[config.matcher], _LANDMARKS[config.data.source])
        return tuple(dict.fromkeys((*own, *before)))
    if isinstance(config, GuideConfig):
        before = modules_of(config.region)
        return tuple(dict.fromkeys((*_GUIDE, *imported("ldl.methods.guided"), *before)))
    if isinstance(config, ShapeConfig):
        before = modules_of(config.guide) if config.guide else ()
        own = (*imported("ldl.methods.synthesis"), *_SYNTHESIS) if config.synthesis else ()
        return tuple(dict.fromkeys((*_SHAPE, *own, *before)))
    raise ConfigError(f"{type(config).__name__} is not a run")


@functools.cache
def imported(name: str) -> tuple[str, ...]:
    """``name`` and every method, loss and model that it imports at its top, and so on."""
    found, waiting = list[str](), [name]
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        found.append(module)
        lines = ast.parse(_source(module)).body
        names = [line.module or "" for line in lines if isinstance(line, ast.ImportFrom)]
        waiting += [n for n in names if n.startswith(_FOLLOWED) and n not in _NOT_FOLLOWED]
    return tuple(found)


def code_fingerprint(config: Strict) -> str:
    """Sixteen hex digits over the modules of ``config``."""
    digest = hashlib.sha256()
    for name in sorted(modules_of(config)):
        digest.update(f"{name}:{module_fingerprint(name)}{_strayed(name)}\n".encode())
    return digest.hexdigest()[:16]


@functools.cache
def module_fingerprint(name: str) -> str:
    """Hash of one module's normalised syntax tree."""
    digest = tree_fingerprint(_source(name))
    return _EQUAL.get(digest, digest)


def _strayed(name: str) -> str:
    """The hash of what ``name`` takes of a module that is not followed, once it is another."""
    if name not in _TAKEN:
        return ""
    source, parts, known = _TAKEN[name]
    now = part_fingerprint(_source(source), parts)
    return "" if now == known else f"+{now}"


def _source(name: str) -> str:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise ConfigError(f"module {name} has no source to fingerprint")
    return Path(spec.origin).read_text()
