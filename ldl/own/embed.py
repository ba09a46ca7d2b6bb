"""One vector an image: of any images, or of a folder, with its nearest neighbours to look at."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from tqdm.auto import tqdm

from ldl import paths
from ldl.data.bank import refuse
from ldl.data.own import image_files
from ldl.errors import DataError, LdlError
from ldl.models.backbones import pooled
from ldl.own.load import ImageLike, Loaded, load_encoder
from ldl.own.outputs import put, refuse_among, refuse_foreign
from ldl.plots.images import nearest, to_display
from ldl.plots.theme import theme

SUFFIXES = (".npz", ".csv")
BATCH, QUERIES, NEIGHBOURS = 16, 8, 5
CELL = 1.1  # inches of a picture
MADE_BY = "ldl embed"
SHEET = "Software"  # the png field that says whose it is


def embed(
    encoder: str | Path | Loaded, images: Iterable[ImageLike], device: str = "cpu"
) -> NDArray[np.float32]:
    """One vector an image: the mean over the encoder's deepest map.

    In scikit-learn: ``FunctionTransformer(functools.partial(ldl.embed, "enc.safetensors"))``.

    Args:
        encoder: a model file, or what `load_encoder` returned.
        images: files, PIL images or arrays, see `Loaded.preprocess`.
        device: where the network runs; it is brought back to the CPU.

    Returns:
        (N, D) float32.
    """
    loaded = encoder if isinstance(encoder, Loaded) else load_encoder(encoder)
    return _vectors(loaded, (loaded.preprocess(one) for one in images), device)


@torch.inference_mode()
def _vectors(loaded: Loaded, squares: Iterable[Tensor], device: str) -> NDArray[np.float32]:
    net = loaded.module.to(device)
    found: list[Tensor] = []
    todo = iter(squares)
    while batch := list(islice(todo, BATCH)):
        found.append(pooled(net(torch.stack(batch).to(device))).float().cpu())
    net.to("cpu")
    return torch.cat(found).numpy() if found else np.zeros((0, 0), np.float32)


def embed_folder(
    encoder: Path,
    folder: Path,
    output: Path,
    *,
    device: str = "cpu",
    leave_out: bool = False,
    progress: bool = True,
    say: Callable[[str], object] = print,
) -> tuple[Path, Path, NDArray[np.float32]]:
    """Write the vectors of all images below ``folder`` and a contact sheet of neighbours.

    Args:
        encoder: a model file.
        folder: holds the images, in any subfolders.
        output: .npz with ``names`` (N,) and ``vectors`` (N, D) float32; or .csv, a line an image.
        device: where the network runs.
        leave_out: go on without files that cannot be read.
        progress: show a bar.
        say: takes the line about which files were used.

    Returns:
        The output, the contact sheet (a png beside it), and the vectors.
    """
    sheet = output.with_name(f"{output.stem}-neighbours.png")
    if output.suffix not in SUFFIXES:
        raise LdlError(f"--output {output}: name a file that ends in .npz or .csv")
    refuse_among(output, folder)
    refuse_foreign(output, (output, sheet), _ours, MADE_BY)
    loaded = load_encoder(encoder)
    volumes = loaded.preprocessing.modality == "ct"
    chosen = image_files(folder, volumes=volumes, least=2)
    paths.writable(output.parent)
    more = "; of each volume the middle axial slice" if volumes else ""
    say(f"{paths.shown(folder)}: {chosen.line()}{more}")
    names: list[str] = []
    faults: list[str] = []

    def squares() -> Iterator[Tensor]:
        for name in tqdm(chosen.files, desc="embed", unit="image", disable=not progress):
            try:
                yield loaded.preprocess(folder / name)
                names.append(name)
            except DataError as error:
                faults.append(str(error))

    vectors = _vectors(loaded, squares(), device)
    if not leave_out or len(names) < 2:
        refuse(faults, len(chosen.files))
    for fault in faults:
        say(f"left out: {paths.shown(fault)}")
    figure, drawn = contact_sheet(loaded, folder, names, vectors), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=100, facecolor="white", metadata={SHEET: MADE_BY})
    plt.close(figure)
    content = _content(names, vectors, output.suffix)
    put(output.parent, {sheet.name: drawn.getvalue(), output.name: content})
    return output, sheet, vectors


def neighbours(vectors: NDArray[np.float32], count: int) -> tuple[NDArray, NDArray]:
    """The nearest other images of each image, by the cosine between vectors about their mean.

    All vectors of one encoder have much in common, which says nothing; their mean is taken away.

    Args:
        vectors: (N, D), N >= 2.
        count: at most N - 1.

    Returns:
        (N, count) rows, nearest first, and (N, count) cosines.
    """
    centred = vectors - vectors.mean(axis=0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-12)
    rows, likeness = nearest(unit, unit, count + 1)
    # An image is not its own neighbour, wherever equal ones have put it.
    keep = [[k for k in range(count + 1) if row[k] != own][:count] for own, row in enumerate(rows)]
    rows, likeness = (np.take_along_axis(one, np.array(keep), axis=1) for one in (rows, likeness))
    return rows, likeness


def contact_sheet(
    loaded: Loaded,
    folder: Path,
    names: Sequence[str],
    vectors: NDArray[np.float32],
    queries: int = QUERIES,
) -> Figure:
    """Up to ``queries`` images, spread over the folder, each beside its five nearest neighbours."""
    rows, likeness = neighbours(vectors, min(NEIGHBOURS, len(names) - 1))
    asked = np.unique(np.linspace(0, len(names) - 1, queries).round().astype(int))
    columns, high = rows.shape[1] + 1, 1.2  # a picture and its words, in sides of a picture
    with theme():
        figure, axes = plt.subplots(figsize=(CELL * columns, CELL * (high * len(asked) + 0.2)))
        for line, one in enumerate(asked):
            top, words = high * line, ["", *(f"{value:.2f} " for value in likeness[one])]
            for place, k in enumerate((one, *rows[one])):
                square = to_display(loaded.picture(folder / names[k]).square)
                axes.imshow(square, extent=(place, place + 0.96, top + 0.96, top))
                said = words[place] + paths.shown(Path(names[k]).stem)[: 14 - len(words[place])]
                axes.text(place, top + 0.98, said, va="top", fontsize="small")
        for place, said in enumerate(("image", "nearest")):
            axes.text(place, -0.03, said, va="bottom")
        axes.set(xlim=(0, columns), ylim=(high * len(asked), -0.2))
        axes.set_axis_off()
    return figure


def _content(names: Sequence[str], vectors: NDArray[np.float32], suffix: str) -> bytes:
    told = [paths.shown(name) for name in names]
    if suffix == ".csv":
        table = pd.DataFrame(vectors, told, _columns(vectors.shape[1])[1:])
        return table.to_csv(index_label="image", float_format="%.6g").encode()
    stream = io.BytesIO()
    np.savez(stream, made_by=np.array(MADE_BY), names=np.array(told), vectors=vectors)
    return stream.getvalue()


def _columns(width: int) -> list[str]:
    return ["image", *(f"v{k}" for k in range(width))]


def _ours(path: Path) -> bool:
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as found:
                return str(found["made_by"]) == MADE_BY
        if path.suffix == ".csv":
            with path.open(newline="", encoding="utf-8") as stream:
                head = next(csv.reader(stream), [])
            return len(head) > 1 and head == _columns(len(head) - 1)
        with Image.open(path) as picture:
            return picture.info.get(SHEET) == MADE_BY
    except Exception:  # whatever it is, it is not ours
        return False
