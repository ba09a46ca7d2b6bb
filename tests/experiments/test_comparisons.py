"""Comparison methods as runs: their budget, their records, and what code these depend on."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ldl.config import ComparisonConfig, ComparisonName, DataConfig
from ldl.data.grades import grades
from ldl.data.sources import pretraining_bank
from ldl.errors import DataError
from ldl.experiments import modules
from ldl.experiments.dependencies import modules_of
from ldl.experiments.execute import ensure
from ldl.experiments.fingerprint import code_fingerprint
from ldl.experiments.profiles import PROFILES, Profile
from ldl.experiments.row_configs import comparison_config, ldl_config, transfer_configs
from ldl.experiments.rows import COMPARED, Variant
from ldl.experiments.store import RunStore
from ldl.experiments.syntax import tree_fingerprint
from ldl.methods import COMPARISONS
from ldl.models.backbones import backbone
from ldl.train import checkpoint

TRAINED: list[ComparisonName] = [name for name, each in COMPARISONS.items() if each.trains]  # type: ignore[misc]
# What a comparison's modules import and its numbers do not follow from.
HARMLESS = {
    "ldl.errors": "words",
    "ldl.compat": "how torchvision and lightly are imported; their versions are in the record",
    "ldl.config": "the values are in the record",
    "ldl.data.tasks": "the channels follow from the modality",
    "ldl.losses.checks": "refuses what cannot be computed",
    "ldl.methods.common": "a type alias is all that is taken, see below",
    "ldl.data.bank": "the pixels' fingerprint is in the record",
    "ldl.train.feed": "hands on the bytes of the bank",
    "ldl.methods": "the list of methods",
}


def run_of(method: ComparisonName, name: str | None = None) -> ComparisonConfig:
    return ComparisonConfig(
        method=method,
        modality="fundus",
        data=DataConfig(source="phantom", size=32),
        base=2,
        steps=1,
        crop=32,
        batch=8,
        halve_every=1,
        backbone=name or ("vit" if method == "mae" else "vgg"),  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("profile", ["demo", "open"])
@pytest.mark.parametrize("method", COMPARED)
def test_every_method_sees_as_many_images_as_the_longest_of_ldls_rows(
    method: ComparisonName, profile: str
) -> None:
    budget = PROFILES[profile]
    config = comparison_config(Variant(method), "fundus", budget)
    ours = ldl_config(Variant("rd", clusters=16), "fundus", budget)
    assert ours.step1 is not None
    seen = 2 * ours.groups * (ours.steps + ours.step1.steps)
    assert abs(config.steps * config.batch - seen) < config.batch
    assert config.data == ours.data
    assert (config.base, config.crop) == (ours.base, ours.crop)
    assert config.learning_rate == ours.learning_rate
    assert config.halve_every == config.steps // 2


@pytest.mark.parametrize("method", COMPARED)
def test_the_papers_profile_has_the_originals_hyperparameters(method: ComparisonName) -> None:
    config = comparison_config(Variant(method), "fundus", PROFILES["paper"])
    assert config.knobs == {}


@pytest.mark.parametrize("profile", ["smoke", "demo", "open"])
@pytest.mark.parametrize("method", COMPARED)
def test_elsewhere_what_our_scale_forbids_is_replaced(method: ComparisonName, profile: str) -> None:
    budget = PROFILES[profile]
    config = comparison_config(Variant(method), "fundus", budget)
    small = {name: value for name, (value, _) in COMPARISONS[method].small.items()}
    if "queue" in small and budget.queue:
        small["queue"] = budget.queue
    assert config.knobs == small
    knobs = COMPARISONS[method].knobs(config)
    if "queue" in small:
        assert config.batch <= knobs.queue <= 2960 // 2


@pytest.mark.parametrize("method", ["moco", "supervised"])
def test_a_transfer_brings_its_comparison_and_leaves_records(
    method: ComparisonName, store: RunStore, smoke: Profile
) -> None:
    run = transfer_configs(Variant(method), "stare_vessel", smoke)[0]
    record = ensure(run, store, device="cpu")
    assert len(record["dsc"]) == smoke.tasks.test
    assert run.encoder is not None
    made = store.record(run.encoder)
    assert made is not None
    assert isinstance(run.encoder, ComparisonConfig)
    assert made["title"] == COMPARISONS[method].title
    assert made["images_seen"] == run.encoder.steps * run.encoder.batch
    assert len(made["spread"]) == run.encoder.steps
    assert 0 <= made["retrieval"] <= 1
    assert made["retrieval_among"] == smoke.pretraining.images // 8  # type: ignore[operator]
    # Heads, queues and teachers stay behind.
    weights = checkpoint.under("encoder", checkpoint.load(store.weights(run.encoder))[0])
    expected = backbone("vgg", run.base, 3).state_dict()
    assert {name: w.shape for name, w in weights.items()} == {
        name: w.shape for name, w in expected.items()
    }
    assert not list(store.work.glob("**/checkpoint.safetensors"))
    assert store.status(run.encoder) == "fresh"


def test_films_have_no_grade_to_be_supervised_by(cache: Path, smoke: Profile) -> None:
    config = comparison_config(Variant("supervised"), "xray", smoke)
    bank = pretraining_bank(config.data, "xray")
    with pytest.raises(DataError, match="chest X-rays have no grades"):
        grades(config.data, bank)


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Modules named in the list look as if a line of code, not a comment, had been added."""
    read, changed = modules._source, list[str]()

    def source(name: str) -> str:
        return read(name) + ("\nEDITED = 1\n" if name in changed else "\n# no code\n")

    def forget() -> None:
        modules.imported.cache_clear()
        modules.module_fingerprint.cache_clear()

    forget()
    monkeypatch.setattr(modules, "_source", source)
    yield changed
    forget()


