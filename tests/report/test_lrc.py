"""What LRC's pages look at: labelled slices, a local branch, and organs that were lost."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from ldl import paths
from ldl.data.manifest import manifest_named
from ldl.engine.profiles import EARLIER, profile_named
from ldl.engine.store import RunStore
from ldl.models.organ_net import LocalUNet
from ldl.report import judged
from ldl.report import lrc as ct
from ldl.report.lrc import claim_line, earlier
from ldl.tables import lrc as organs
from ldl.tables.base import Claim
from ldl.tables.lrc_runs import SAMPLES, local_config
from ldl.tables.measure import Measured, show
from ldl.train import checkpoint


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lrc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LDL_CACHE", str(folder / "cache"))
        patch.setenv("LDL_DATA", str(folder / "data"))
        yield RunStore(folder / "runs", folder / "none")


def test_cases_are_labelled_slices_and_the_fullest_has_most_organs(store):
    case = ct.phantom_case("thorax", size=32, count=5)
    assert case.images.shape == (5, 1, 32, 32)
    assert ct.superpixel_maps(case.images).shape == (5, 32, 32)
    counts = [len(np.unique(each[each > 0])) for each in case.labels]
    assert min(counts) >= max(counts) / 2
    one = ct.fullest(case)
    assert len(np.unique(one.labels[one.labels > 0])) == max(counts)
    assert ct.real_case("thorax", size=32, count=5) is None


def test_a_real_case_may_be_shown_where_its_licence_says_so(store, monkeypatch):
    phantoms = ct._phantoms("abdomen", 32, 0)
    monkeypatch.setattr(ct, "ct_bank", lambda *_, **__: phantoms)
    for name, region in (("btcv", "abdomen"), ("openkbp", "head_neck")):
        case = ct.real_case(region, size=32, count=2)
        assert case.real
        assert case.showable == manifest_named(name).licence.redistribution
    assert not ct.real_case("abdomen", size=32, count=2).showable


@pytest.fixture(scope="module")
def short(store):
    return ct.branch(ct.short_config("smoke"), store)


def test_a_short_branch_is_a_run_of_the_store_and_made_once(short, store, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("trained again")

    monkeypatch.setattr("ldl.train.local_region.LocalRegionStage.losses", refuse)
    again = ct.branch(short.config, store)
    one, two = short.net.state_dict(), again.net.state_dict()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert store.status(short.config) == "fresh"
    assert "4 steps of 3 abdomen phantoms of 32 pixels" in short.words
    images = ct.phantom_case("abdomen", size=32, count=2).images
    assert ct.embeddings(short.net, images).shape == (2, 8, 32, 32)


def test_the_start_is_where_the_training_started(short, store):
    config = short.config.model_copy(update={"steps": 1, "learning_rate": 1e-12})
    barely = ct.branch(config, store)
    for name, value in barely.net.named_parameters():
        torch.testing.assert_close(value, barely.start.state_dict()[name], rtol=0, atol=1e-9)
    assert not torch.equal(short.net.decoder.last.weight, short.start.decoder.last.weight)


def test_the_tables_branch_is_taken_where_its_weights_are(short, store):
    config = local_config(SAMPLES, profile_named("smoke"))
    assert ct.tables_branch("smoke", store).config == short.config
    torch.manual_seed(3)
    trained = LocalUNet(config.base, 1, config.features)
    checkpoint.save(store.weights(config), trained.state_dict(), {"run_id": config.run_id()})
    record = {"schema": 1, "run_id": config.run_id(), "version": config.stamp()}
    store.save(config, record)
    found = ct.tables_branch("smoke", store)
    assert found.config == config
    assert torch.equal(found.net.decoder.last.weight, trained.decoder.last.weight)


def test_earlier_records_are_history(tmp_path):
    past = show("lrc_table1", EARLIER, RunStore(tmp_path, paths.repo_root() / "results"))
    assert len(past.records) == 40
    assert not past.fair
    verdicts = {each.verdict for each in judged(past) if each.found}
    assert verdicts <= {"loss without background", "not trained here"}
    page = earlier(past.store).data
    gone = sum(min(np.nanmean(organs.by_organ(one), axis=0)) < 0.01 for one in past.records)
    assert f"{gone} of 40 networks" in page


def test_a_claim_says_what_was_kept_and_how_many_seeds_would_tell():
    rng = np.random.default_rng(0)

    def side(shift, lost):
        records = []
        for seed in range(3):
            scores = 0.5 + shift + 0.01 * seed + 0.02 * rng.standard_normal((40, 2))
            scores[:, 1] *= not lost
            volumes = [{"dsc": one.tolist()} for one in scores]
            records.append({"organs": ["liver", "spleen"], "volumes": volumes})
        return Measured((np.zeros((3, 40)),), tuple(records), (0, 1, 2), False, None)

    claim = Claim("a over b", "lrc_table1", "a", "b", "abdomen-10")
    cells = {("a", "abdomen-10"): side(0.1, False), ("b", "abdomen-10"): side(0.0, True)}
    words = claim_line(SimpleNamespace(cells=cells))(claim)
    enough = r"\d+ (seeds|volumes)( on \d+ volumes)? would"
    assert re.match(rf"kept by both \+(9|10)\.\d<br>{enough}", words)
    whole = {key: side(0.0, False) for key in cells}
    assert "kept" not in claim_line(SimpleNamespace(cells=whole))(claim)
