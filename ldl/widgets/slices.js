// The slice viewer of a page. Before this text stand `id`, the figure that holds it, and `keys.js`.
const root = document.getElementById(id);
const meta = JSON.parse(root.querySelector('script[type="application/json"]').textContent);
const [depth, height, width] = meta.shape;
const scale = Math.max(2, Math.round(512 / width));
const one = (selector) => root.querySelector(selector);

async function unpack(name) {
  const text = one(`script[data-layer="${name}"]`).textContent;
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  return name === "superpixels" ? new Uint16Array(buffer) : new Uint8Array(buffer);
}

const colours = meta.colours.map((c) => [1, 3, 5].map((k) => parseInt(c.slice(k, k + 2), 16)));
const state = { z: meta.start, shown: new Set(meta.shown), hidden: new Set(), fill: meta.fill, under: null };
const layers = {};

function grey(small, z) {
  // Grey values, and the reference filled into them.
  const data = small.data, at = z * height * width;
  const step = 255 / (meta.greys - 1);
  const labels = state.shown.has("reference") ? layers.reference : null;
  const regions = state.shown.has("superpixels") ? layers.superpixels : null;
  for (let k = 0; k < height * width; k++) {
    let rgb = Array(3).fill(layers.images[at + k] * step);
    const label = labels ? labels[at + k] : 0;
    if (label && !state.hidden.has(label)) {
      rgb = rgb.map((v, c) => v + state.fill * (colours[label - 1][c] - v));
    }
    if (regions && state.under && regions[at + k] === state.under.region) {
      rgb = rgb.map((v) => v + 0.35 * (255 - v));
    }
    data.set([...rgb, 255], 4 * k);
  }
  return small;
}

function lines(ctx, values, at, colourOf) {
  // Every edge between two values, inside the picture, once for each side that has a colour.
  const paths = new Map();
  const add = (colour, x0, y0, x1, y1) => {
    if (!colour) return;
    if (!paths.has(colour)) paths.set(colour, new Path2D());
    const path = paths.get(colour);
    path.moveTo(x0 * scale, y0 * scale);
    path.lineTo(x1 * scale, y1 * scale);
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const here = values[at + y * width + x];
      const right = x + 1 < width ? values[at + y * width + x + 1] : here;
      const below = y + 1 < height ? values[at + (y + 1) * width + x] : here;
      if (here !== right) for (const v of [here, right]) add(colourOf(v), x + 1, y, x + 1, y + 1);
      if (here !== below) for (const v of [here, below]) add(colourOf(v), x, y + 1, x + 1, y + 1);
    }
  }
  for (const [colour, path] of paths) {
    ctx.strokeStyle = colour;
    ctx.stroke(path);
  }
}

function organsOf(values, at) {
  const seen = new Set(values.subarray(at, at + height * width));
  return meta.organs.filter((_, k) => seen.has(k + 1));
}

function describe(z) {
  const mm = (z * meta.spacing[0]).toFixed(0);
  const source = layers.reference || layers.prediction;
  const organs = source ? organsOf(source, z * height * width) : [];
  const what = source ? (organs.length ? organs.join(", ") : "no organ") : "";
  return `Slice ${z + 1} of ${depth}, ${mm} mm above the lowest` + (what ? `: ${what}.` : ".");
}

function underText() {
  if (!state.under) return "";
  const { x, y, k } = state.under;
  const name = (v) => (v ? meta.organs[v - 1] : "background");
  const [low, high] = meta.window;
  const hu = Math.round(low + (layers.images[k] / (meta.greys - 1)) * (high - low));
  const parts = [`column ${x}, row ${y}`, `about ${hu} HU`];
  if (layers.reference) parts.push(`reference ${name(layers.reference[k])}`);
  if (layers.prediction) parts.push(`prediction ${name(layers.prediction[k])}`);
  if (layers.superpixels) {
    parts.push(layers.superpixels[k] ? `superpixel ${layers.superpixels[k] - 1}` : "no superpixel");
  }
  return parts.join(" · ");
}

