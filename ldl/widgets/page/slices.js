// The slice viewer: organs filled and outlined, superpixels as lines, what lies under the pointer.

import { inflated } from "./data.js";
import { element, keepKeys, oncePerFrame, slider, tick, under } from "./dom.js";
import { fit, paintCells } from "./paint.js";

const LAYERS = {
  reference: "reference labels (filled)",
  prediction: "prediction (outlined)",
  superpixels: "superpixels (thin lines)",
};
const STEP = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 5, PageDown: -5 };
const PER_SLICE = 12; // dots that a sideways drag takes

export const asLayer = (name, buffer) => (name === "superpixels" ? new Uint16Array(buffer) : new Uint8Array(buffer));

// z -> the layers of that slice, from the volume that the page carries.
async function volumeOf({ carried, shape }) {
  const pairs = await Promise.all(
    Object.entries(carried).map(async ([name, text]) => [name, asLayer(name, await inflated(text))]),
  );
  const area = shape[1] * shape[2];
  return (z) => Object.fromEntries(pairs.map(([name, all]) => [name, all.subarray(z * area, (z + 1) * area)]));
}

// Every edge between two values within the picture, once for each side that has a colour.
function paintEdges(context, values, [rows, columns], colourOf, thick, alpha) {
  const [wide, high] = [context.canvas.width / columns, context.canvas.height / rows];
  const paths = new Map();
  const add = (value, from, to) => {
    const colour = colourOf(value);
    if (!colour) return;
    if (!paths.has(colour)) paths.set(colour, new Path2D());
    paths.get(colour).moveTo(from[0] * wide, from[1] * high);
    paths.get(colour).lineTo(to[0] * wide, to[1] * high);
  };
  for (let y = 0, at = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++, at++) {
      const here = values[at];
      const right = x + 1 < columns ? values[at + 1] : here;
      const below = y + 1 < rows ? values[at + columns] : here;
      if (here !== right) for (const value of [here, right]) add(value, [x + 1, y], [x + 1, y + 1]);
      if (here !== below) for (const value of [here, below]) add(value, [x, y + 1], [x + 1, y + 1]);
    }
  }
  Object.assign(context, { lineWidth: thick, globalAlpha: alpha });
  for (const [colour, path] of paths) {
    context.strokeStyle = colour;
    context.stroke(path);
  }
  context.globalAlpha = 1;
}

