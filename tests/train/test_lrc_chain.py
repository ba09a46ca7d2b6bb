"""LRC end to end on CT phantoms: global and local pretraining, fine-tuning with and without."""

import numpy as np
import pytest
import torch

from ldl.data.ct import slice_bank
from ldl.data.superpixels import prepare_superpixels
from ldl.runs.lrc import CtConfig, GlobalConfig, LocalRegionConfig, OrganConfig
from ldl.train.ct_global import pretrain_global
from ldl.train.local_region import pretrain_local
from ldl.train.made import How
from ldl.train.organs import finetune


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LDL_CACHE", str(tmp_path / "cache"))
    return tmp_path


def phantoms(region, **fields):
    given = {"size": 32, "volumes": 5, "slices": 8, "budgets": (1, 3), **fields}
    return CtConfig(region=region, source="phantom", **given)


def test_from_unlabelled_slices_to_scores_of_volumes(cache, fabric):
    """Pretrained on the abdomen, fine-tuned on the thorax, as the paper does."""
    unlabelled, labelled = phantoms("abdomen", seed=1), phantoms("thorax")
    encoder = GlobalConfig(
        method="moco",
        data=unlabelled,
        base=2,
        steps=8,
        crop=32,
        batch=8,
        halve_every=8,
        part="all",
        knobs={"queue": 16, "momentum": 0.9},
    )
    local = LocalRegionConfig(
        data=unlabelled, base=2, steps=12, batch=4, halve_every=0, features=16, part="all",
        learning_rate=5e-3,
    )  # fmt: skip
    slices = slice_bank(unlabelled)
    maps = prepare_superpixels(slices, local.superpixels, workers=1)
    whole = pretrain_global(encoder, slices, How(cache / "encoder", fabric))
    regions = pretrain_local(local, slices, maps, How(cache / "local", fabric))
    assert regions.retrieval > regions.retrieval_before

    bank = slice_bank(labelled)
    common = {
        "data": labelled,
        "budget": 3,
        "base": 2,
        "steps": 36,
        "validate_every": 12,
        "features": 16,
        "learning_rate": 0.02,
        "batch": 6,
        "encoder": encoder,
    }
    scores = {}
    for name, fields in (("without", {}), ("with", {"local": local, "local_base": 2})):
        config = OrganConfig(**common, **fields)
        done = finetune(
            config,
            bank,
            How(cache / name, fabric),
            encoder=whole.net.encoder.state_dict(),
            local=regions.net.state_dict() if fields else None,
        )
        scores[name] = {
            (volume.id, organ.organ): (organ.dsc, organ.hd95)
            for volume in done.volumes
            for organ in volume.organs
        }
        lungs = [dsc for (_, organ), (dsc, _) in scores[name].items() if "lung" in organ]
        assert np.mean(lungs) > 0.2, name
    # The same volumes and organs, so that cells can be compared volume by volume.
    assert scores["with"].keys() == scores["without"].keys()
    assert {one for one, _ in scores["with"]} == {v.id for v in bank.part("test")}
    assert {organ for _, organ in scores["with"]} == set(bank.organs)
    assert torch.isfinite(torch.tensor(list(scores["with"].values()))).all()
