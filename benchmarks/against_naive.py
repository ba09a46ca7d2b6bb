"""The step of a pretraining against the same step with its losses as their equations read.

    python -m benchmarks.against_naive
    python -m benchmarks.against_naive --size 64 --base 4 --threads 1

Both take the same steps, each in a process of its own, so that each has its own peak. The other one
has the losses written in the obvious way (`naive.py`) and the default memory layout. The third is
the network alone: what no way to write the losses can save.
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


def measured(*arguments: str) -> dict[str, Any]:
    """The numbers of one formulation, from its own process."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.pretrain_step", "--json", *arguments],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    numbers: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**numbers, **numbers["parts"]}


def table(ours: dict[str, Any], naive: dict[str, Any], alone: dict[str, Any]) -> str:
    """All three side by side."""
    lines = [ours["setting"].rsplit(" (", 1)[0], f"on {ours['device']}", ""]
    heads = ("network alone", "ours", "as read", "as read / ours", "as read / alone")
    lines.append(f"{'':<24}" + "".join(f"{head:>17}" for head in heads))
    for title, key, form in ROWS:
        cells = [form.format(one[key]) for one in (alone, ours, naive)]
        cells += [f"{naive[key] / one[key]:.2f}" if one[key] else "" for one in (ours, alone)]
        lines.append(f"{title:<24}" + "".join(f"{cell:>17}" for cell in cells))
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> None:
    """Measure both and print; options are those of ``benchmarks.pretrain_step``."""
    parser = argparse.ArgumentParser(
        description=(__doc__ or "").splitlines()[0],
        epilog="Every option of benchmarks.pretrain_step is passed on to it.",
    )
    _, passed = parser.parse_known_args(arguments)
    print(table(measured(*passed), measured(*passed, "--naive"), measured(*passed, "--alone")))


if __name__ == "__main__":
    main()
