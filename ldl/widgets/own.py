"""One's own images in a running notebook: pretrain, paint masks, fine-tune, look at what came out.

Each function here calls `ldl.pretrain`, `ldl.finetune` and `ldl.segment` and adds nothing to them.
"""

import base64
import csv
import html
import io
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import copy_context
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import traitlets
from IPython.display import HTML
from ipywidgets import HTML as Words
from ipywidgets import Button, HBox, IntProgress, VBox
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ldl.data.own import image_files
from ldl.data.readers.image import read_codes, read_image
from ldl.errors import DataError, LdlError
from ldl.own.finetuning import finetune
from ldl.own.pretraining import pretrain
from ldl.own.segmenting import COLOURS, TABLE, segment
from ldl.paths import shown
from ldl.plots.images import to_display
from ldl.plots.theme import CYCLE, HIT
from ldl.widgets.live import Live
from ldl.widgets.packing import Payload, html_of, module, text_of

LONGEST = 512  # pixels of a picture that is sent
MADE_BY, FIELD = "ldl painting_widget", "Software"  # the png field that says whose a mask is
EVERY = 0.3  # seconds between two drawings of the curves
POINTS, WIDE, HIGH = 200, 560, 150  # of the curves
Item = tuple[Path, Path]  # an image and its mask, which need not be there yet


class _Stopped(Exception):
    """Raised in the training to end it."""


