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

// A focusable canvas on which a point is picked; `at` tells and `moved` takes (row, column) pixels.
export function picker(canvas, size, at, moved, hover = false) {
  let held = false;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    const row = ((event.clientY - box.top) * size()[0]) / box.height - 0.5;
    const column = ((event.clientX - box.left) * size()[1]) / box.width - 0.5;
    moved(inside([row, column], size()), event);
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    held = true;
    canvas.setPointerCapture(event.pointerId);
    canvas.focus({ preventScroll: true });
    event.preventDefault();
    place(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (held || (hover && event.pointerType === "mouse")) place(event);
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (held = false));
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
