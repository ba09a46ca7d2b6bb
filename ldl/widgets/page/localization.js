// The localization widget: a point of the support, and what every query answers, at once.

import { bytes, loadPicture } from "./data.js";
import { afterwards, choice, element, keepKeys, key, oncePerFrame, picker, slider, tick } from "./dom.js";
import { fit, paintHeat, paintImage, paintPoint, paintTruth } from "./paint.js";
import { Search } from "./search.js";

const HELP = "Click or drag (a finger: tap, or drag sideways), or use the arrow keys (with Shift five pixels at a time).";

// Builds the widget in `root`; `answered` is told of every answer.
export async function mountLocalization(root, payload, answered = () => {}, wish = {}) {
  const palette = bytes(payload.palette);
  const searches = await Promise.all(payload.scenes.map((scene) => Search.of(scene, payload.rule)));
  const pictures = await Promise.all(
    payload.scenes.map((scene) => Promise.all(scene.images.map((image) => loadPicture(image.picture)))),
  );
  const state = { scene: 0, heat: true };
  let view;

  const scene = () => payload.scenes[state.scene];
  const redraw = oncePerFrame((since) => {
    const began = performance.now();
    const answers = searches[state.scene].answers(state.variant, state.window, state.point);
    show(answers);
    const ended = performance.now();
    const ms = { work: ended - began, ms: ended - since };
    root.dataset.ms = ms.ms.toFixed(1);
    view.speed.textContent = `Computed here, in ${Math.max(1, Math.round(ms.work))} ms.`;
    answered({ ...state, ...ms, variantName: scene().variants[state.variant].label, answers });
  });
  const speak = afterwards((text) => (view.result.textContent = text));

  function change(given, event) {
    Object.assign(state, given);
    redraw(event);
  }

  function move(point, event) {
    change({ point, landmark: null }, event);
  }

  // The landmark on which `point` stands, if it stands on one.
  function landmarkAt(point) {
    const here = (one) => one.points[0].every((value, axis) => value === round(point[axis]));
    const known = scene().landmarks.findIndex(here);
    return known < 0 ? null : known;
  }

  function choose(number, given = {}) {
    const { start, window, opens } = payload.scenes[number];
    Object.assign(state, { scene: number, point: [...start], window, variant: opens }, given);
    state.landmark = landmarkAt(state.point);
    build();
    redraw();
  }

  function build() {
    view = layout(payload, state, change, choose);
    root.replaceChildren(...view.parts);
    picker(view.support, () => scene().images[0].size, () => state.point, move);
  }

  function show(answers) {
    const { images, landmarks, stride, variants } = scene();
    const landmark = state.landmark === null ? null : landmarks[state.landmark];
    view.buttons.forEach((button, k) => button.setAttribute("aria-pressed", k === state.landmark));
    view.variants.querySelectorAll("input").forEach((radio, k) => (radio.checked = k === state.variant));
    const slide = `${state.window} px, ${Math.round((100 * state.window) / images[0].size[1])} % of the side`;
    view.windowWords.textContent = slide;
    view.window.value = state.window;
    view.window.setAttribute("aria-valuetext", slide);
    const own = fit(view.support, images[0].size);
    paintImage(own, pictures[state.scene][0]);
    paintPoint(own, state.point, [state.window, state.window], images[0].size, true);
    view.support.setAttribute("aria-label", `Support ${images[0].name}, point at ${where(state.point)}`);
    view.pointWords.textContent = `Point at ${where(state.point)}.`;
    answers.forEach((answer, k) => {
      const { size, name } = images[k + 1];
      const truth = landmark?.points[k + 1] ?? null;
      const canvas = fit(view.queries[k].canvas, size);
      paintImage(canvas, pictures[state.scene][k + 1]);
      if (state.heat) paintHeat(canvas, answer.map, stride, size, palette, payload.rule.leastRise);
      if (truth) paintTruth(canvas, truth, size);
      paintPoint(canvas, answer.point, answer.window, size, answer.status === "found");
      const miss = truth && Math.hypot(answer.point[0] - truth[0], answer.point[1] - truth[1]);
      const { place, scores } = answerWords(answer, payload.rule, miss, landmark?.name);
      view.queries[k].verdict.textContent = verdict(answer);
      view.queries[k].place.textContent = place;
      view.queries[k].scores.textContent = scores;
      view.queries[k].canvas.setAttribute("aria-label", `Query ${name}: ${verdict(answer)}${place} ${scores}`);
    });
    view.network.textContent = variants[state.variant].words;
    speak(summary(answers, variants[state.variant].label, state.point, state.window));
  }

  choose(0, wish);
  keepKeys(root);
  const watch = new ResizeObserver(() => redraw());
  watch.observe(root);
  return {
    set: (given) => change({ ...given, landmark: landmarkAt(given.point) }),
    state: () => ({ point: state.point, window: state.window, variant: state.variant }),
    close: () => watch.disconnect(),
  };
}

