// A mask over its image: looked through, or painted where it is one's own to make.

import { loadPicture } from "./data.js";
import { choice, element, keepKeys, oncePerFrame, slider, under } from "./dom.js";
import { fit, paintImage } from "./paint.js";

const VIEWS = ["overlay", "image", "mask"];
const TURNS = { ArrowRight: 1, ArrowDown: 1, PageDown: 5, ArrowLeft: -1, ArrowUp: -1, PageUp: -5 };
const UNDONE = 20; // strokes that can be taken back

// Builds the viewer in `root`. `read(k)` gives {words, image, mask, locked} of an image, pictures as
// addresses, or a promise of it; `painted(k, mask)` takes the mask after each stroke.
export async function mountMasks(root, payload, answered = () => {}, read = null, painted = null) {
  const find = read ?? ((k) => payload.items[k]);
  const state = { k: 0, view: 0, strength: 0.5, erase: false, brush: 12 };
  let [image, locked, last, before] = [null, true, null, []];

  const canvas = element("canvas", { class: "ldl-pick", tabindex: 0, role: "application", "aria-roledescription": "image with its mask" });
  const layer = element("canvas"); // the mask, one dot a dot of the picture
  const ink = layer.getContext("2d", { willReadFrequently: true });
  const said = element("p", { role: "status", "aria-live": "polite" });
  const level = slider(["Image "], { min: 0, max: payload.count - 1, step: 1, value: 0 }, (k) => go(k));
  const views = choice("Show", VIEWS, 0, (view) => change({ view }));
  const strength = slider(["Opacity "], { min: 0, max: 100, step: 5, value: 50 }, (value) => change({ strength: value / 100 }));
  const controls = element("div", {}, level.label, said, views, strength.label);
  if (painted) {
    canvas.style.touchAction = "none"; // a finger paints here; beside the picture it scrolls
    const brush = slider(["Brush "], { min: 2, max: 60, step: 1, value: state.brush }, (value) => change({ brush: value }));
    const act = (text, onclick) => element("button", { type: "button", onclick }, text);
    const undo = act("Undo", () => before.length && put(before.pop()));
    const clear = act("Clear", () => { keep(); put(ink.createImageData(layer.width, layer.height)); });
    controls.append(choice("With", ["brush", "eraser"], 0, (k) => change({ erase: k === 1 })), brush.label, undo, " ", clear);
  }

  function change(some) {
    Object.assign(state, some);
    redraw();
  }

  const redraw = oncePerFrame(() => {
    if (!image) return;
    const context = fit(canvas, [layer.height, layer.width]);
    const view = VIEWS[state.view];
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (view !== "mask") paintImage(context, image);
    context.globalAlpha = view === "overlay" ? state.strength : 1;
    if (view !== "image") paintImage(context, layer);
    context.globalAlpha = 1;
    answered({ k: state.k, view });
  });

  const say = (words) => {
    said.textContent = words;
    canvas.setAttribute("aria-label", words);
  };
  const keep = () => (before = [...before, ink.getImageData(0, 0, layer.width, layer.height)].slice(-UNDONE));
  const save = () => painted(state.k, layer.toDataURL());
  function put(pixels) {
    if (locked) return;
    ink.putImageData(pixels, 0, 0);
    save();
    redraw();
  }

  async function go(k) {
    const wanted = (state.k = Math.max(0, Math.min(payload.count - 1, k)));
    level.input.value = wanted;
    locked = true;
    const found = await find(wanted);
    const pictures = await Promise.all([found.image, found.mask].map((one) => one && loadPicture(one)));
    if (wanted !== state.k) return; // meanwhile another was asked for
    const mask = pictures[1];
    [image, before, locked] = [pictures[0], [], !painted || found.locked || !found.image];
    Object.assign(layer, { width: image?.width || 1, height: image?.height || 1 }); // empties it
    if (mask) ink.drawImage(mask, 0, 0);
    say(`${wanted + 1} of ${payload.count}: ${found.words}`);
    redraw();
  }

  function inked(event) {
    const [row, column] = under(event, canvas, [layer.height, layer.width]).map((one) => one + 0.5);
    const colour = payload.colour;
    Object.assign(ink, { lineWidth: state.brush, lineCap: "round", lineJoin: "round", strokeStyle: colour });
    ink.globalCompositeOperation = state.erase ? "destination-out" : "source-over";
    ink.beginPath();
    ink.moveTo(...(last ?? [column, row]));
    ink.lineTo(column, row);
    ink.stroke();
    ink.globalCompositeOperation = "source-over";
    last = [column, row];
    redraw();
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (locked || event.button || !event.isPrimary) return;
    canvas.setPointerCapture(event.pointerId);
    keep();
    inked(event);
  });
  canvas.addEventListener("pointermove", (event) => last && inked(event));
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => {
    if (last) save();
    last = null;
  });
  canvas.addEventListener("keydown", (event) => {
    const ends = { Home: 0, End: payload.count - 1 };
    if (!(event.key in TURNS) && !(event.key in ends)) return;
    go(event.key in ends ? ends[event.key] : state.k + TURNS[event.key]);
    event.preventDefault();
  });

  root.replaceChildren(element("div", { class: "ldl-slices" }, canvas, controls));
  keepKeys(root);
  const watch = new ResizeObserver(() => redraw());
  watch.observe(canvas);
  await go(0);
  return { close: () => watch.disconnect(), say };
}
