"""What the pages on LRC share: CT to look at, the sets that stand in, organs that were lost."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from IPython.display import HTML, Markdown

from ldl.data.colour import normalise
from ldl.data.ct import CtBank, ct_bank, facts, slice_bank
from ldl.data.manifest import manifest_named
from ldl.data.superpixels import superpixels
from ldl.engine.execute import ensure
from ldl.engine.profiles import EARLIER, profile_named
from ldl.engine.store import Record, RunStore
from ldl.errors import DataError
from ldl.models.organ_net import LocalUNet
from ldl.plots.show import small_table
from ldl.report.render import NOT_YET, Extra, signed
from ldl.rng import seed_everything
from ldl.runs.lrc import CtConfig, LocalRegionConfig, RegionName, SuperpixelConfig
from ldl.stats import crossed
from ldl.tables.base import Claim, Column
from ldl.tables.compare import Difference, Finding, difference
from ldl.tables.lrc import GLOBAL, gaps, lost
from ldl.tables.lrc_runs import SAMPLES, labelled_set, local_config
from ldl.tables.measure import Measured, Shown, show
from ldl.tasks import FACTS, REGIONS
from ldl.train import checkpoint


def volumes_table(shown: Shown) -> HTML:
    """The paper's sets, what stands in for them, and how many volumes each number rests on."""
    records: dict[str, list[Record]] = {}
    for (_, key), cell in shown.cells.items():
        records.setdefault(_column(shown, key).of.region, []).extend(cell.records)
    rows = []
    for region in REGIONS:
        columns = [one for one in shown.table.columns(shown.profile) if one.of.region == region]
        if not columns:
            continue
        first = next(iter(records.get(region, [])), None)
        rows.append(
            {
                "the paper's set": FACTS[region].column,
                "here": columns[0].group.split(",")[0],
                "labelled volumes": "; ".join(one.label.replace(" volumes", "") for one in columns),
                "to test": str(len(first["volumes"])) if first else NOT_YET,
                "voxel (mm)": " × ".join(f"{one:.3g}" for one in first["data"]["spacing"])
                if first
                else "",
                "organs": ", ".join(first["organs"]) if first else "",
            }
        )
    about = "What each number is measured on; parts are split by volume."
    return small_table(rows, caption=about, wraps=True)


def lrc_budget(shown: Shown) -> Markdown:
    """Lengths and widths of a profile's runs, and how far the fine-tunings came."""
    lrc = shown.profile.lrc
    longer = "; ".join(f"{GLOBAL[name]} {steps:,}" for name, steps in lrc.longer.items())
    last = sum(one["best_step"] == one["config"]["steps"] for one in shown.records)
    ended = (
        f" In {last} of {len(shown.records)} fine-tunings the validation volumes scored best at "
        "the last step: a longer training may change their order."
        if shown.records
        else ""
    )
    return Markdown(
        f"Profile `{shown.profile.name}`: slices of {lrc.size} pixels, ResNet-50 of {lrc.base} and "
        f"U-Net of {lrc.local_base} channels (the paper: 64 each), {lrc.features} features; global "
        f"pretraining {lrc.whole_steps:,} steps{longer and f' ({longer})'} of {lrc.whole_batch} "
        f"slices, local {lrc.local_steps:,} of {lrc.batch}, fine-tuning {lrc.tune_steps:,} of "
        f"{lrc.batch}.{ended}"
    )


def lost_organs(cell: Measured) -> tuple[str, ...]:
    """Organs that a row gave up under any seed, in the records' order."""
    gone = {name for record in cell.records for name in lost(record)}
    return tuple(name for name in cell.records[0]["organs"] if name in gone)


def organs_line(shown: Shown) -> Extra:
    """For `group_table`: how many organs a cell lost."""

    def line(row: str, column: str) -> str:
        cell = shown.cells.get((row, column))
        gone = lost_organs(cell) if cell else ()
        return f"{len(gone)}/{len(cell.records[0]['organs'])} lost" if cell and gone else ""

    return line


def over_kept(better: Measured, worse: Measured) -> Difference:
    """Their difference over the organs that neither gave up; nan where there is none."""
    return difference(better, worse, lambda one, other: gaps(one, other, only_kept=True))


def claim_line(shown: Shown) -> Callable[[Claim], str]:
    """For `claims_table`: the difference over organs kept by both, where one lost any; and how many
    seeds, or else volumes, would tell the smallest difference of interest."""

    def line(claim: Claim) -> str:
        better, worse = (shown.cells[key, claim.column] for key in (claim.better, claim.worse))
        words = []
        if lost_organs(better) or lost_organs(worse):
            words.append(f"kept by both {signed(over_kept(better, worse).value)}")
        words.append(would_tell(difference(better, worse, gaps), claim.least))
        return "<br>".join(filter(None, words))

    return line