def affected(edited: list[str], module: str) -> set[str]:
    """The methods whose fingerprint an edit of ``module`` changes, LDL's own among them."""
    ours = {
        name: ldl_config(Variant(name, clusters=16 if name == "rd" else 0), "fundus", DEMO)  # type: ignore[arg-type]
        for name in ("pd", "pd+mix", "rd")
    }
    runs = {**ours, **{name: run_of(name) for name in TRAINED}}
    before = {name: code_fingerprint(run) for name, run in runs.items()}
    edited.append(module)
    modules.module_fingerprint.cache_clear()
    return {name for name, run in runs.items() if code_fingerprint(run) != before[name]}


DEMO = PROFILES["demo"]


@pytest.mark.parametrize("method", TRAINED)
def test_a_methods_own_file_changes_its_records_alone(
    method: ComparisonName, edited: list[str]
) -> None:
    expected = {"moco", "mocov2"} if method == "moco" else {method}
    assert affected(edited, COMPARISONS[method].__module__) == expected


@pytest.mark.parametrize(
    ("module", "methods"),
    [
        ("ldl.losses.info_nce", {"moco", "mocov2", "densecl"}),
        ("ldl.models.queue", {"moco", "mocov2", "densecl"}),
        ("ldl.methods.momentum", {"moco", "mocov2", "densecl", "byol"}),
        ("ldl.methods.dense_momentum", {"densecl"}),
        ("ldl.losses.correspondence", {"densecl"}),
        ("ldl.methods.projection", {"simclr", "instdisc", "embinva"}),
        ("ldl.models.bank", {"instdisc"}),
        ("ldl.losses.instance", {"instdisc"}),
        ("ldl.losses.turns", {"rotori"}),
        ("ldl.losses.patch", {"embinva", "pd", "pd+mix", "rd"}),
        ("ldl.data.genesis", {"genesis"}),
        ("ldl.data.upright", {"genesis", "relative-location", "rotation"}),
        ("ldl.data.arrangement", {"relative-location"}),
        ("ldl.data.phantom_lesions", {"supervised"}),
        ("ldl.models.decoder", {"genesis", "pd", "pd+mix", "rd"}),
        ("ldl.models.vit", {"mae"}),
        ("ldl.data.grades", {"supervised"}),
        ("ldl.data.recipes", set(TRAINED)),
        ("ldl.methods.comparison", set(TRAINED)),
        ("ldl.train.comparison", set(TRAINED)),
        ("ldl.train.loop", {*TRAINED, "pd", "pd+mix", "rd"}),
        ("ldl.methods.rd", {"rd"}),
        ("ldl.data.views", {"pd", "pd+mix", "rd"}),
    ],
)
def test_an_edit_reaches_the_methods_that_use_it_and_no_others(
    module: str, methods: set[str], edited: list[str]
) -> None:
    assert affected(edited, module) == methods


@pytest.mark.parametrize(("name", "module"), [("resnet50", "resnet"), ("vit", "vit")])
def test_the_backbones_file_counts_where_it_is_used(name: str, module: str) -> None:
    assert f"ldl.models.{module}" in modules_of(run_of("moco", name))
    assert f"ldl.models.{module}" not in modules_of(run_of("moco"))


def test_a_transfer_depends_on_its_encoders_code() -> None:
    run = transfer_configs(Variant("moco"), "stare_vessel", DEMO)[0]
    assert run.encoder is not None
    assert set(modules_of(run.encoder)) < set(modules_of(run))


