"""What a page says about its runs: data, budget, device, and how far they may be believed."""

from collections.abc import Iterable
from typing import Any, get_args

import numpy as np
from IPython.display import HTML, Markdown

from ldl.engine.execute import ensure
from ldl.engine.profiles import Profile, profile_named
from ldl.engine.store import Record, RunStore
from ldl.plots.show import small_table, words
from ldl.runs.pretrain import ComparisonName
from ldl.tables import runs_of

# Profiles small enough to be computed by the page that shows them.
BY_PAGE = ("smoke", "demo")


def complete(table: str, profile: str, store: RunStore, only: str | None = None) -> list[str]:
    """Make the runs of a table that are missing, where the profile is small enough for a page.

    For the larger profiles a page shows what is there, and `ldl run` makes the rest.

    Returns:
        ids of the runs that are still missing.
    """
    runs = runs_of(table, profile_named(profile), only)
    if profile in BY_PAGE:
        for run in runs.values():
            ensure(run, store)
    return [name for name, run in runs.items() if store.status(run) == "missing"]


def is_phantom(record: Record) -> bool:
    """Whether a record was made on phantoms."""
    return bool(_setting(record["config"], "data")["source"] == "phantom")


def _commit(record: Record) -> str:
    made = record["provenance"]
    return f"{made['commit']}{' with changes' if made['modified'] else ''}"


def provenance(records: Iterable[Record], work: str = "training") -> str:
    """What a whole table was made from, computed from its records; ``work`` took their time."""
    found = list(records)
    if not found:
        return ""
    made = [record["provenance"] for record in found]
    sizes = _range(_setting(record["config"], "data")["size"] for record in found)
    seeds = _list(str(_setting(_network(record["config"]), "seed")) for record in found)
    devices = _list(one["device"] for one in made)
    days = sorted(one["date"][:10] for one in made)
    when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    seconds = sum(record["wall_seconds"] for record in found)
    took = f"{seconds / 3600:.1f} hours" if seconds >= 360 else f"{seconds / 60:.1f} minutes"
    runs = f"{len(found)} run{'s' * (len(found) > 1)}"
    return f"{runs} at {sizes} pixels, seed {seeds}, {took} of {work} on {devices}, {when}."


def _network(config: dict[str, Any]) -> dict[str, Any]:
    """Of a search the training of its network: the search's own seed draws supports."""
    network: dict[str, Any] | None = config.get("network")
    return network or config


def _setting(config: dict[str, Any], name: str) -> Any:
    """A field of a config; of one that has none, such as a probe of an encoder, the encoder's."""
    within = (one for one in config.values() if isinstance(one, dict) and name in one)
    return config[name] if name in config else next(within)[name]


def _list(values: Iterable[str], most: int = 4) -> str:
    names = sorted(set(values))
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _range(values: Iterable[int]) -> str:
    numbers = sorted(set(values))
    return f"{numbers[0]:,}" if len(numbers) == 1 else f"{numbers[0]:,} to {numbers[-1]:,}"


def budget(profile: Profile) -> Markdown:
    """Steps, epochs, sizes and width of a profile's pretrainings and transfers."""
    source = "phantoms" if profile.pretraining.source == "phantom" else "real images"
    others = _range(profile.steps_of(name) for name in get_args(ComparisonName))
    lacking = f" Left out: {', '.join(profile.without)}." if profile.without else ""
    return Markdown(
        f"Profile `{profile.name}`: {source}; pretraining {profile.steps1:,} steps and "
        f"{profile.steps2:,} with regions at {profile.crop} of {profile.pretraining.size} pixels, "
        f"{2 * profile.groups} images a step; the other methods {others} steps of "
        f"{profile.batch} images; first stage of {profile.base} channels (the paper's tiny "
        f"network: 16); transfer {profile.fundus.frozen_epochs} frozen and "
        f"{profile.fundus.full_epochs} full epochs (fundus), {profile.xray.frozen_epochs} and "
        f"{profile.xray.full_epochs} (X-ray) at {profile.tasks.size} pixels.{lacking}"
    )


def images_seen(config: dict[str, Any]) -> int:
    """How many images a pretraining draws, its step 1 included; ``config`` as a record has it."""
    before = images_seen(config["step1"]) if config.get("step1") else 0
    batch = config["batch"] if "batch" in config else 2 * config["groups"]
    return before + int(config["steps"]) * int(batch)


def run_card(record: Record) -> HTML:
    """One run as a small table: what it was and what it took."""
    config, data, made = record["config"], record["data"], record["provenance"]
    steps = record["updates"] if "updates" in record else config["steps"]
    counts = {
        name: data[name] for name in ("images", "train", "validation", "test") if name in data
    }
    lines = {
        "run": record["run_id"],
        "data": f"{data['name']}, " + ", ".join(f"{n:,} {name}" for name, n in counts.items()),
        "data hash": data["fingerprint"][:16],
        "size": f"{config['data']['size']} pixels"
        + (f", crop {config['crop']}" if "crop" in config else ""),
        "first stage": f"{config['base']} channels",
        "updates": f"{steps:,}",
        **({"images seen": f"{images_seen(config):,}"} if "steps" in config else {}),
        "seed": config["seed"],
        "wall time": f"{record['wall_seconds']:.1f} s",
        "device": f"{made['device']}, {made['precision']}",
        "software": f"Python {made['python']}, torch {made['versions']['torch']}",
        "commit": _commit(record),
        "made": made["date"],
    }
    if "dsc" in record:
        lines["mean DSC"] = f"{100 * np.mean(record['dsc']):.1f} %"
    return small_table(
        [{"setting": name, "value": words(str(value), 24)} for name, value in lines.items()]
    )
