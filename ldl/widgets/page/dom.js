// Elements, labelled controls, and a point that mouse, finger and arrow keys move.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== null) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

// One entry of a legend; its colour is the style sheet's.
export function key(kind, text) {
  return element("span", { class: `ldl-key ldl-${kind}` }, text);
}

let groups = 0;

// A box to tick beside its words.
export function tick(text, checked, changed) {
  const box = element("input", { type: "checkbox", onchange: (event) => changed(event.target.checked, event) });
  box.checked = checked;
  return element("label", {}, box, element("span", {}, text));
}

// A slider under its words, and what else says where it stands.
export function slider(words, given, moved) {
  const input = element("input", { type: "range", ...given, oninput: (event) => moved(Number(event.target.value), event) });
  return { input, label: element("label", { class: "ldl-slider" }, element("span", {}, ...words), input) };
}

// One of several: radio buttons under a legend.
export function choice(legend, labels, start, chosen) {
  const name = `ldl-${Math.random().toString(36).slice(2)}-${groups++}`;
  const options = labels.map((label, number) => {
    const radio = element("input", { type: "radio", name, value: number, onchange: () => chosen(number) });
    radio.checked = number === start;
    return element("label", {}, radio, element("span", {}, label));
  });
  return element("fieldset", { class: "ldl-choice" }, element("legend", {}, legend), ...options);
}

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const STRIDE = 5; // pixels of a step with the shift key
const SLOP = 6; // dots that a finger may tremble

// (row, column) in pixels of an image of `size` that fills the canvas, under the pointer.
export function under(event, canvas, size) {
  const box = canvas.getBoundingClientRect();
  const row = ((event.clientY - box.top) * size[0]) / box.height - 0.5;
  const column = ((event.clientX - box.left) * size[1]) / box.width - 0.5;
  return inside([row, column], size);
}

// A focusable canvas on which a point is picked; `at` tells and `moved` takes (row, column) pixels.
// A finger that goes up or down scrolls the page (`touch-action: pan-y`) and moves no point: it
// counts from when it has gone sideways, or where it is lifted at once.
export function picker(canvas, size, at, moved, hover = false) {
  let from = null; // where a finger came down, until it has gone sideways
  let held = false;
  const place = (event) => moved(under(event, canvas, size()), event);
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || !event.isPrimary) return;
    held = event.pointerType !== "touch";
    if (!held) return void (from = [event.clientX, event.clientY]);
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    event.preventDefault();
    place(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (from) {
      const [along, down] = [Math.abs(event.clientX - from[0]), Math.abs(event.clientY - from[1])];
      held = along > SLOP && along > down;
      if (held) from = null;
    }
    if (held || (hover && event.pointerType === "mouse")) place(event);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (from) place(event);
    [held, from] = [false, null];
  });
  canvas.addEventListener("pointercancel", () => ([held, from] = [false, null]));
  canvas.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    if (!step || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const far = event.shiftKey ? STRIDE : 1;
    const next = at().map((value, axis) => value + far * step[axis]);
    moved(inside(next, size()), event);
  });
}

export function inside(point, size) {
  return point.map((value, axis) => Math.min(Math.max(value, 0), size[axis] - 1));
}

// Calls that come faster than the screen are one call, with the first one's time.
export function oncePerFrame(work) {
  let since = null;
  return (event) => {
    if (since !== null) return;
    since = event?.timeStamp || performance.now();
    requestAnimationFrame(() => {
      const from = since;
      since = null;
      work(from);
    });
  };
}

// Words for screen readers wait until the hand rests.
export function afterwards(work, wait = 350) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => work(...given), wait);
  };
}

const OWN = /^(Arrow(Up|Down|Left|Right)|Page(Up|Down)|Home|End| )$/;

// The keys that work the controls within `root` stay there: a notebook would leave the cell at them.
export function keepKeys(root) {
  // Jupyter takes keys before they arrive here, but not from an element that says no.
  root.addEventListener("focusin", (event) => event.target.setAttribute("data-lm-suppress-shortcuts", ""));
  root.addEventListener("keydown", (event) => {
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (plain && OWN.test(event.key)) event.stopPropagation();
  });
}
