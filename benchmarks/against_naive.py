"""The step of a pretraining against the same step with its losses as their equations read.

    python -m benchmarks.against_naive
    python -m benchmarks.against_naive --size 64 --base 4 --threads 1

Both take the same steps, each in a process of its own, so that each has its own peak. The other one
has the losses written in the obvious way (`naive.py`) and the default memory layout.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
ROWS = (
    ("seconds a step", "seconds", "{:.3f}"),
    ("of processor time", "cpu_seconds", "{:.3f}"),
    ("of these loss", "loss", "{:.3f}"),
    ("of these backward", "backward", "{:.3f}"),
    ("images a second", "images_a_second", "{:.1f}"),
    ("MiB kept for backward", "kept_mib", "{:.0f}"),
    ("MiB at the peak", "peak_mib", "{:.0f}"),
)


def measured(arguments: list[str], naive: bool) -> dict[str, Any]:
    """The numbers of one formulation, from its own process."""
    command = [sys.executable, "-m", "benchmarks.pretrain_step", "--json", *arguments]
    done = subprocess.run(
        [*command, "--naive"] if naive else command,
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    numbers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**numbers, **numbers["parts"]}


def table(ours: dict[str, Any], naive: dict[str, Any]) -> str:
    """Both side by side."""
    lines = [ours["setting"].rsplit(" (", 1)[0], f"on {ours['device']}", ""]
    lines.append(f"{'':<24}{'ours':>10}{'as read':>10}{'as read / ours':>16}")
    for title, key, form in ROWS:
        share = naive[key] / ours[key] if ours[key] else float("nan")
        cells = (form.format(ours[key]), form.format(naive[key]), f"{share:.2f}")
        lines.append(f"{title:<24}{cells[0]:>10}{cells[1]:>10}{cells[2]:>16}")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure both and print; options are those of ``benchmarks.pretrain_step``."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog="Every option of benchmarks.pretrain_step is passed on to it.",
    )
    _, passed = parser.parse_known_args(arguments)
    print(table(measured(passed, naive=False), measured(passed, naive=True)))


if __name__ == "__main__":
    main()
