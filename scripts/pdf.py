"""The built book as one PDF with links and outline, printed by the system's Chromium.

python scripts/pdf.py [_build/html] [-o _build/book.pdf]
"""

import argparse
import re
import shutil
import sys
from pathlib import Path
from urllib.parse import unquote, urljoin, urlparse

import yaml
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parent.parent
PAPER = {
    "format": "A4",
    "margin": {"top": "15mm", "bottom": "16mm", "left": "15mm", "right": "15mm"},
}
WIDTH = 680  # CSS pixels of A4 between the margins
FOOT = (
    '<div style="font-size:8px;width:100%;text-align:center;color:#666">'
    '<span class="pageNumber"></span></div>'
)
# Waits until equations are set, then shrinks what is wider than the paper.
SETTLE = """async () => {
  await window.MathJax?.startup?.promise;
  await document.fonts.ready;
  const boxes = ".ldl-scroll, .text_html, div.math, .highlight pre";
  for (const box of document.querySelectorAll(boxes)) {
    const wide = Math.max(box.scrollWidth, ...[...box.children].map((one) => one.scrollWidth));
    if (wide > box.clientWidth + 1) box.style.zoom = Math.max(0.35, box.clientWidth / wide);
  }
}"""


def pages(html: Path, toc: Path = ROOT / "_toc.yml") -> list[str]:
    """Addresses of the book's pages below ``html``, in its order."""
    given = yaml.safe_load(toc.read_text(encoding="utf-8"))
    found = [given["root"]]
    for part in given.get("parts", [given]):
        stack = list(part.get("chapters", []))
        while stack:
            one = stack.pop(0)
            found.append(one["file"])
            stack = list(one.get("sections", [])) + stack
    return [f"{name}.html" for name in found if (html / f"{name}.html").is_file()]


def article(html: Path, page: str, known: dict[str, str]) -> Tag:
    """One page's text; its ids are its own, links to other pages lead to their place in here."""
    soup = BeautifulSoup((html / page).read_text(encoding="utf-8"), "html.parser")
    found = soup.select_one("article.bd-article") or soup.select_one("main")
    if found is None:
        sys.exit(f"pdf: {html / page} has no article; build the book again: make book")
    key = known[page]
    for one in found.select("script[src], button.copybtn, a.headerlink, .toctree-wrapper"):
        one.decompose()
    for one in found.select("[id]"):
        # Widgets and drawings know their own ids, which are hashes.
        if not one.find_parent(class_="ldl-figure"):
            one["id"] = f"{key}--{one['id']}"
    for one in found.select("a[href]"):
        one["href"] = target(page, str(one["href"]), known)
        if not one["href"]:
            del one["href"]
    for one in found.select("img[src]"):
        if not str(one["src"]).startswith("data:"):
            one["src"] = (html / urljoin(page, unquote(str(one["src"])))).resolve().as_uri()
    found["id"] = key
    found["class"] = [*found.get_attribute_list("class"), "ldl-sheet"]
    return found


def target(page: str, address: str, known: dict[str, str]) -> str:
    """Where a link leads within the PDF; outside it stays as it is, and to a file it is none."""
    if urlparse(address).scheme:
        return address
    path, _, name = urljoin(page, unquote(address)).partition("#")
    if path not in known:
        return ""
    return f"#{known[path]}--{name}" if name else f"#{known[path]}"


def whole(html: Path, order: list[str]) -> str:
    """All pages as one document, with the head of the first."""
    known = {page: "p-" + re.sub(r"\W+", "-", Path(page).stem) for page in order}
    soup = BeautifulSoup((html / order[0]).read_text(encoding="utf-8"), "html.parser")
    assert soup.body is not None
    soup.body.clear()
    place: Tag = soup.body
    for kind in ("bd-main", "bd-content", "bd-article-container"):
        inner = soup.new_tag("div", attrs={"class": kind})
        place.append(inner)
        place = inner
    for page in order:
        place.append(article(html, page, known))
    return str(soup)


def main() -> None:
    """Write the PDF."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("html", type=Path, nargs="?", default=ROOT / "_build" / "html")
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "_build" / "book.pdf")
    parser.add_argument("--toc", type=Path, default=ROOT / "_toc.yml")
    given = parser.parse_args()
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if not browser:
        sys.exit("pdf: no Chromium on this machine; install Debian's package `chromium`")
    if not (given.html / "index.html").is_file():
        sys.exit(f"pdf: no book in {given.html}; build it first: make book")
    # Beside the first page, whose head it has: style sheets and MathJax have relative addresses.
    order = pages(given.html, given.toc)
    one = given.html / Path(order[0]).with_name("print.html")
    one.write_text(whole(given.html, order), encoding="utf-8")
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = opened.new_page(viewport={"width": WIDTH, "height": 960}, color_scheme="light")
        page.set_default_timeout(600_000)
        page.add_init_script("localStorage.mode = localStorage.theme = 'light'")
        page.emulate_media(media="print")
        page.goto(one.resolve().as_uri())
        page.wait_for_timeout(2000)  # widgets draw once they are in the page
        page.evaluate(SETTLE)
        page.pdf(
            path=given.output, **PAPER, outline=True, tagged=True, print_background=True,
            display_header_footer=True, header_template="<span></span>", footer_template=FOOT,
        )  # fmt: skip
        opened.close()
    one.unlink()
    print(f"the book as PDF: {given.output.resolve()}")


if __name__ == "__main__":
    main()
