"""One module of the package: its source, what it imports, and a hash of its code."""

import ast
import functools
import importlib.util
from pathlib import Path

from ldl.errors import ConfigError
from ldl.experiments.syntax import part_fingerprint, tree_fingerprint

# Edits that change no number on any device that could finish a run before them: the hash of the
# tree of today -> of the tree that records carry. Each line says what was edited.
_EQUAL = {
    # ldl.train.comparison: a run resumed on CUDA keeps its spread on one device; before, it failed.
    "2e04e9eaf16d1b4de754e531eac7ab174438d0b6d65c167a5c0ae2ea7305e04a": (
        "50bbb093ba1fbc86430e092ff1e2f1de9ac777b4576268d70c9d2bc523e637ae"
    ),
    # ldl.data.shape_prior, ldl.data.phantom_lesions, ldl.experiments.phantom_masks: phantoms moved.
    "6e57a1ac7090226f6a6bd0f4264cb561ffd9f06e92e071fd52b5f2c23372a6e3": (
        "28a441b08cfe3a2ebf6304f8f4837769f7c8a8cf26db32207118d0045f3f25d3"
    ),
    "5427174722a6dbcfd4ab1137b58eba5653e431fd240270d6735c69f7e29d383b": (
        "b9e769c70452f75a749ae2432f768c52bd9c3aa0f3ce48f530f68b775ccefae8"
    ),
    "5eca5795776d74b4440263ac39fb64839f8509d68c4b0cdfd9989e575c733591": (
        "b91ece6511d2f234d8ebae553b1fc19bf3a1fa148943971a81fa191eda96963e"
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


@functools.cache
def module_fingerprint(name: str) -> str:
    """Hash of one module's normalised syntax tree."""
    digest = tree_fingerprint(_source(name))
    return _EQUAL.get(digest, digest)


def strayed(name: str) -> str:
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
