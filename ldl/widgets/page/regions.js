// The region widget: the cluster of the pixel under the pointer, and what looks like it elsewhere.

import { bytes, loadPicture, unpackMap } from "./data.js";
import { afterwards, choice, element, keepKeys, key, oncePerFrame, picker } from "./dom.js";
import { cosines, makeUnit } from "./filter.js";
import { fit, paintCells, paintHeat, paintImage, paintPoint } from "./paint.js";

const MODES = ["this region", "all regions", "similarity"];
const MARK = [240, 228, 66, 255];

async function unpackScene(scene) {
  const images = await Promise.all(
    scene.images.map(async (image) => {
      const map = await unpackMap(image.map);
      makeUnit(map.values, map.channels, map.rows * map.columns);
      const [labels, certainty] = [bytes(image.labels), bytes(image.certainty)];
      return { ...image, map, labels, certainty, loaded: await loadPicture(image.picture) };
    }),
  );
  return { ...scene, images, tints: bytes(scene.colours) };
}

// What every image has to say to the cell at `point` of image `number`.
function compare(scene, number, point, count) {
  const own = scene.images[number];
  const { rows, columns, channels, values } = own.map;
  const at = point.map((place, axis) => {
    const cell = Math.floor((Math.round(place) + 0.5) / scene.stride);
    return Math.min(cell, (axis ? columns : rows) - 1);
  });
  const cell = at[0] * columns + at[1];
  const target = Float32Array.from({ length: channels }, (_, k) => values[k * rows * columns + cell]);
  const cluster = own.labels[cell];
  const images = scene.images.map((image, k) => {
    const similar = cosines(target, image.map);
    const order = [...similar.keys()].sort((a, b) => similar[b] - similar[a] || a - b);
    const covered = image.labels.reduce((sum, label) => sum + (label === cluster), 0) / image.labels.length;
    const best = k === number ? cell : order[0];
    const place = [Math.floor(best / image.map.columns), best % image.map.columns];
    return {
      similar, covered, best, point: place.map((value) => (value + 0.5) * scene.stride - 0.5),
      most: order.slice(0, count), top: similar[best], cluster: image.labels[best],
    };
  });
  return { cell, cluster, certainty: own.certainty[cell] / 255, images };
}

export async function mountRegions(root, payload, answered = () => {}) {
  const palette = bytes(payload.palette);
  const scenes = await Promise.all(payload.scenes.map(unpackScene));
  const state = { scene: 0, image: 0, mode: 0 };
  let view;

  const scene = () => scenes[state.scene];
  const redraw = oncePerFrame((since) => {
    const found = compare(scene(), state.image, state.point, payload.mostSimilar);
    found.images.forEach((one, k) => showImage(found, one, k));
    const { name } = scene().images[state.image];
    const place = state.point.map(Math.round).join(", column ");
    const certain = Math.round(100 * found.certainty);
    const words = `${name}, row ${place}: region ${found.cluster + 1} of ${scene().clusters}, probability ${certain}\u00a0%.`;
    view.result.textContent = words;
    view.legend.hidden = state.mode !== 2;
    speak(words);
    const ms = performance.now() - since;
    root.dataset.ms = ms.toFixed(1);
    answered({ ...state, ms, ...found });
  });
  const speak = afterwards((text) => (view.spoken.textContent = text));

  function change(given, event) {
    Object.assign(state, given);
    redraw(event);
  }

  function choose(number) {
    const [rows, columns] = scenes[number].images[0].size;
    Object.assign(state, { scene: number, image: 0, point: [Math.floor(rows / 2), Math.floor(columns / 2)] });
    build();
    redraw();
  }

  function build() {
    const controls = element("div", { class: "ldl-controls" });
    if (scenes.length > 1) controls.append(choice("Images", scenes.map((one) => one.name), state.scene, choose));
    controls.append(choice("Show", MODES, state.mode, (mode) => change({ mode })));
    const figures = scene().images.map((image, k) => {
      const canvas = element("canvas", {
        class: "ldl-pick ldl-hover", tabindex: 0, role: "application", "aria-roledescription": "pixel picker",
        "data-part": "region",
      });
      const at = () => (state.image === k ? state.point : image.size.map((length) => Math.floor(length / 2)));
      picker(canvas, () => image.size, at, (point, event) => change({ image: k, point }, event), true);
      const words = element("figcaption");
      return { canvas, words, figure: element("figure", {}, canvas, words) };
    });
    const result = element("p", { class: "ldl-result" });
    const spoken = element("p", { class: "ldl-spoken", role: "status", "aria-live": "polite" });
    const help = "Move over an image, tap it, or use the arrow keys. Yellow dots (not over all regions): the most similar pixels; the open cross: the most similar one.";
    const note = element("p", { class: "ldl-note" }, `${help} ${scene().words}`);
    const legend = element("p", { class: "ldl-legend" }, key("heat", "least to most similar in each image"));
    const pictures = element("div", { class: "ldl-queries" }, ...figures.map((one) => one.figure));
    root.replaceChildren(controls, pictures, result, spoken, legend, note);
    view = { figures, result, spoken, legend };
  }

  function showImage(found, one, k) {
    const { stride, images, tints } = scene();
    const { map, labels, size, loaded, name } = images[k];
    const canvas = fit(view.figures[k].canvas, size);
    const tint = (label, strength) => [tints[3 * label], tints[3 * label + 1], tints[3 * label + 2], strength];
    const flat = (colours) => paintCells(canvas, map.rows, map.columns, stride, size, colours, false);
    paintImage(canvas, loaded);
    if (state.mode === 0) flat((cell) => (labels[cell] === found.cluster ? [0, 0, 0, 0] : [0, 0, 0, 165]));
    if (state.mode === 1) flat((cell) => tint(labels[cell], labels[cell] === found.cluster ? 235 : 130));
    if (state.mode === 2) paintHeat(canvas, { ...map, values: one.similar }, stride, size, palette, 0.01, 0.7);
    const own = k === state.image;
    const most = new Set(own ? [] : one.most);
    if (most.size && state.mode !== 1) flat((cell) => (most.has(cell) ? MARK : [0, 0, 0, 0]));
    paintPoint(canvas, own ? state.point : one.point, [stride, stride], size, own);
    const covers = `the region covers ${Math.round(100 * one.covered)}\u00a0% here`;
    const place = one.point.map((value) => value.toFixed(0)).join(", column ");
    const same = one.cluster === found.cluster ? "the same region" : `region ${one.cluster + 1}`;
    const words = own
      ? `This pixel; ${covers}.`
      : `Most similar: row ${place} (${one.top.toFixed(2).replace("-", "−")}), in ${same}; ${covers}.`;
    view.figures[k].words.textContent = words;
    view.figures[k].canvas.setAttribute("aria-label", `${name}. ${words}`);
  }

  choose(0);
  keepKeys(root);
  new ResizeObserver(() => redraw()).observe(root);
}
