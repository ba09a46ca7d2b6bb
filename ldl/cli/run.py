"""``ldl run``, ``status``, ``jobs``, ``job`` and ``publish``."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Annotated

import typer

from ldl import paths
from ldl.cli.options import Device, Only, Profile, Table
from ldl.engine.jobs import job_named, makespan
from ldl.engine.jobs import jobs as list_jobs
from ldl.engine.profiles import profile_named
from ldl.engine.store import RunStore
from ldl.errors import LdlError
from ldl.runs.base import Run
from ldl.tables import TABLES, by_table, plan, runs_of

DEVICES = (1, 2, 4, 8, 16, 32)


def run(
    table: Table = "all",
    profile: Profile = "demo",
    only: Only = None,
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 2,
    device: Device = "auto",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would cost.")] = False,
    book: Annotated[
        bool, typer.Option("--book", help="Build the book's pages as tables are complete.")
    ] = False,
) -> None:
    """Make the runs of a table that are missing or stale; killed at any moment, it goes on."""
    from tqdm.auto import tqdm

    from ldl.book.growing import Growing, so_far
    from ldl.engine.runner import run_all

    runs, store = runs_of(table, profile_named(profile), only), RunStore()
    if dry_run:
        missing = [one for one in runs.values() if store.status(one) != "fresh"]
        typer.echo(f"{table}, {profile}: {len(missing)} of {len(runs)} runs are to be made")
        _say_costs(missing, device)
        return
    paths.writable(paths.cache_dir(), "LDL_CACHE")
    members = by_table(table, profile_named(profile), only)
    growing = Growing(so_far(profile), tqdm.write) if book else None
    outcome = run_all(
        runs, store, workers=jobs, device=device, say=tqdm.write, tables=members, then=growing
    )
    if growing:
        growing.finish()
    typer.echo(
        f"{table}, {profile}: {len(outcome.made)} runs made, {len(outcome.kept)} were fresh, "
        f"{len(outcome.failed)} failed"
    )
    if outcome.failed:
        raise typer.Exit(1)


def _say_costs(runs: Sequence[Run], device: str) -> None:
    """A line for each kind of run: how many, updates, hours on ``device``, memory."""
    from ldl.train.device import device_name, fabric_for
    from ldl.train.estimate import estimates, measured_rate, totals

    costs, rate = estimates(runs), measured_rate(device)
    lines = totals(costs)
    typer.echo(f"Measured here: {rate / 1e12:.3f} TFLOP/s ({device_name(fabric_for(device))}).")
    typer.echo(f"{'':30}{'runs':>6}{'updates':>13}{'PFLOP':>10}{'hours':>10}{'GiB':>7}")
    for one in lines.itertuples():
        hours = one.flop / rate / 3600
        cost = f"{one.flop / 1e15:>10.1f}{hours:>10.1f}{one.memory / 2**30:>7.1f}"
        row = cost if one.counted else "  not counted"
        typer.echo(f"{one.Index:30}{one.runs:>6}{one.updates:>13,}{row}")
    left_out = (lines["runs"] - lines["counted"]).sum()
    typer.echo(
        f"In all {lines['flop'].sum() / rate / 3600:,.1f} hours on one such device"
        + (f"; {left_out} runs are not counted" if left_out else "")
        + ", beside reading data, validation and tests."
    )
    needed = {run.run_id(): cost.flop / rate / 3600 if cost else 0.0 for run, cost in costs}
    planned = {run.run_id(): run for run in runs}
    ends = ", ".join(f"{n}: {makespan(planned, needed, n):,.1f}" for n in DEVICES)
    typer.echo(f"Hours on so many such devices, a run on each: {ends}.")


def status(
    table: Table = "all",
    profile: Profile = "demo",
    only: Only = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Name every run.")] = False,
) -> None:
    """Count fresh, stale and missing runs of each table."""
    store = RunStore()
    for name in TABLES if table == "all" else [table]:
        runs = runs_of(name, profile_named(profile), only)
        states = {id: store.status(run) for id, run in runs.items()}
        count = Counter(states.values())
        line = ", ".join(f"{count[state]} {state}" for state in ("fresh", "stale", "missing"))
        typer.echo(f"{name}, {profile}: {line}")
        if verbose:
            for id, state in states.items():
                typer.echo(f"  {state:8}{id}")


def jobs(table: Table = "all", profile: Profile = "demo", only: Only = None) -> None:
    """List the jobs of a table as JSON: one pretrained encoder each, and what is measured on it."""
    store, listed = RunStore(), []
    for each in list_jobs(plan(table, profile_named(profile), only)):
        outputs = [str(store.folder(run) / "record.json") for run in each.members()]
        listed.append({"id": each.id, "parents": each.parents, "outputs": outputs})
    typer.echo(json.dumps(listed, indent=1))


def job(
    id: Annotated[str, typer.Argument(help="As `ldl jobs` lists it.")],
    table: Annotated[str, typer.Option(help="The table it belongs to, or all.")] = "all",
    profile: Profile = "demo",
    only: Only = None,
    device: Device = "auto",
) -> None:
    """Make one job in this process: pretrain its encoder, then everything measured on it."""
    from ldl.engine.execute import ensure
    from ldl.engine.runner import quiet_cpu

    paths.writable(paths.cache_dir(), "LDL_CACHE")
    quiet_cpu()
    store, wanted = RunStore(), job_named(id, plan(table, profile_named(profile), only))
    members = wanted.members()
    for number, member in enumerate(members, start=1):
        ensure(member, store, device=device, progress=True, weights=True)
        typer.echo(f"{number}/{len(members)} {member.run_id()}")


def publish(table: Table = "all", profile: Profile = "open", only: Only = None) -> None:
    """Copy this machine's records of a table to results/, to be committed."""
    runs, store = runs_of(table, profile_named(profile), only), RunStore()
    copied = [
        store.publish(one) for one in runs.values() if (store.folder(one) / "record.json").exists()
    ]
    if not copied:
        raise LdlError(f"no records of {table} under {profile} on this machine; run them first")
    typer.echo(f"{len(copied)} records copied to {store.committed}")
