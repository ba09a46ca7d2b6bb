"""A picture of the demo for the README, taken in the system's Chromium from a built book.

python scripts/screenshot.py [_build/html/book/executed/demo_localization.html]
"""

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "_build" / "html" / "book" / "executed" / "demo_localization.html"
PICTURE = ROOT / "book" / "assets" / "demo.png"
SIZE = {"width": 1200, "height": 1600}  # high enough that no header lies over the widget
IMAGES, VARIANT = "Chests", "Pd+mix+ms"


def taken(page: Path) -> bytes:
    """The widget as a png, its point on the heart."""
    with sync_playwright() as driver:
        path = shutil.which("chromium") or shutil.which("google-chrome")
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        shown = browser.new_page(viewport=SIZE)
        shown.goto(page.resolve().as_uri())
        for label in (IMAGES, VARIANT):
            shown.get_by_label(label, exact=True).check()
        shown.wait_for_timeout(1000)  # what is spoken follows what is drawn
        picture: bytes = shown.locator(".ldl-widget").screenshot()
        browser.close()
    return picture


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path, nargs="?", default=PAGE)
    image = Image.open(io.BytesIO(taken(parser.parse_args().page))).convert("RGB")
    # Rare colours are kept, the others are mixed from dots.
    colours = image.quantize(256, Image.Quantize.MAXCOVERAGE)
    image.quantize(palette=colours, dither=Image.Dither.FLOYDSTEINBERG).save(PICTURE, optimize=True)
    print(f"{PICTURE.relative_to(ROOT)}: {image.size}, {PICTURE.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