// Builds the viewer in `root`; `slice(z)` gives the layers of a slice, or a promise of them.
export async function mountSlices(root, payload, answered = () => {}, slice = null) {
  const read = slice ?? (await volumeOf(payload));
  const { title, shape, spacing, window, greys, organs, colours } = payload;
  const [depth, rows, columns] = shape;
  const tints = colours.map((one) => [1, 3, 5].map((k) => parseInt(one.slice(k, k + 2), 16)));
  const state = { z: payload.start, shown: new Set(payload.shown), hidden: new Set(), fill: payload.fill, point: null };
  let layers = null;

  const canvas = element("canvas", {
    class: "ldl-pick", tabindex: 0, role: "application", "aria-roledescription": "slice", "data-part": "slice",
  });
  const [said, beneath] = [element("p", { role: "status", "aria-live": "polite" }), element("p", { class: "ldl-under" })];
  const level = slider(["Slice "], { min: 0, max: depth - 1, step: 1, value: state.z }, (z) => go(z));
  const boxes = payload.layers.map((name) => tick(LAYERS[name], state.shown.has(name), (on) => toggle(state.shown, name, on)));
  const fill = slider(["Opacity "], { min: 0, max: 100, step: 5, value: 100 * state.fill }, (value) => {
    state.fill = value / 100;
    redraw();
  });
  const legend = payload.held.map((k) => {
    const mark = element("i", { style: `background:${colours[k - 1]}` });
    const button = element("button", { type: "button", "aria-pressed": "true" }, mark, organs[k - 1]);
    button.addEventListener("click", () => {
      toggle(state.hidden, k, !state.hidden.has(k));
      button.setAttribute("aria-pressed", !state.hidden.has(k));
    });
    return button;
  });

  function toggle(set, one, on) {
    set[on ? "add" : "delete"](one);
    redraw();
  }

  function grey(cell) {
    const value = (layers.images[cell] * 255) / (greys - 1);
    const label = state.shown.has("reference") ? layers.reference[cell] : 0;
    let rgb = [value, value, value];
    if (label && !state.hidden.has(label)) rgb = rgb.map((one, k) => one + state.fill * (tints[label - 1][k] - one));
    const regions = state.shown.has("superpixels") && layers.superpixels;
    const lit = regions && state.point !== null && regions[state.point] && regions[cell] === regions[state.point];
    return [...(lit ? rgb.map((one) => one + 0.35 * (255 - one)) : rgb), 255];
  }

  const redraw = oncePerFrame(() => {
    if (!layers) return;
    const context = fit(canvas, [rows, columns]);
    paintCells(context, rows, columns, 1, [rows, columns], grey, false);
    if (state.shown.has("superpixels")) paintEdges(context, layers.superpixels, [rows, columns], () => "#F4F4F4", 1, 0.6);
    const colourOf = (label) => (label && !state.hidden.has(label) ? colours[label - 1] : null);
    if (state.shown.has("prediction")) paintEdges(context, layers.prediction, [rows, columns], colourOf, 2.5, 1);
    beneath.textContent = state.point === null ? "" : underWords(state.point);
    answered({ z: state.z, point: state.point });
  });

  function sliceWords() {
    const labels = layers.reference ?? layers.prediction;
    const seen = labels && new Set(labels);
    const found = seen ? organs.filter((_, k) => seen.has(k + 1)).join(", ") || "no organ" : "";
    return `Slice ${state.z + 1} of ${depth}, ${(state.z * spacing[0]).toFixed(0)} mm above the lowest${found && `: ${found}`}.`;
  }

  function underWords(cell) {
    const named = (label) => (label ? organs[label - 1] : "background");
    const hu = Math.round(window[0] + (layers.images[cell] / (greys - 1)) * (window[1] - window[0]));
    const parts = [`column ${cell % columns}, row ${Math.floor(cell / columns)}`, `about ${hu} HU`];
    for (const name of ["reference", "prediction"]) if (layers[name]) parts.push(`${name} ${named(layers[name][cell])}`);
    const region = layers.superpixels?.[cell];
    if (layers.superpixels) parts.push(region ? `superpixel ${region - 1}` : "no superpixel");
    return parts.join(" · ");
  }

  async function go(z) {
    state.z = Math.max(0, Math.min(depth - 1, z));
    state.point = null;
    level.input.value = state.z;
    level.input.setAttribute("aria-valuetext", `slice ${state.z + 1} of ${depth}`);
    const wanted = state.z;
    const found = await read(wanted);
    if (wanted !== state.z) return; // meanwhile another was asked for
    layers = found;
    said.textContent = sliceWords();
    canvas.setAttribute("aria-label", `${title}. ${said.textContent}`);
    redraw();
  }

  canvas.addEventListener("keydown", (event) => {
    const ends = { Home: 0, End: depth - 1 };
    if (event.key in STEP) go(state.z + STEP[event.key]);
    else if (event.key in ends) go(ends[event.key]);
    else return;
    event.preventDefault();
  });
  canvas.addEventListener("wheel", (event) => {
    if (document.activeElement !== canvas) return; // the page scrolls until the slice was clicked
    go(state.z - Math.sign(event.deltaY));
    event.preventDefault();
  }, { passive: false });

  let from = null;
  const look = (event) => {
    const [row, column] = under(event, canvas, [rows, columns]).map(Math.round);
    state.point = row * columns + column;
    redraw();
  };
  canvas.addEventListener("pointerdown", (event) => {
    from = { x: event.clientX, z: state.z };
    canvas.setPointerCapture(event.pointerId);
    look(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    const z = from && from.z + Math.round((event.clientX - from.x) / PER_SLICE);
    if (!from) look(event);
    else if (z !== state.z) go(z);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (from = null));
  canvas.addEventListener("pointerleave", () => {
    if (!from) state.point = null;
    redraw();
  });

  const layersOf = element("fieldset", {}, element("legend", {}, "Show"), ...boxes, fill.label);
  const organsOf = element("div", { class: "ldl-organs", role: "group", "aria-label": "Organs; press one to hide it" }, ...legend);
  const controls = element("div", {}, level.label, said, layersOf, organsOf, beneath);
  root.replaceChildren(element("div", { class: "ldl-slices" }, canvas, controls));
  keepKeys(root);
  const watch = new ResizeObserver(() => redraw());
  watch.observe(canvas);
  await go(state.z);
  return { close: () => watch.disconnect() };
}
