"""The widget in a running notebook: its traits, and encoders by name."""

import json
from pathlib import Path

import numpy as np
import pytest
import traitlets
from PIL import Image

from ldl.engine.profiles import PROFILES
from ldl.errors import LdlError
from ldl.methods import METHODS
from ldl.rng import numpy_generator, seed_everything
from ldl.tables.encoders import Variant, ldl_config
from ldl.train import checkpoint
from ldl.widgets import scene
from ldl.widgets.live import LocalizationWidget, localization_widget
from ldl.widgets.packing import module


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LDL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LDL_RESULTS", str(tmp_path / "results"))
    for name in ("a", "b"):
        values = numpy_generator(0, name).integers(40, 216, (9, 12)).astype(np.uint8)
        grey = Image.fromarray(values).resize((120, 90), Image.Resampling.BICUBIC)
        grey.save(tmp_path / f"{name}.png")
    return tmp_path


def encoder(home: Path, modality: str) -> Path:
    config = ldl_config(Variant("pd+mix+ms+cs"), modality, PROFILES["smoke"])
    seed_everything(0, "live")
    header = {"run_id": config.run_id(), "config": config.model_dump(mode="json")}
    path = home / f"{modality}.safetensors"
    checkpoint.save(path, METHODS[config.method].network(config).state_dict(), header)
    return path


def test_it_is_the_module_of_the_page(images, matchers) -> None:
    widget = LocalizationWidget(scene("toy", images, matchers, window=8))
    text = str(widget._esm)
    assert module("localization").strip() in text
    assert "export default" in text
    assert "import " not in text.split("export default")[0].replace("// ", "")
    assert len(json.loads(widget.given)["scenes"]) == 1
    assert (widget.point, widget.window, widget.variant) == ([23.5, 23.5], 8, "cs")
    # ipywidgets cuts this text after 110 characters.
    assert widget._repr_mimebundle_()[0]["text/plain"] == repr(widget)
    assert "anywidget and ipywidgets" in repr(widget)


def test_what_it_cannot_show_is_refused(images, matchers) -> None:
    widget = LocalizationWidget(scene("toy", images, matchers, window=8))
    widget.variant, widget.window, widget.point = "even", 12, [3.0, 4.5]
    for name, value, said in [
        ("variant", "pd", "one of even, cs"),
        ("window", 1.0, "between 2 and 24"),
        ("point", [3.0, 48.0], "within"),
        ("point", [3.0], "length"),
    ]:
        with pytest.raises(traitlets.TraitError, match=said):
            setattr(widget, name, value)


def test_files_become_a_widget(home: Path) -> None:
    name = encoder(home, "xray")
    widget = localization_widget(
        {"mine": name}, home / "a.png", [home / "b.png"], point=(44.5, 59.5)
    )
    given = json.loads(widget.given)["scenes"][0]
    assert [one["name"] for one in given["images"]] == ["a.png", "b.png"]
    assert [one["label"] for one in given["variants"]] == ["mine"]
    assert widget.point == pytest.approx([15.5, 15.5])
    assert widget.window == 4.0
    assert localization_widget(str(name), home / "a.png", [home / "b.png"]).variant == "xray"


def test_encoders_of_two_kinds_are_refused(home: Path) -> None:
    both = {kind: encoder(home, kind) for kind in ("xray", "fundus")}
    with pytest.raises(LdlError, match="encoders of 2 kinds"):
        localization_widget(both, home / "a.png", [home / "b.png"])
