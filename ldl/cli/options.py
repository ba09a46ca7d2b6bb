"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Table = Annotated[
    str, typer.Argument(help="table2, lrc_table1, ..., or all; `ldl status` lists them.")
]
Profile = Annotated[str, typer.Option(help="Budget: smoke, demo, open or paper.")]
Only = Annotated[
    str | None,
    typer.Option(help="Keep cells whose row/column contains this, e.g. 'rd/stare,scratch/'."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cpu-bf16 (to train) or cuda.")]
LeaveOut = Annotated[
    bool, typer.Option("--leave-out", help="Name files that cannot be used and go on.")
]
Seed = Annotated[int, typer.Option(help="Of everything drawn.")]
Side = Annotated[
    int | None, typer.Option(min=32, max=2048, help="Side of the squares images become.")
]
Steps = Annotated[int | None, typer.Option(min=1, help="Of the optimizer.")]
PixelSize = Annotated[
    float | None, typer.Option(min=1e-6, help="mm a pixel, where the files do not say it.")
]
ModelFile = Annotated[Path, typer.Option("--output", "-o", help="The model, .safetensors.")]
Folder = Annotated[Path, typer.Option("--output", "-o", help="Folder for what comes out.")]
Encoder = Annotated[Path, typer.Option(help="A file that `ldl pretrain` wrote.")]
