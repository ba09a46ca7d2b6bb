"""Region maps of a bank: made once in parallel, resumed after a kill, never half written."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from ldl.data import superpixels as making
from ldl.data.bank import Bank, bank_folder
from ldl.data.superpixels import open_superpixels, prepare_superpixels, stamp, superpixels
from ldl.errors import ConfigError, DataError
from ldl.runs.lrc import SuperpixelConfig

CONFIG = SuperpixelConfig(scale=30.0, min_size=4)


def superpixel_folder(slices, config):
    return bank_folder(f"superpixels-{slices.name}", stamp(slices, config))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LDL_CACHE", str(tmp_path))
    return tmp_path


def bank(count=40, size=24, channels=1):
    coarse = np.random.default_rng(1).integers(0, 256, (count, channels, size // 4, size // 4))
    images = np.kron(coarse, np.ones((4, 4))).astype(np.uint8)
    return Bank("some slices", images, tuple(map(str, range(count))), "f" * 64)


@pytest.fixture
def calls(monkeypatch):
    """Counts slices; `limit` makes the next one fail as a user who stops the run."""
    made = {"count": 0, "limit": None}

    def counted(one, config):
        if made["limit"] is not None and made["count"] >= made["limit"]:
            raise KeyboardInterrupt
        made["count"] += 1
        return superpixels(one, config)

    monkeypatch.setattr(making, "superpixels", counted)
    return made


def test_the_maps_are_those_of_the_slices(cache):
    slices = bank()
    made = prepare_superpixels(slices, CONFIG, workers=1)
    assert made.regions.shape == (40, 24, 24)
    assert made.regions.dtype == np.int16
    assert isinstance(made.regions, np.memmap)
    assert made.source == slices.fingerprint
    assert made.seconds_per_slice > 0
    for row in range(40):
        np.testing.assert_array_equal(made.regions[row], superpixels(slices.images[row], CONFIG))
    index = json.loads((superpixel_folder(slices, CONFIG) / "index.json").read_text())
    assert index["config"]["scale"] == 30.0
    assert [one.name for one in (cache / "banks").iterdir() if one.suffix == ".part"] == []


def test_several_processes_make_the_same_maps(cache):
    slices = bank()
    alone = prepare_superpixels(slices, CONFIG, workers=1)
    renamed = replace(slices, name="in parallel")
    together = prepare_superpixels(renamed, CONFIG, workers=2)
    assert together.fingerprint == alone.fingerprint
    np.testing.assert_array_equal(together.regions, alone.regions)


def test_they_are_made_once(calls):
    slices = bank()
    prepare_superpixels(slices, CONFIG, workers=1)
    prepare_superpixels(slices, CONFIG, workers=1)
    assert calls["count"] == 40


def test_another_bank_or_parameter_has_maps_of_its_own():
    slices = bank(4)
    others = [
        superpixel_folder(slices, CONFIG),
        superpixel_folder(replace(slices, fingerprint="e" * 64), CONFIG),
        superpixel_folder(slices, SuperpixelConfig(scale=31.0, min_size=4)),
        superpixel_folder(replace(slices, name="a/b"), CONFIG),
    ]
    assert len(set(others)) == 4
    assert len({one.parent for one in others}) == 1


def test_a_stopped_run_goes_on_where_it_was(calls):
    slices = bank()
    calls["limit"] = 30
    with pytest.raises(KeyboardInterrupt):
        prepare_superpixels(slices, CONFIG, workers=1)
    assert not superpixel_folder(slices, CONFIG).exists()
    calls["limit"] = None
    made = prepare_superpixels(slices, CONFIG, workers=1)
    # Chunks are kept whole: of 30 slices the last few are made again.
    assert 40 < calls["count"] < 40 + making.CHUNK + 14
    for row in range(40):
        np.testing.assert_array_equal(made.regions[row], superpixels(slices.images[row], CONFIG))


def test_a_killed_run_goes_on_where_it_was(cache, calls):
    slices = bank(64)
    np.save(cache / "images.npy", slices.images)
    program = f"""
import time
import numpy as np
from ldl.data import superpixels as making
from ldl.data.bank import Bank
from ldl.runs.lrc import SuperpixelConfig
make = making.superpixels
making.superpixels = lambda *a: (time.sleep(0.02), make(*a))[1]
images = np.load({str(cache / "images.npy")!r})
slices = Bank("some slices", images, (), "f" * 64)
making.prepare_superpixels(slices, SuperpixelConfig(scale=30.0, min_size=4), workers=1)
"""
    folder = superpixel_folder(slices, CONFIG)
    kept = folder.with_name(f".{folder.name}.part") / "entries.jsonl"
    run = subprocess.Popen([sys.executable, "-c", program])
    while run.poll() is None and not (kept.exists() and len(kept.read_text().splitlines()) > 1):
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    assert not folder.exists()
    done = len(kept.read_text().splitlines()) - 1
    assert 0 < done < 64
    made = prepare_superpixels(slices, CONFIG, workers=1)
    assert calls["count"] == 64 - done
    for row in range(64):
        np.testing.assert_array_equal(made.regions[row], superpixels(slices.images[row], CONFIG))


def test_a_slice_that_cannot_be_done_is_named(monkeypatch):
    monkeypatch.setattr("ldl.data.superpixels.MOST", 3)
    with pytest.raises(ConfigError, match=r"^slice 0: superpixels: \d+ regions in one slice"):
        prepare_superpixels(bank(4), CONFIG, workers=1)


def test_what_are_no_slices_is_refused():
    slices = bank(4)
    for images in (slices.images[:, 0], slices.images.astype(np.float32), slices.images[:0]):
        with pytest.raises(DataError, match=r"some slices: images are .* expected uint8"):
            prepare_superpixels(replace(slices, images=images), CONFIG, workers=1)


@pytest.mark.parametrize("damage", ["regions.npy", "index.json"])
def test_damaged_maps_are_one_line(damage):
    slices = bank(4)
    prepare_superpixels(slices, CONFIG, workers=1)
    folder = superpixel_folder(slices, CONFIG)
    (folder / damage).write_bytes(b"{}")
    with pytest.raises(DataError, match="delete the folder"):
        open_superpixels(folder)
    assert prepare_superpixels(slices, CONFIG, workers=1).regions.shape == (4, 24, 24)


def test_progress_counts_slices(capsys):
    prepare_superpixels(bank(4), CONFIG, workers=1, progress=True)
    assert "superpixels of some slices" in capsys.readouterr().err