def imports(module: str) -> set[str]:
    """Modules of ldl that ``module`` imports, anywhere in it."""
    lines = ast.walk(ast.parse(modules._source(module)))
    names = {line.module or "" for line in lines if isinstance(line, ast.ImportFrom)}
    return {name for name in names if name.split(".")[0] == "ldl"}


def reached(*names: str) -> set[str]:
    """Modules called ``names`` and what they import, and so on, but for what is harmless."""
    found, waiting = set[str](), list(names)
    while waiting:
        module = waiting.pop()
        if module not in found and module not in HARMLESS:
            found.add(module)
            waiting += imports(module)
    return found


@pytest.mark.parametrize("method", COMPARISONS)
def test_no_module_that_a_method_reaches_is_forgotten(method: ComparisonName) -> None:
    config = run_of(method)
    # The door to the backbones imports each of them only where it is asked for.
    others = {"ldl.models.resnet", "ldl.models.vit"} - {f"ldl.models.{config.backbone}"}
    assert reached(COMPARISONS[method].__module__) - others <= set(modules_of(config))


def test_no_module_that_the_training_takes_from_is_forgotten() -> None:
    partly = {name for name, _, _ in modules._TAKEN.values()}
    wanted = imports("ldl.train.comparison") - set(HARMLESS)
    assert wanted <= set(modules_of(run_of("moco"))) | partly


def test_only_what_is_named_is_taken_of_a_module_that_is_not_followed() -> None:
    for module, (source, parts, _) in modules._TAKEN.items():
        lines = ast.walk(ast.parse(modules._source(module)))
        found = [
            n.name
            for x in lines
            if isinstance(x, ast.ImportFrom) and x.module == source
            for n in x.names
        ]
        assert found
        assert set(found) <= set(parts)


@pytest.mark.parametrize(
    ("before", "after", "stale"),
    [
        ("count // 8", "count // 4", True),
        ("HELD_OUT = 64", "HELD_OUT = 32", True),
        ('"""Row numbers', '"""The row numbers', False),
        ("class PretrainStage:", "class Stage:", False),
    ],
)
def test_a_run_depends_on_which_images_are_held_out(
    monkeypatch: pytest.MonkeyPatch, before: str, after: str, stale: bool
) -> None:
    config, kept = run_of("moco"), modules._source
    was = code_fingerprint(config)

    def edited(name: str) -> str:
        source = kept(name)
        if name != "ldl.train.pretrain":
            return source
        assert before in source
        return source.replace(before, after)

    monkeypatch.setattr(modules, "_source", edited)
    assert (code_fingerprint(config) != was) == stale


def test_a_grade_follows_from_the_table_or_from_a_phantoms_lesions() -> None:
    wanted = {"ldl.data.grades", "ldl.data.phantom_lesions"}
    assert wanted <= set(modules_of(run_of("supervised")))
    assert not wanted & set(modules_of(run_of("moco")))


@pytest.mark.parametrize("method", TRAINED)
def test_of_what_is_not_followed_only_a_type_is_taken(method: ComparisonName) -> None:
    for module in reached(COMPARISONS[method].__module__):
        for line in ast.walk(ast.parse(modules._source(module))):
            if isinstance(line, ast.ImportFrom) and line.module == "ldl.methods.common":
                assert [name.name for name in line.names] == ["Losses"]


_IMPORTED = """
import sys, types
from pathlib import Path
import ldl
# Without these files, which import every method, loss and model.
for name in ("methods", "losses", "models"):
    package = types.ModuleType(f"ldl.{name}")
    package.__path__ = [str(Path(ldl.__file__).parent / name)]
    sys.modules[f"ldl.{name}"] = package
common = types.ModuleType("ldl.methods.common")
common.Losses = dict
sys.modules["ldl.methods.common"] = common
__import__(sys.argv[1])
print(*[name for name in sys.modules if name.startswith("ldl.")])
"""


@pytest.mark.parametrize("method", ["densecl", "instdisc"])
def test_what_a_process_really_imports_is_known(method: ComparisonName) -> None:
    command = [sys.executable, "-c", _IMPORTED, COMPARISONS[method].__module__]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    packages = {"ldl.methods", "ldl.losses", "ldl.models", "ldl.data"}
    found = set(done.stdout.split()) - packages - set(HARMLESS)
    assert COMPARISONS[method].__module__ in found
    assert found <= set(modules_of(run_of(method)))


def test_an_edit_that_changes_no_number_keeps_records_fresh() -> None:
    """The list names trees of today: a line whose module went on changing has no effect left."""
    files = Path(modules.__file__).parents[1].rglob("*.py")
    today = {tree_fingerprint(file.read_text()) for file in files}
    assert set(modules._EQUAL) <= today
    assert not set(modules._EQUAL.values()) & today
