"""Rd: region discrimination on top of Pd+mix."""

import math

import pytest
import torch

from ldl.losses import cluster_entropy, region_discrimination, region_vectors
from ldl.methods import METHODS

RD = METHODS["rd"]


def generator():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("formulation", ["released", "paper"])
@pytest.mark.parametrize("weights", [{}, {"region_weight": 3.0, "entropy_weight": 0.7}])
def test_the_total_is_pd_and_mixup_and_ten_region_and_a_tenth_entropy(
    config_for, views, colours, formulation, weights
):
    knobs = {"formulation": formulation, "region_temperature": 0.4}
    config = config_for("rd", **knobs, **weights)
    net = colours(clusters=3)
    losses = RD.losses(net, views, config, generator())
    assert list(losses) == ["patch", "mixup", "region", "entropy"]
    below = METHODS["pd+mix"].losses(
        colours(), views, config_for("pd+mix", formulation=formulation), generator()
    )
    assert losses["patch"] == below["patch"]
    assert losses["mixup"] == below["mixup"]
    embedding, assignment = net(torch.cat([views.first, views.second]))
    region = region_discrimination(
        region_vectors(embedding, assignment), temperature=0.4, formulation=formulation
    )
    ten, tenth = weights.get("region_weight", 10.0), weights.get("entropy_weight", 0.1)
    torch.testing.assert_close(losses["region"], ten * region)
    torch.testing.assert_close(
        losses["entropy"],
        tenth * cluster_entropy(assignment, base=2 if formulation == "released" else math.e),
    )


def test_regions_come_from_the_unmixed_views_only(config_for, views, colours):
    maps = []

    class Watched(colours):
        def forward(self, image):
            answer = super().forward(image)
            maps.append([part.requires_grad_() for part in answer])
            return tuple(maps[-1])

    losses = RD.losses(Watched(clusters=3), views, config_for("rd"), generator())
    (losses["region"] + losses["entropy"]).backward()
    for part in maps[0]:
        moved = part.grad.abs().sum((1, 2, 3)) > 0
        assert moved.tolist() == [True] * 8 + [False] * 2


def test_the_gradient_reaches_every_weight(config_for, views):
    torch.manual_seed(0)
    net = RD.network(config_for("rd"))
    sum(RD.losses(net, views, config_for("rd"), generator()).values()).backward()
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []
