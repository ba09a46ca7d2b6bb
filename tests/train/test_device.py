"""Device and precision."""

import pytest
import torch

from ldl.errors import ConfigError
from ldl.train.device import device_name, fabric_for


def test_the_cpu_computes_in_single_precision():
    fabric = fabric_for("cpu")
    assert fabric.device.type == "cpu"
    with fabric.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.float32
    assert "CPU" in device_name(fabric)


def test_another_name_is_refused():
    with pytest.raises(ConfigError, match="'tpu'"):
        fabric_for("tpu")


def test_cuda_is_refused_where_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="no CUDA device"):
        fabric_for("cuda")
    assert fabric_for("auto").device.type == "cpu"


def test_bf16_on_a_cpu_is_asked_for_and_refused_where_it_would_be_slow(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    with fabric_for("cpu-bf16").autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": False})
    with pytest.raises(ConfigError, match="multiplies no bf16"):
        fabric_for("cpu-bf16")