function start(canvas) {
  const ctx = canvas.getContext("2d");
  const small = new ImageData(width, height);
  const paper = new OffscreenCanvas(width, height);
  const slider = one(".ldl-slices-level input"), view = one(".ldl-slices-view");
  let queued = false;

  function draw() {
    queued = false;
    const at = state.z * height * width;
    paper.getContext("2d").putImageData(grey(small, state.z), 0, 0);
    ctx.imageSmoothingEnabled = false;
    ctx.drawImage(paper, 0, 0, canvas.width, canvas.height);
    ctx.lineWidth = 1;
    ctx.globalAlpha = 0.6;
    if (state.shown.has("superpixels")) lines(ctx, layers.superpixels, at, () => meta.line);
    ctx.globalAlpha = 1;
    ctx.lineWidth = 2.5;
    if (state.shown.has("prediction")) {
      const colour = (v) => (v && !state.hidden.has(v) ? meta.colours[v - 1] : null);
      lines(ctx, layers.prediction, at, colour);
    }
    one(".ldl-slices-under").textContent = underText();
  }
  const redraw = () => {
    if (!queued) requestAnimationFrame(draw);
    queued = true;
  };
  function go(z) {
    state.z = Math.max(0, Math.min(depth - 1, z));
    state.under = null;
    slider.value = state.z;
    const said = describe(state.z);
    slider.setAttribute("aria-valuetext", `slice ${state.z + 1} of ${depth}`);
    canvas.setAttribute("aria-label", `${meta.title}. ${said}`);
    one(".ldl-slices-said").textContent = said;
    redraw();
  }

  slider.addEventListener("input", () => go(Number(slider.value)));
  for (const box of root.querySelectorAll('input[type="checkbox"]')) {
    box.addEventListener("change", () => {
      state.shown[box.checked ? "add" : "delete"](box.value);
      redraw();
    });
    state.shown[box.checked ? "add" : "delete"](box.value);
  }
  one(".ldl-slices-opacity input").addEventListener("input", (event) => {
    state.fill = event.target.value / 100;
    redraw();
  });
  const steps = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 5, PageDown: -5 };
  view.addEventListener("keydown", (event) => {
    const ends = { Home: 0, End: depth - 1 };
    if (event.key in steps) go(state.z + steps[event.key]);
    else if (event.key in ends) go(ends[event.key]);
    else return;
    event.preventDefault();
  });
  keepKeys(one(".ldl-slices-controls"));
  view.addEventListener("wheel", (event) => {
    if (document.activeElement !== view) return; // the page scrolls until the slice was clicked
    go(state.z - Math.sign(event.deltaY));
    event.preventDefault();
  }, { passive: false });

  let from = null;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    const x = Math.floor(((event.clientX - box.left) / box.width) * width);
    const y = Math.floor(((event.clientY - box.top) / box.height) * height);
    if (x < 0 || y < 0 || x >= width || y >= height) return null;
    const k = (state.z * height + y) * width + x;
    return { x, y, k, region: (layers.superpixels && layers.superpixels[k]) || -1 };
  };
  canvas.addEventListener("pointerdown", (event) => {
    from = { x: event.clientX, z: state.z };
    canvas.setPointerCapture(event.pointerId);
    state.under = place(event);
    redraw();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (from) {
      const z = from.z + Math.round((event.clientX - from.x) / 12);
      if (z !== state.z) go(z);
    } else {
      state.under = place(event);
      redraw();
    }
  });
  const end = () => { from = null; };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", () => {
    if (!from) { state.under = null; redraw(); }
  });

  const legend = one(".ldl-slices-legend");
  const held = ["reference", "prediction"].filter((name) => layers[name]);
  meta.organs.forEach((organ, k) => {
    if (!held.some((name) => layers[name].includes(k + 1))) return;
    const button = document.createElement("button");
    const mark = document.createElement("i");
    mark.style.background = meta.colours[k];
    button.type = "button";
    button.setAttribute("aria-pressed", "true");
    button.append(mark, organ);
    button.addEventListener("click", () => {
      const off = !state.hidden.has(k + 1);
      state.hidden[off ? "add" : "delete"](k + 1);
      button.setAttribute("aria-pressed", String(!off));
      redraw();
    });
    legend.append(button);
  });
  go(state.z);
}

try {
  const names = ["images", ...meta.layers];
  const found = await Promise.all(names.map(unpack));
  names.forEach((name, k) => { layers[name] = found[k]; });
  const canvas = document.createElement("canvas");
  canvas.width = width * scale;
  canvas.height = height * scale;
  canvas.setAttribute("role", "img");
  start(canvas);
  one(".ldl-slices-view").replaceChildren(canvas);
} catch (error) {
  one(".ldl-slices-said").textContent = `This browser cannot unpack the slices (${error.message}); the picture is all there is.`;
}
