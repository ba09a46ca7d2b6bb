"""A process killed at any moment leaves a whole checkpoint, and the next one goes on."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from ldl.train import checkpoint

SCRIPT = Path(__file__).with_name("killed_run.py")
PATIENCE = 300.0


def steps_done(path):
    return checkpoint.load(path)[1]["step"] if path.exists() else 0


@pytest.fixture
def child(tmp_path):
    command = [sys.executable, str(SCRIPT), str(tmp_path / "killed")]
    root = str(Path(__file__).parents[2])
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": root})
    yield process
    process.kill()
    process.wait()


def test_after_sigkill_the_checkpoint_is_whole_and_the_run_ends_with_the_same_bits(child, tmp_path):
    path, deadline = tmp_path / "killed" / "checkpoint.safetensors", time.monotonic() + PATIENCE
    while steps_done(path) < 5:
        assert child.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline, "no checkpoint came"
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert 5 <= steps_done(path) < 40
    spec = importlib.util.spec_from_file_location("killed_run", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    rest, whole = script.run(tmp_path / "killed"), script.run(tmp_path / "whole")
    assert len(rest.history.rows) == 40
    assert rest.history.rows == whole.history.rows
    for one, other in zip(rest.net.parameters(), whole.net.parameters(), strict=True):
        assert torch.equal(one, other)
