"""``ldl run``, ``status``, ``jobs``, ``job`` and ``publish``."""

import json
from collections import Counter
from typing import Annotated

import typer

from ldl.errors import LdlError

# Named here, since to ask the plan would load every profile at the start of each command.
TABLE = typer.Argument(
    help="table2, table3, table4, table5, table6, table7, lrc_table1, lrc_table2, lrc_table3, "
    "or all."
)
PROFILE = typer.Option(help="Budget: smoke, demo, open or paper.")
ONLY = typer.Option(help="Keep cells whose row/column contains this, e.g. 'rd/stare,scratch/'.")
JOBS = typer.Option(min=1, help="Worker processes.")
DEVICE = typer.Option(help="auto, cpu or cuda.")


def register(app: typer.Typer) -> None:
    """Put the commands on ``app``."""
    for command in (run, status, jobs, job, publish):
        app.command()(command)


def run(
    table: Annotated[str, TABLE] = "all",
    profile: Annotated[str, PROFILE] = "demo",
    only: Annotated[str | None, ONLY] = None,
    jobs: Annotated[int, JOBS] = 2,
    device: Annotated[str, DEVICE] = "auto",
) -> None:
    """Make the runs of a table that are missing or stale; killed at any moment, it goes on."""
    from ldl.engine.profiles import profile_named
    from ldl.engine.runner import run_all
    from ldl.engine.store import RunStore
    from ldl.tables.plan import runs_of

    runs = runs_of(table, profile_named(profile), only)
    outcome = run_all(runs, RunStore(), workers=jobs, device=device, say=typer.echo)
    typer.echo(
        f"{table}, {profile}: {len(outcome.made)} runs made, {len(outcome.kept)} were fresh, "
        f"{len(outcome.failed)} failed"
    )
    if outcome.failed:
        raise typer.Exit(1)


def status(
    table: Annotated[str, TABLE] = "all",
    profile: Annotated[str, PROFILE] = "demo",
    only: Annotated[str | None, ONLY] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Name every run.")] = False,
) -> None:
    """Count fresh, stale and missing runs of each table."""
    from ldl.engine.profiles import profile_named
    from ldl.engine.store import RunStore
    from ldl.tables import TABLES
    from ldl.tables.plan import runs_of

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


def jobs(
    table: Annotated[str, TABLE] = "all",
    profile: Annotated[str, PROFILE] = "demo",
    only: Annotated[str | None, ONLY] = None,
) -> None:
    """List the jobs of a table as JSON: one pretrained encoder each, and what is measured on it."""
    from ldl.engine.jobs import jobs as list_jobs
    from ldl.engine.profiles import profile_named
    from ldl.engine.store import RunStore
    from ldl.tables.plan import plan

    store = RunStore()
    listed = []
    for each in list_jobs(plan(table, profile_named(profile), only)):
        members = each.members()
        outputs = [str(store.folder(run) / "record.json") for run in members]
        listed.append({"id": each.id, "parents": each.parents, "outputs": outputs})
    typer.echo(json.dumps(listed, indent=1))


def job(
    id: Annotated[str, typer.Argument(help="As `ldl jobs` lists it.")],
    table: Annotated[str, typer.Option(help="The table it belongs to, or all.")] = "all",
    profile: Annotated[str, PROFILE] = "demo",
    only: Annotated[str | None, ONLY] = None,
    device: Annotated[str, DEVICE] = "auto",
) -> None:
    """Make one job in this process: pretrain its encoder, then everything measured on it."""
    from ldl.engine.execute import ensure
    from ldl.engine.jobs import job_named
    from ldl.engine.profiles import profile_named
    from ldl.engine.runner import quiet_cpu
    from ldl.engine.store import RunStore
    from ldl.tables.plan import plan

    quiet_cpu()
    store, wanted = RunStore(), job_named(id, plan(table, profile_named(profile), only))
    members = wanted.members()
    for number, member in enumerate(members, start=1):
        ensure(member, store, device=device, progress=True, weights=True)
        typer.echo(f"{number}/{len(members)} {member.run_id()}")


def publish(
    table: Annotated[str, TABLE] = "all",
    profile: Annotated[str, PROFILE] = "open",
    only: Annotated[str | None, ONLY] = None,
) -> None:
    """Copy this machine's records of a table to results/, to be committed."""
    from ldl.engine.profiles import profile_named
    from ldl.engine.store import RunStore
    from ldl.tables.plan import runs_of

    store, copied = RunStore(), 0
    for one in runs_of(table, profile_named(profile), only).values():
        if (store.folder(one) / "record.json").exists():
            store.publish(one)
            copied += 1
    if not copied:
        raise LdlError(f"no records of {table} under {profile} on this machine; run them first")
    typer.echo(f"{copied} records copied to {store.committed}")