def would_tell(found: Difference, least: float) -> str:
    """How many seeds, or else volumes or both, would tell ``least`` points from none."""
    (apart,) = found.gaps
    if not np.isfinite(apart).all():
        return ""
    spread = crossed(apart)
    seeds = spread.seeds_to_tell(least) if spread.seeds > 1 else None
    volumes = spread.cases_to_tell(least)
    both = spread.both_to_tell(least) if spread.seeds > 1 else None
    enough = f"{seeds} seeds" if seeds else f"{volumes} volumes" if volumes else ""
    enough = enough or (_both(*both) if both else "more of both")
    return f"{enough} would tell {least:g} point"


def _both(seeds: int, volumes: int) -> str:
    """To two digits: three seeds say no more of variances."""
    return f"{float(f'{seeds:.2g}'):g} seeds on {float(f'{volumes:.2g}'):g} volumes"


_HOLDS = {
    "reproduced": "holds",
    "higher": "holds",
    "higher (one seed)": "holds for one seed",
    "lower (one seed)": "the opposite for one seed",
    "lower": "the opposite",
    "opposite": "the opposite",
    "no difference of interest": "does not hold",
}


def answer(finding: Finding) -> str:
    """Whether a claim holds here; where that cannot be told, what would tell it."""
    if finding.found is None:
        return NOT_YET
    if finding.verdict in _HOLDS:
        return _HOLDS[finding.verdict]
    if finding.verdict == "not trained here":
        return f"not judged (†): {would_tell(finding.found, finding.claim.least)}"
    if not finding.found.low <= 0 <= finding.found.high:
        side = "higher" if finding.found.value > 0 else "lower"
        return f"{side}, by less than {finding.claim.least:g} point"
    return f"cannot be told: {would_tell(finding.found, finding.claim.least)}"


def earlier(store: RunStore) -> Markdown:
    """The first records on real CT, of which nothing follows, and why."""
    past = show("lrc_table1", EARLIER, store)
    gone = sum(bool(lost(one)) for one in past.records)
    return Markdown(
        "Earlier records on real CT are history, and nothing is judged on them: their Dice loss "
        f"knew no background, and {gone} of {len(past.records)} networks lost at least one organ."
    )


def _column(shown: Shown, key: str) -> Column:
    return next(one for one in shown.table.columns(shown.profile) if one.key == key)


Array = np.ndarray
VOLUMES = 3
TITLES = {"abdomen": "abdomen", "thorax": "thorax", "head_neck": "head and neck"}


@dataclass(frozen=True)
class Case:
    """Some labelled slices of one region.

    Attributes:
        region: "abdomen", "thorax" or "head_neck".
        images: (N, 1, S, S) uint8, windowed.
        labels: (N, S, S) uint8, 0 for background.
        organs: names of the labels 1, 2, ...
        words: what they are, for captions.
        real: whether they are slices of patients.
        showable: whether they may stand in a page; most sets may not be passed on.
    """

    region: str
    images: Array
    labels: Array
    organs: tuple[str, ...]
    words: str
    real: bool
    showable: bool = True

    @property
    def name(self) -> str:
        """What is counted over them is called after them."""
        return TITLES[self.region] + (", real CT" if self.real else "")


def phantom_case(region: str, *, size: int, count: int, seed: int = 0) -> Case:
    """``count`` slices of three phantoms, evenly spread over those that show many organs.

    Many: at least half as many as the slice that shows most.
    """
    bank = _phantoms(region, size, seed)
    return _case(bank, region, count, f"{TITLES[region].capitalize()} phantoms.")


def real_case(region: str, *, size: int, count: int) -> Case | None:
    """The same of the region's stand-in on real CT; None where it is not at hand."""
    name = facts(region).stand_in
    try:
        bank = ct_bank(region, name, size=size, volumes=VOLUMES)
    except DataError:
        return None
    manifest = manifest_named(name)
    words = f"Real CT: {manifest.title}, {manifest.licence.name}."
    return replace(
        _case(bank, region, count, words), real=True, showable=manifest.licence.redistribution
    )


def unseen_case(region: RegionName, profile: str, *, count: int) -> Case | None:
    """Slices of the volumes that a profile's networks are tested on; None where not at hand."""
    data = labelled_set(region, profile_named(profile))
    try:
        bank = slice_bank(data)
    except DataError:
        return None
    manifest = manifest_named(data.set_name())
    words = f"Real CT: {manifest.title}, {manifest.licence.name}."
    case = _case(bank, region, count, words, bank.rows("test"))
    return replace(case, real=True, showable=manifest.licence.redistribution)


