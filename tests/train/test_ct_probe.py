"""Whether a pretraining on CT learned: known answers of the read-out, and what must not change."""

import pytest
import torch

from ldl.methods import METHODS
from ldl.runs.lrc import CtConfig, ElasticConfig, GlobalConfig, LocalRegionConfig, ProbeConfig
from ldl.train import checkpoint
from ldl.train.comparison import read_out
from ldl.train.ct_global import bank_of
from ldl.train.ct_probe import _network, make_probe, own_loss
from ldl.train.made import How

CT = CtConfig(region="abdomen", source="phantom", size=32, volumes=6, slices=8, budgets=(2,))
MOCO = GlobalConfig(
    method="moco",
    data=CT,
    base=2,
    steps=2,
    crop=32,
    batch=8,
    halve_every=1,
    backbone="unet",
    elastic=ElasticConfig(),
    knobs={"queue": 16},
)


def test_the_read_out_finds_what_is_linear_whatever_its_scale():
    draw = torch.Generator().manual_seed(0)
    answers = torch.randint(3, (300,), generator=draw)
    values = torch.eye(3)[answers] + 0.1 * torch.randn(300, 3, generator=draw)
    for scale, shift in ((1.0, 0.0), (100.0, -7.0)):
        weights, bias = read_out(scale * values + shift, answers, 3)
        assert ((scale * values + shift) @ weights + bias).argmax(dim=1).equal(answers)


def test_every_class_weighs_alike():
    # One in ten is of class 1 and they overlap: by numbers alone all would be called 0.
    draw = torch.Generator().manual_seed(0)
    answers = (torch.arange(1000) % 10 == 0).long()
    values = answers[:, None] + torch.randn(1000, 1, generator=draw)
    weights, bias = read_out(values, answers, 2)
    named = (values @ weights + bias).argmax(dim=1)
    assert (named[answers == 1] == 1).float().mean() > 0.6


@pytest.fixture
def how(fabric, tmp_path):
    def trained(run):
        """Weights of the run's network, no longer those it starts from."""
        net = METHODS[run.method].network(run, 16)
        return checkpoint.prefixed("encoder", net.encoder.state_dict())

    return How(tmp_path, fabric, before=trained)


def test_a_probe_is_made_from_both_networks_and_tells_them_apart(how):
    made = make_probe(ProbeConfig(encoder=MOCO, heads=3, batches=2), how)
    assert made.weights is None
    assert made.fields["organs"][0] == "background"
    for volume in made.fields["volumes"]:
        for when in ("start", "settled", "end"):
            assert len(volume[when]) == len(made.fields["organs"])
            assert all(one is None or 0 <= one <= 1 for one in volume[when])
        assert volume["start"] != volume["end"]
    start, end = made.fields["own"]
    assert made.fields["own_fall"] == pytest.approx((start - end) / start, abs=1e-4)


def test_the_head_learns_and_the_encoder_stays(how):
    turns = MOCO.model_copy(
        update={"method": "rotation", "backbone": "resnet50", "elastic": None, "knobs": {}}
    )
    bank, losses = bank_of(turns, how), []
    for heads in (1, 30):
        net = _network(turns, bank, None)
        before = {name: one.clone() for name, one in net.encoder.named_parameters()}
        losses.append(own_loss(ProbeConfig(encoder=turns, heads=heads, rate=0.003), net, bank, how))
        assert all(one.equal(before[name]) for name, one in net.encoder.named_parameters())
    assert losses[1] < losses[0]


def test_of_the_local_branch_organs_alone_are_asked(fabric, tmp_path):
    local = LocalRegionConfig(data=CT, base=2, steps=1, batch=4, halve_every=0, features=8)
    made = make_probe(ProbeConfig(encoder=local, batches=2), How(tmp_path, fabric))
    assert "own" not in made.fields
    # Nothing was trained: only the statistics differ.
    assert all(one["settled"] == one["end"] for one in made.fields["volumes"])