class Work(VBox):
    """A call that runs in the background: a button, a bar, its losses, and what it says.

    Attributes:
        running: whether it does.
        result: what came back; None until then.
        lines: what was said.
        losses: title of a training -> (step, values by name) so far.
    """

    running = traitlets.Bool(False)
    result = traitlets.Any(None, allow_none=True)

    def __init__(self, title: str, call: Callable[..., Any]) -> None:
        """``call`` takes ``progress`` and ``say`` as `ldl.pretrain` does."""
        self._call, self._wanted, self._drawn = call, Event(), 0.0
        self._thread, self._steps = Thread(), 1
        self.lines: list[str] = []
        self.losses: dict[str, list[tuple[int, dict[str, float]]]] = {}
        self.go = Button(description=title, button_style="primary")
        self.halt = Button(description="Stop", disabled=True)
        self.bar, self.told, self.curves = IntProgress(max=1), Words(), Words()
        self.go.on_click(lambda _: self.start())
        self.halt.on_click(lambda _: self.stop())
        super().__init__([HBox([self.go, self.halt, self.bar]), self.curves, self.told])

    def start(self) -> None:
        """Begin, or go on where a stopped training was; nothing happens while it runs."""
        if not self.running:
            self._wanted.set()
            self.lines.clear()
            self.losses.clear()
            self._running(True)
            # In this cell's context, by which the kernel knows whom it answers.
            self._thread = Thread(target=copy_context().run, args=(self._work,), daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End it at the next step."""
        self._wanted.clear()

    def wait(self, seconds: float | None = None) -> Any:
        """The result, when the call has ended or the time is over."""
        self._thread.join(seconds)
        return self.result

    def _running(self, value: bool) -> None:
        self.go.disabled, self.halt.disabled = value, not value
        self.running = value

    def _work(self) -> None:
        try:
            self.result = self._call(progress=self._seen, say=self._say)
        except _Stopped:
            self._say(f"stopped; {self.go.description} goes on")
        except LdlError as error:
            self._say(str(error))
        except Exception as error:
            self._say(f"{type(error).__name__}: {error}")
            raise
        finally:
            self._draw()
            self._running(False)

    def _say(self, line: str) -> None:
        self.lines.append(line)
        text = "<br>".join(html.escape(one) for one in self.lines)
        self.told.value = f'<div style="line-height: 1.4" role="log">{text}</div>'

    def _seen(self, title: str, step: int, steps: int, losses: dict[str, float]) -> None:
        if not self._wanted.is_set():
            raise _Stopped
        if losses:
            self.losses.setdefault(title, []).append((step, losses))
            self._steps = steps
        now = time.monotonic()
        if now - self._drawn > EVERY or step == steps:
            self._drawn = now
            self.bar.max, self.bar.value = steps, step
            self._draw()

    def _draw(self) -> None:
        if self.losses:
            title, rows = list(self.losses.items())[-1]
            self.curves.value = curves(rows, self._steps, title)


def curves(rows: Sequence[tuple[int, Mapping[str, float]]], steps: int, title: str = "") -> str:
    """Losses over the steps as an SVG, the last value of each in its legend."""
    rows = [*rows[: -1 : 1 + len(rows) // POINTS], rows[-1]]
    values = [value for _, losses in rows for value in losses.values()]
    low, high = min(0.0, *values), max(*values, 1e-6)
    lines, legend = [], []
    for number, name in enumerate(rows[-1][1]):
        colour = CYCLE[number % len(CYCLE)]
        dots = " ".join(
            f"{WIDE * step / steps:.1f},{HIGH * (high - losses[name]) / (high - low):.1f}"
            for step, losses in rows
        )
        lines.append(f'<polyline points="{dots}" fill="none" stroke="{colour}" stroke-width="2"/>')
        said = f"{html.escape(name)} {rows[-1][1][name]:.3f}"
        legend.append(f'<span style="color: {colour}">&#9632;</span> {said} &ensp;')
    return (
        f"<div>{''.join(legend)} step {rows[-1][0]} of {steps}</div>"
        f'<svg viewBox="0 -4 {WIDE} {HIGH + 8}" width="{WIDE}" style="max-width: 100%" role="img" '
        f'aria-label="losses of {html.escape(title)}"><path d="M0 0V{HIGH}H{WIDE}" fill="none" '
        f'stroke="currentColor" opacity="0.5"/>{"".join(lines)}</svg>'
    )


class MaskWidget(Live):
    """Images with their masks, one at a time; painted where ``editable``.

    Attributes:
        items: an image and its mask each.
        editable: whether strokes are taken; masks that were not painted here stay as they are.
    """

    _esm = module("masks", live=True)
    editable = traitlets.Bool(False).tag(sync=True)

    def __init__(self, items: Iterable[Item], *, editable: bool = False) -> None:
        self.items = list(items)
        given = {"count": len(self.items), "colour": HIT}
        super().__init__(given=text_of(given), editable=editable)
        self.on_msg(self._asked)

    def _asked(self, _: Any, content: dict[str, Any], __: Any) -> None:
        number = content["number"]
        if "mask" in content:
            told = {"saved": f"{number + 1} of {len(self.items)}: {self.paint(number, content)}"}
        else:
            told = seen(*self.items[number])
        self.send({"number": number, **told})

    def paint(self, number: int, content: Mapping[str, str]) -> str:
        """Keep a mask, a png's address whose opaque pixels are painted; what came of it, in words.

        It is written at the image's size, 0 and 255; one of which nothing is left is deleted.
        """
        image, mask = self.items[number]
        if not self.editable or _foreign(mask):
            return f"{mask.name} was not painted here and stays as it is"
        with Image.open(io.BytesIO(base64.b64decode(content["mask"].partition(",")[2]))) as picture:
            alpha = picture.convert("RGBA").getchannel("A")
        rows, columns = read_image(image).shape[:2]
        drawn = np.asarray(alpha.resize((columns, rows), Image.Resampling.BILINEAR)) > 127
        if not drawn.any():
            mask.unlink(missing_ok=True)
            return f"{image.name}: nothing is painted"
        mask.parent.mkdir(parents=True, exist_ok=True)
        told = PngInfo()
        told.add_text(FIELD, MADE_BY)
        Image.fromarray(drawn.astype(np.uint8) * 255).save(mask, pnginfo=told)
        return f"{image.name}: {drawn.mean():.1%} painted, in {mask.name}"


def seen(image: Path, mask: Path) -> Payload:
    """What the page shows of an image: words, both pictures as addresses, whether it is locked."""
    try:
        pixels = to_display(read_image(image))
        codes = read_codes(mask) if mask.is_file() else np.zeros(pixels.shape[:2], int)
    except DataError as error:
        return {"words": str(error), "image": "", "mask": "", "locked": True}
    share = f", {(codes != 0).mean():.1%} is mask" if codes.any() else ""
    return {
        "words": shown(image.name) + share,
        "image": _address(Image.fromarray(pixels), Image.Resampling.BOX),
        "mask": _address(_coloured(codes), Image.Resampling.NEAREST),
        "locked": _foreign(mask),
    }


def _coloured(codes: np.ndarray) -> Image.Image:
    """(H, W) values -> a colour for each but 0, which is transparent."""
    found = np.zeros((*codes.shape, 4), np.uint8)
    for number, value in enumerate(np.unique(codes[codes != 0])):
        found[codes == value] = [*bytes.fromhex(COLOURS[number % len(COLOURS)][1:]), 255]
    return Image.fromarray(found)


def _address(picture: Image.Image, how: Image.Resampling) -> str:
    small = picture.copy()
    small.thumbnail((LONGEST, LONGEST), how)
    buffer = io.BytesIO()
    small.save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def _foreign(mask: Path) -> bool:
    """Whether a mask is there that was not painted here."""
    try:
        with Image.open(mask) as picture:
            return picture.info.get(FIELD) != MADE_BY
    except OSError:
        return mask.exists()


def found_items(folder: Path | str) -> list[Item]:
    """Images and masks that `ldl.segment` wrote into a folder."""
    try:
        with (Path(folder) / TABLE).open(newline="", encoding="utf-8") as stream:
            pairs = {one["image"]: one["mask"] for one in csv.DictReader(stream) if one["mask"]}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
        raise LdlError(f"{folder}: no masks of `ldl segment` there ({error})") from None
    return [(Path(image), Path(folder) / mask) for image, mask in pairs.items()]


def results_widget(folder: Path | str) -> MaskWidget:
    """Scroll through what `ldl.segment` wrote: image, mask, and one over the other."""
    return MaskWidget(found_items(folder))


def results_page(folder: Path | str, *, caption: str) -> HTML:
    """The same for a page without kernel, its pictures with it."""
    items = [seen(*one) for one in found_items(folder)]
    given = {"count": len(items), "colour": HIT, "items": items}
    still = f'<img src="{items[0]["image"]}" alt="{html.escape(items[0]["words"])}">'
    label = "Images and their masks"
    return HTML(html_of("masks", given, label=label, caption=caption, still=still))


def painting_widget(images: Path | str, masks: Path | str) -> MaskWidget:
    """Paint a mask for some of the images below a folder; each stroke is kept at once.

    Args:
        images: holds them, in any subfolders.
        masks: where pngs of the images' names go; masks of others there are shown and kept.
    """
    folder, place = Path(images), Path(masks)
    files = image_files(folder, least=1, beside=place).files
    pairs = [(folder / one, (place / one).with_suffix(".png")) for one in files]
    return MaskWidget(pairs, editable=True)


def pretraining_widget(folder: Path | str, output: Path | str, **knobs: Any) -> Work:
    """`ldl.pretrain` behind a button, its losses drawn as it runs; ``knobs`` are its own."""
    return Work("Pretrain", lambda **how: pretrain(folder, output, **knobs, **how))


def finetuning_widget(
    images: Path | str,
    masks: Path | str,
    output: Path | str,
    found: Path | str,
    *,
    new: Path | str | None = None,
    **knobs: Any,
) -> VBox:
    """Paint masks, `ldl.finetune` on them, `ldl.segment` and look at the masks that were found.

    Args:
        images, masks: as of `painting_widget`; at least three images of three subjects need one.
        output: the model.
        found: a folder for the masks that it finds.
        new: images that are segmented; ``images`` if None.
        knobs: those of `ldl.finetune`, such as ``encoder``.
    """

    def work(**how: Any) -> Any:
        done = finetune(images, masks, output, **knobs, **how)
        segment(output, [new or images], found, **how)
        return done

    train = Work("Fine-tune", work)
    both = VBox([painting_widget(images, masks), train])

    def show(_: Any) -> None:
        both.children = (*both.children[:2], results_widget(found))

    train.observe(show, "result")
    return both
