"""The wheel holds all that the package needs: it works without the checkout, from any folder."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ldl.models.backbones import backbone
from ldl.own.model import Model, Network, Preprocessing, write_model
from ldl.paths import repo_root
from ldl.train import checkpoint

ROOT = repo_root()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by the project's own backend, from a copy."""
    place = tmp_path_factory.mktemp("wheel")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "ldl", place / "source" / "ldl", ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, place / "source" / name)
    command = "from setuptools.build_meta import build_wheel; build_wheel('..')"
    ran = subprocess.run(
        [sys.executable, "-c", command], cwd=place / "source", capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return next(place.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    folder = wheel.parent / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_it_holds_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if name.startswith("ldl/")}
    ours = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "ldl").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    # A link, which a search does not follow.
    ours |= {f"ldl/{p.relative_to(ROOT)}" for p in (ROOT / "data_manifests").rglob("*.[yc]*")}
    assert "ldl/data_manifests/btcv.yaml" in ours
    assert ours - held == set()
    suffixes = {Path(name).suffix for name in held}
    assert {".yaml", ".csv", ".js", ".css", ".typed"} <= suffixes


USED = """
import sys
from pathlib import Path
import ldl, ldl.cli, ldl.own.export
from ldl import paths
from ldl.data.manifest import read_manifest
from ldl.engine.profiles import profile_named
from ldl.tables.published import published, names
from ldl.widgets.packing import module, style

here = Path(ldl.__file__).parents[1]
assert here == Path(sys.argv[1]).resolve(), here
assert not paths.in_checkout()
encoder = ldl.load_encoder("enc.safetensors")
assert encoder.card == "# It"
assert len(encoder.module(encoder.preprocess("a.png")[None])) == 5
assert ldl.embed(encoder, ["a.png"]).shape == (1, 16)
ldl.own.export.export(Path("enc.safetensors"), "timm", Path("out"))
for path in sorted(paths.manifests_dir().glob("*.yaml")):
    read_manifest(path)
assert all(len(published(name)) for name in names())
assert profile_named("open") and module("localization", live=True) and style()
"""


def test_it_works_from_another_folder(installed: Path, tmp_path: Path) -> None:
    from PIL import Image

    weights = checkpoint.prefixed("encoder", backbone("vgg", 2, 1).state_dict())
    network, seen = Network(backbone="vgg", base=2, channels=1), Preprocessing.of("xray", 32)
    model = Model("encoder", "a", {}, network, seen, weights, card="# It")
    write_model(tmp_path / "enc.safetensors", model)
    Image.new("L", (40, 30), 7).save(tmp_path / "a.png")
    settings = {k: v for k, v in os.environ.items() if not k.startswith(("LDL_", "PYTHON"))}
    ran = subprocess.run(
        [sys.executable, "-c", USED, str(installed)],
        cwd=tmp_path,
        env={**settings, "PYTHONPATH": str(installed), "XDG_CACHE_HOME": str(tmp_path / "c")},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
