"""``ldl localize``: coordinates as people write them, and what is refused."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from ldl import phantoms
from ldl.cli import app
from ldl.cli.localize import parse_point
from ldl.data.preprocess import picture
from ldl.engine.profiles import PROFILES
from ldl.engine.store import SCHEMA, RunStore
from ldl.errors import DataError, LdlError
from ldl.localize import EmbeddingMatcher
from ldl.methods import METHODS
from ldl.models.backbones import backbone
from ldl.own.finder import matcher_for, scaled_window, trained
from ldl.own.locate import COLUMNS, CSV
from ldl.rng import numpy_generator, seed_everything
from ldl.tables.encoders import Variant, comparison_config, ldl_config
from ldl.train import checkpoint

SMOKE = PROFILES["smoke"]
HEIGHT, WIDTH = 90, 120


def call(*words: object) -> Result:
    return CliRunner().invoke(app, ["localize", *map(str, words)])


def refused(*words: object) -> str:
    done = call(*words)
    assert isinstance(done.exception, LdlError), done.output
    assert "\n" not in str(done.exception)
    return str(done.exception)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LDL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LDL_RESULTS", str(tmp_path / "results"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def config_of(method: str = "pd+mix+ms+cs", modality: str = "xray"):
    return ldl_config(Variant(method), modality, SMOKE)


@pytest.fixture
def encoder(home: Path):
    """Weights as `ldl pretrain` leaves them, of a network that was not trained."""

    def make(method: str = "pd+mix+ms+cs", modality: str = "xray") -> Path:
        config = config_of(method, modality)
        seed_everything(0, "cli")
        header = {"run_id": config.run_id(), "config": config.model_dump(mode="json")}
        path = home / f"{config.run_id()}.safetensors"
        checkpoint.save(path, METHODS[method].network(config).state_dict(), header)
        return path

    return make


@pytest.fixture
def film(home: Path) -> Path:
    """A film of 120 x 90 pixels without two equal places."""
    path = home / "film.png"
    values = numpy_generator(0, "film").integers(40, 216, (9, 12)).astype(np.uint8)
    grey = Image.fromarray(values).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    grey.save(path)
    return path


@pytest.fixture
def eye(home: Path) -> Path:
    """A lit phantom in the middle of a larger dark photograph."""
    image = phantoms.pretraining_images("fundus", count=1, size=64, seed=0)[0].transpose(1, 2, 0)
    wide = np.zeros((120, 160, 3), np.uint8)
    wide[30:94, 50:114] = image
    path = home / "eye.png"
    Image.fromarray(wide).save(path)
    return path


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / CSV).open() as stream:
        return list(csv.DictReader(stream))


def test_the_point_is_found_in_its_own_image_as_x_and_y_of_the_file(
    encoder, film: Path, home: Path
) -> None:
    """x is the column: 33 of 120, y the row: 60 of 90."""
    done = call("--encoder", encoder(), "--support", film, "--point", "33,60", film, "-o", "out")
    assert done.exit_code == 0, done.output
    (row,) = rows_of(home / "out")
    assert tuple(row) == COLUMNS
    assert row["query"] == str(film)
    # The network sees 32 x 32: a pixel there is 3.75 columns and 2.8 rows of the file.
    assert float(row["guess_x"]) == pytest.approx(33, abs=3.75)
    assert float(row["guess_y"]) == pytest.approx(60, abs=2.82)
    assert float(row["similarity"]) > 0.95  # between four pixel centres
    if row["status"] == "found":
        assert (row["x"], row["y"], row["reason"]) == (row["guess_x"], row["guess_y"], "")
    assert f"{Path('out') / CSV} and 2 overlays" in done.output
    assert {path.name for path in (home / "out").iterdir()} == {CSV, "support.png", "film.png"}


def test_flat_and_found_answers_are_told_apart(encoder, film: Path, home: Path) -> None:
    Image.new("L", (50, 70), 128).save(home / "blank.png")
    words = ["--encoder", encoder(), "--support", film, "--point", "33,60", "-o", "out"]
    done = call(*words, "--window", "96", film, home / "blank.png")
    assert done.exit_code == 0, done.output
    _, blank = rows_of(home / "out")
    assert (blank["x"], blank["y"], blank["status"]) == ("", "", "flat")
    assert blank["reason"] == "the query is blank"
    assert 0 <= float(blank["guess_x"]) < 50
    assert "blank.png: flat, the query is blank; a guess is x" in done.output


def test_a_fundus_is_cropped_and_its_points_count_in_the_file(
    encoder, eye: Path, home: Path
) -> None:
    words = ["--encoder", encoder(modality="fundus"), "--support", eye, "--modality", "fundus"]
    done = call(*words, "--point", "80,62", eye)
    assert done.exit_code == 0, done.output
    (row,) = rows_of(home / "localized")
    one = picture(eye, "fundus", 32)
    assert one.box[:] == (14, 110, 34, 130)
    assert float(row["guess_x"]) == pytest.approx(80, abs=3.01)
    assert float(row["guess_y"]) == pytest.approx(62, abs=3.01)
    shown = Image.open(home / "localized" / "eye.png")
    assert shown.size == (160, 120)
    line = refused(*words, "--point", "10,62", eye)
    assert "x 10, y 62 lies outside the lit part, x 34 to 129, y 14 to 109" in line


def test_points_go_to_the_square_and_back(eye: Path, film: Path) -> None:
    for one in (picture(eye, "fundus", 48), picture(film, "xray", 48)):
        for point in [(0.0, 0.0), (40.25, 61.5), (89.0, 101.0)]:
            assert one.to_file(one.to_square(point)) == pytest.approx(point)
    # Edges stay edges: the film's outer corner lies half a pixel beyond the last centres.
    assert one.to_square((HEIGHT - 0.5, WIDTH - 0.5)) == pytest.approx((47.5, 47.5))


def test_queries_of_the_same_name_have_overlays_of_their_own(
    encoder, film: Path, home: Path
) -> None:
    (home / "more").mkdir()
    other = home / "more" / "film.png"
    other.write_bytes(film.read_bytes())
    named = home / "support.png"
    named.write_bytes(film.read_bytes())
    done = call("--encoder", encoder(), "--support", film, "--point", "33,60", film, other, named)
    assert done.exit_code == 0, done.output
    names = {path.name for path in (home / "localized").glob("*.png")}
    assert names == {"support.png", "support-2.png", "film.png", "film-2.png"}
    assert not list((home / "localized").glob("*partial*"))


def test_a_run_of_the_store_is_an_encoder_too(encoder, film: Path, home: Path) -> None:
    config, file = config_of("pd"), encoder("pd")
    words = ["--support", film, "--point", "33,60", film]
    line = refused("--encoder", config.run_id(), *words)
    assert "no such file, and no such run" in line
    store = RunStore()
    record = {
        "schema": SCHEMA,
        "config": config.model_dump(mode="json"),
        "code": "",
        "phantoms": "",
    }
    store.save(config, record)
    assert "its weights are not on this machine" in refused("--encoder", config.run_id(), *words)
    weights = checkpoint.load(file)[0]
    checkpoint.save(store.weights(config), weights, {"run_id": config.run_id()})
    assert call("--encoder", config.run_id(), *words).exit_code == 0
    by_id = rows_of(home / "localized")
    # The same run by the path of its weights, and as a file of its own.
    for name in (store.weights(config), file):
        assert call("--encoder", name, *words).exit_code == 0
        assert rows_of(home / "localized") == by_id


def test_the_window_averages_as_the_network_was_trained(encoder) -> None:
    store = RunStore()
    sigmas = {}
    for method in ("pd", "pd+mix", "pd+mix+ms", "pd+mix+ms+cs"):
        matcher = matcher_for(trained(str(encoder(method)), store), 8, features=False, device="cpu")
        assert isinstance(matcher, EmbeddingMatcher)
        sigmas[method] = matcher.sigma
    assert sigmas == {"pd": None, "pd+mix": None, "pd+mix+ms": None, "pd+mix+ms+cs": 0.5}


def test_a_comparison_method_has_features_only(film: Path, home: Path) -> None:
    config = comparison_config(Variant("moco"), "xray", SMOKE)
    net = backbone("vgg", config.base, 1)
    header = {"run_id": config.run_id(), "config": config.model_dump(mode="json")}
    path = home / "moco.safetensors"
    checkpoint.save(path, checkpoint.prefixed("encoder", net.state_dict()), header)
    words = ["--encoder", path, "--support", film, "--point", "33,60", film]
    assert "moco keeps no embedding of pixels; use --features" in refused(*words)
    done = call(*words, "--features")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("text", ["33", "33;60", "1,2,3", "a,b", "nan,2", "inf,2", ""])
def test_points_that_are_no_points_are_refused(text: str) -> None:
    with pytest.raises(LdlError, match="--point is"):
        parse_point(text)


def test_x_comes_first() -> None:
    assert parse_point("120,85.5") == (85.5, 120.0)


def test_bad_input_is_one_clear_line_and_leaves_nothing(
    encoder, film: Path, eye: Path, home: Path
) -> None:
    file = encoder()
    (home / "torn.png").write_bytes(film.read_bytes()[:200])
    (home / "torn.safetensors").write_bytes(file.read_bytes()[:100])
    base = ["--encoder", file, "--support", film, "--point", "33,60"]
    for words, said in [
        (["--encoder", "nothing", *base[2:], film], "nothing: no such file, and no such run"),
        (["--encoder", home / "torn.safetensors", *base[2:], film], "torn.safetensors: not we"),
        (["--encoder", film, *base[2:], film], "film.png: not weights of `ldl pretrain`"),
        ([*base[:2], "--support", "gone.png", *base[4:], film], "gone.png: no such image file"),
        ([*base[:4], "--point", "33", film], "--point is '33'; give X,Y"),
        ([*base[:4], "--point", "120,60", film], "x 120, y 60 lies outside its 120 columns"),
        ([*base, film, home / "torn.png"], "torn.png: unreadable or truncated image"),
        ([*base, eye], "eye.png: 3 differing channels"),
        ([*base, "--window", "20", film], "must lie between 32.0 and 512"),
        ([*base, "--window", "600", film], "window is 600"),
        ([*base, "--modality", "fundus", film], "--modality is fundus, but"),
        ([*base, "--modality", "mri", film], "--modality is 'mri'; use fundus, colour or xray"),
        ([*base, "-o", film, film], "is a file; name a folder"),
    ]:  # fmt: skip
        assert said in refused(*words)
    assert not (home / "localized").exists()


def test_weights_that_say_nothing_or_something_else_are_refused(
    encoder, film: Path, home: Path
) -> None:
    file = encoder()
    weights, header = checkpoint.load(file)
    words = ["--support", film, "--point", "33,60", film]
    bare = home / "bare.safetensors"
    checkpoint.save(bare, weights, {"run_id": "somewhere"})
    assert "does not say how it was trained" in refused("--encoder", bare, *words)
    wrong = {**header["config"], "base": 4}
    checkpoint.save(bare, weights, {"run_id": "x", "config": wrong})
    assert "weights do not fit" in refused("--encoder", bare, *words)
    del wrong["method"]
    checkpoint.save(bare, weights, {"run_id": "x", "config": wrong})
    assert "not a pretraining" in refused("--encoder", bare, *words)


def test_windows_count_pixels_of_512() -> None:
    assert (scaled_window(64, 512), scaled_window(128, 112)) == (64, 28)


def test_a_missing_picture_is_named(home: Path) -> None:
    with pytest.raises(DataError, match=r"gone\.png: no such image file"):
        picture(home / "gone.png", "xray", 32)
    with pytest.raises(DataError, match="a folder; name an image in it"):
        picture(home, "xray", 32)