const round = (value) => Math.round(value * 1000) / 1000;

function layout(payload, state, change, choose) {
  const scene = payload.scenes[state.scene];
  const { images, variants, windows, landmarks } = scene;
  const windowWords = element("span", { class: "ldl-value" });
  const sides = { min: windows[0], max: windows[1], step: 1, value: state.window };
  const window = slider(["Window ", windowWords], sides, (side, event) => change({ window: side }, event));
  const heat = tick("similarity map", state.heat, (on, event) => change({ heat: on }, event));
  const buttons = landmarks.map((one, k) =>
    element("button", {
      type: "button", onclick: (event) => change({ point: [...one.points[0]], landmark: k }, event),
    }, `Point on the ${one.name}`),
  );
  const controls = element("div", { class: "ldl-controls" });
  const named = variants.map((one) => one.label);
  const variant = choice("Variant", named, state.variant, (number) => change({ variant: number }));
  if (payload.scenes.length > 1) {
    controls.append(choice("Images", payload.scenes.map((one) => one.name), state.scene, choose));
  }
  controls.append(variant, window.label, heat, ...buttons);
  const support = element("canvas", {
    class: "ldl-pick", tabindex: 0, role: "application", "aria-roledescription": "point picker", "data-part": "support",
  });
  const pointWords = element("span");
  const own = element("figure", { class: "ldl-support" }, support,
    element("figcaption", {}, element("b", {}, "Support. "), pointWords, ` ${HELP}`));
  const queries = images.slice(1).map((image) => {
    const canvas = element("canvas", { role: "img", "data-part": "query" });
    const [verdict, place, scores] = [element("b"), element("span"), element("small")];
    const words = element("figcaption", {}, verdict, place, scores);
    return { canvas, verdict, place, scores, figure: element("figure", {}, canvas, words) };
  });
  const result = element("p", { class: "ldl-result", role: "status", "aria-live": "polite" });
  const [network, speed] = [element("span"), element("span")];
  const note = element("p", { class: "ldl-note" }, `${scene.words} `, network, " ", speed);
  const views = element("div", { class: "ldl-views" }, own,
    element("div", { class: "ldl-queries" }, ...queries.map((one) => one.figure)));
  const keys = [key("sure", "found, with its window"), key("doubt", "a guess only"), key("heat", "least to most similar")];
  if (landmarks.length) keys.splice(2, 0, key("truth", "true place"));
  const parts = [controls, views, result, element("p", { class: "ldl-legend" }, ...keys), note];
  return { parts, variants: variant, window: window.input, windowWords, buttons, support, pointWords, queries, result, network, speed };
}

// What the maps say, in words.
const number = (value, digits = 1) => value.toFixed(digits).replace("-", "−");

function where(point) {
  return `row ${number(point[0])}, column ${number(point[1])}`;
}

const WHY = {
  found: () => "",
  ambiguous: () => "a second place is nearly as similar",
  flat: (answer, rule) => {
    if (answer.blank) return "the image is blank";
    if (answer.rise < rule.leastRise) return "no place stands out";
    return `the best region is as large as ${number(answer.windows)} windows`;
  },
  absent: () => "no place is similar",
};
const VERDICT = { found: "Found", ambiguous: "Ambiguous", flat: "Flat map", absent: "Not there" };

function verdict(answer) {
  return VERDICT[answer.status];
}

// One query's answer in two lines; `miss` is its distance from the true place, if that is known.
function answerWords(answer, rule, miss, landmark) {
  const why = WHY[answer.status](answer, rule);
  const place = why ? `: ${why}. Guess: ${where(answer.point)}.` : ` at ${where(answer.point)}.`;
  const scores = `Similarity ${number(answer.top, 2)}, sharpness ${number(answer.sharpness, 2)}`;
  const far = miss === null ? "" : `; ${number(miss)} px (${number(miss / answer.window[0], 1)} windows) from the ${landmark}`;
  return { place, scores: `${scores}${far}.` };
}

function summary(answers, variant, point, window) {
  const found = answers.filter((answer) => answer.status === "found").length;
  return (
    `${variant}, window ${number(window, 0)} px, point at ${where(point)}: ` +
    `found in ${found} of ${answers.length} queries.`
  );
}
