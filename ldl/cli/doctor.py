"""``ldl doctor``: what is here, and what is missing for what."""

import os
import platform
import sys

import typer

from ldl import paths
from ldl.cli.data import layout_of
from ldl.data.manifest import collection_named, manifests


def doctor() -> None:
    """Say what this machine has: python, torch, device, disk, data sets, and what tables lack.

    Your own images need none of the data sets.
    """
    import torch

    import ldl
    from ldl.train.device import device_name, fabric_for, multiplies_bf16

    fabric = fabric_for()
    typer.echo(f"ldl {ldl.__version__}, python {platform.python_version()} ({sys.executable})")
    typer.echo(f"torch {torch.__version__} on {device_name(fabric)}; {os.cpu_count()} CPU cores")
    if fabric.device.type == "cpu" and multiplies_bf16():
        typer.echo("this CPU multiplies bf16: `--device cpu-bf16` is quicker and leaner")
    for words, folder, variable in (
        ("cache (banks, runs)", paths.cache_dir(), "LDL_CACHE"),
        ("data sets", paths.data_dir(), "LDL_DATA"),
        ("records", paths.results_dir(), "LDL_RESULTS"),
    ):
        free = paths.free_bytes(folder) / 2**30
        there = "" if folder.is_dir() else "not there yet, "
        typer.echo(f"{words}: {folder} ({there}{free:.1f} GiB free; {variable} moves it)")
    found = [name for name, manifest in manifests().items() if layout_of(manifest)]
    typer.echo(f"data sets found: {', '.join(found) or 'none'}")
    lacking = 0
    for table, needed in _needed().items():
        lost = sorted(needed - {*found})
        lacking += bool(lost)
        typer.echo(f"{table}: {'lacks ' + ', '.join(lost) if lost else 'all its sets are here'}")
    end = (
        f"{lacking} tables lack sets (`ldl data fetch NAME` fetches them or says how)"
        if lacking
        else "nothing is missing"
    )
    typer.echo(f"phantoms and your own images work here; on real images: {end}")


def _needed() -> dict[str, set[str]]:
    """Table -> the sets that profile `open` tests on."""
    from ldl.tables import TABLES
    from ldl.tasks import FACTS, TASKS, VESSEL_TASKS

    of = {task: collection_named(task)[0].name for task in TASKS}
    lrc = {one.stand_in for one in FACTS.values()}
    vessels = {of[task] for task in VESSEL_TASKS}
    special = {
        **{f"table{n}": vessels | {collection_named(f"{kind}_prior")[0].name}
           for n, kind in ((5, "dsa"), (6, "octa"))},
        "table7": {"hrf", "idrid_grading", "idrid_localization", "drishti_gs1", "scr"},
    }  # fmt: skip
    pools = {"eyepacs", "nih_chestxray8"}  # that encoders are pretrained on
    return {
        name: lrc if name.startswith("lrc") else pools | special.get(name, set(of.values()))
        for name in TABLES
    }
