"""The Snakefile plans one job an encoder, makes the records, and leaves fresh ones alone."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ldl.engine.jobs import jobs
from ldl.engine.profiles import profile_named
from ldl.paths import repo_root
from ldl.tables import plan


@pytest.fixture
def snakemake(tmp_path: Path):
    """Run Snakemake with these arguments in a folder of its own; returns what it said."""

    def run(*arguments: str) -> str:
        program = Path(sys.executable).parent / "snakemake"
        command = [program, "-s", repo_root() / "workflow/Snakefile", "-d", tmp_path, *arguments]
        environment = os.environ | {"LDL_CACHE": str(tmp_path / "cache")}
        ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout + ran.stderr

    return run


def test_plans_one_job_for_each_encoder(snakemake) -> None:
    said = snakemake("--dry-run", "--cores", "1", "--config", "table=all", "profile=demo")
    planned = re.search(r"^encoder +(\d+)$", said, re.MULTILINE)
    assert planned is not None
    assert int(planned.group(1)) == len(jobs(plan("all", profile_named("demo"))))


def test_makes_the_runs_once_the_parent_first(snakemake, tmp_path: Path) -> None:
    choice = ["--config", "table=table2", "profile=smoke", "only=rd/stare"]
    said = snakemake("--cores", "2", *choice)
    made = sorted(path.parent.name for path in (tmp_path / "cache").glob("runs/*/record.json"))
    assert [name.rsplit("-s0-")[0] for name in made] == [
        "pretrain-pd-mix-fundus-phantom-g8-c0-b2",
        "pretrain-rd-fundus-phantom-g8-c16-b2",
        "transfer-rd-stare_vessel-phantom-f100",
    ]
    assert "rule encoder" in said
    assert said.index("job=pretrain-pd-mix") < said.index("job=pretrain-rd")
    assert "rule encoder" not in snakemake("--cores", "1", *choice)