def superpixel_maps(images: Array, config: SuperpixelConfig | None = None) -> Array:
    """Superpixels of (N, 1, S, S) uint8 slices: (N, S, S) int16."""
    return np.stack([superpixels(one, config or SuperpixelConfig()) for one in images])


@lru_cache(maxsize=8)
def _phantoms(region: str, size: int, seed: int) -> CtBank:
    return ct_bank(region, "phantom", size=size, volumes=VOLUMES, slices=16, seed=seed)


def _case(bank: CtBank, region: str, count: int, words: str, rows: Array | None = None) -> Case:
    assert bank.labels is not None, "phantoms and stand-ins are labelled"
    rows = np.arange(len(bank.labels)) if rows is None else rows
    # Long scans have many slices with a piece of one organ, which say little about merging.
    shown = np.array([len(np.unique(one[one > 0])) for one in np.asarray(bank.labels[rows])])
    rich = rows[shown >= max(1, shown.max() / 2)]
    kept = rich[np.linspace(0, len(rich) - 1, min(count, len(rich))).round().astype(int)]
    images, labels = np.array(bank.images[kept]), np.array(bank.labels[kept])
    return Case(region, images, labels, bank.organs, words, real=False)


def fullest(case: Case) -> Case:
    """The one slice that shows most organs, of those the one with most of their pixels."""
    organs = [len(np.unique(one[one > 0])) for one in case.labels]
    pixels = (case.labels > 0).sum(axis=(1, 2))
    best = max(range(len(organs)), key=lambda k: (organs[k], pixels[k]))
    return replace(case, images=case.images[best : best + 1], labels=case.labels[best : best + 1])


@dataclass(frozen=True)
class Branch:
    """A local branch, both networks in eval mode on the CPU.

    Attributes:
        config: what was trained.
        net, start: the network, and the same before its first step.
        record: of its run.
    """

    config: LocalRegionConfig
    net: LocalUNet
    start: LocalUNet
    record: Record

    @property
    def saw(self) -> str:
        """What it was trained on."""
        data = self.config.data
        if data.source == "phantom":
            return "abdomen phantoms"
        return f"slices of {manifest_named(data.set_name()).title.split(',')[0]}"

    @property
    def words(self) -> str:
        """What it is, for captions."""
        one = self.config
        return (
            f"Local branch: width {one.base}, D = {one.features}, {one.steps} steps of "
            f"{one.batch} {self.saw} of {one.data.size} pixels, N = {one.samples}, "
            f"seed {one.seed}."
        )


def short_config(profile: str, seed: int = 0) -> LocalRegionConfig:
    """A pretraining that a page can wait for: abdomens, as in the paper, of phantoms."""
    small = profile == "smoke"
    data = CtConfig(
        region="abdomen",
        source="phantom",
        size=32 if small else 64,
        volumes=4 if small else 8,
        slices=8 if small else 24,
        seed=seed,
        budgets=(1,),
    )
    return LocalRegionConfig(
        data=data,
        base=2 if small else 6,
        steps=4 if small else 60,
        batch=3 if small else 6,
        halve_every=0,
        features=8 if small else 32,
        learning_rate=2e-3,
        seed=seed,
    )


def branch(config: LocalRegionConfig, store: RunStore) -> Branch:
    """The branch of ``config``, pretrained now where its weights are not on this machine."""
    record = ensure(config, store, device="cpu", weights=True)
    net, start = _network(config), _network(config)
    net.load_state_dict(checkpoint.load(store.weights(config))[0])
    return Branch(config, net, start, record)


def tables_branch(profile: str, store: RunStore, seed: int = 0) -> Branch:
    """The tables' own branch where its weights are here, or real CT to train it on; else a short
    one."""
    planned = local_config(SAMPLES, profile_named(profile), seed)
    there = store.weights(planned).exists()
    if planned.data.source != "phantom":
        there = _at_hand(planned.data)
    return branch(planned if there else short_config(profile, seed), store)


def _at_hand(data: CtConfig) -> bool:
    try:
        slice_bank(data)
    except DataError:
        return False
    return True


@torch.no_grad()
def embeddings(net: LocalUNet, images: Array) -> Array:
    """f of (N, 1, S, S) uint8 slices: (N, D, S, S) float32, not normalised."""
    found: torch.Tensor = net(normalise(torch.from_numpy(images).float() / 255))
    return found.numpy()


def _network(config: LocalRegionConfig) -> LocalUNet:
    """As it is before its first step, by `ldl.train.local_region.pretrain_local`'s draws."""
    seed_everything(config.seed, "initialise", "local region")
    return LocalUNet(config.base, 1, config.features, config.border).eval()
