// One-shot localization on a scene: maps kept per variant and window, answers in pixels.

import { unpackMap } from "./data.js";
import { cosines, filtered, vectorAt } from "./filter.js";

export class Search {
  constructor(scene, rule, maps) {
    this.scene = scene;
    this.rule = rule;
    this.maps = maps;
    this.kept = new Map();
  }

  static async of(scene, rule) {
    const unpacked = scene.variants.map(({ maps }) => Promise.all(maps.map(unpackMap)));
    return new Search(scene, rule, await Promise.all(unpacked));
  }

  // The window in cells of image `number`; an image of another size shows the same field of view.
  sides(number, window) {
    const { images, stride } = this.scene;
    return images[number].size.map((length, axis) => (window * length) / images[0].size[axis] / stride);
  }

  // All images of a variant, filtered; only the last window of each variant is kept.
  filteredMaps(variant, window) {
    const last = this.kept.get(variant);
    if (last?.window === window) return last.maps;
    const { sigma } = this.scene.variants[variant];
    const found = this.maps[variant].map((map, k) => filtered(map, this.sides(k, window), sigma));
    this.kept.set(variant, { window, maps: found });
    return found;
  }

  // For each query: the map of cosines, and what ldl.localize.peak reads in it.
  answers(variant, window, point) {
    const { images, stride } = this.scene;
    const [support, ...queries] = this.filteredMaps(variant, window);
    const target = vectorAt(support, point.map((place) => (place + 0.5) / stride - 0.5));
    return queries.map((query, k) => {
      const values = cosines(target, query);
      const blank = images[0].blank || images[k + 1].blank;
      const sides = this.sides(k + 1, window);
      const read = readMap(values, query.rows, query.columns, sides, this.rule, blank);
      const pixels = (place) => place.map((cell) => (cell + 0.5) * stride - 0.5);
      const map = { rows: query.rows, columns: query.columns, values };
      return { ...read, map, window: sides.map((side) => side * stride), point: pixels(read.guess) };
    });
  }
}

// From a similarity map to a point, or to the reason why there is none: ldl.localize.peak.
function readMap(similarity, rows, columns, window, rule, blank) {
  let place = 0;
  for (let k = 1; k < similarity.length; k++) if (similarity[k] > similarity[place]) place = k;
  const top = similarity[place];
  const peak = [Math.floor(place / columns), place % columns];
  const { guess, size } = region(similarity, rows, columns, place, top, rule.share);
  const rise = top - median(similarity);
  const sharpness = rise < rule.leastRise ? 0 : stands(similarity, rows, columns, peak, window, rise);
  const windows = size / (window[0] * window[1]);
  const status = judge(top, rise, windows, sharpness, rule, blank);
  return { peak, guess, top, rise, sharpness, windows, status, blank };
}

function judge(top, rise, windows, sharpness, rule, blank) {
  if (blank) return "flat";
  if (top <= 0) return "absent";
  if (rise < rule.leastRise || windows > rule.largestRegion) return "flat";
  return sharpness < rule.leastSharpness ? "ambiguous" : "found";
}

// The 8-connected region of at least `share` of the maximum that holds it: centroid and size.
function region(similarity, rows, columns, place, top, share) {
  const least = top > 0 ? share * top : top;
  const seen = new Uint8Array(similarity.length);
  const todo = [place];
  seen[place] = 1;
  let size = 0;
  let down = 0;
  let along = 0;
  while (todo.length) {
    const at = todo.pop();
    const row = Math.floor(at / columns);
    const column = at % columns;
    size += 1;
    down += row;
    along += column;
    for (let r = Math.max(0, row - 1); r <= Math.min(rows - 1, row + 1); r++) {
      for (let c = Math.max(0, column - 1); c <= Math.min(columns - 1, column + 1); c++) {
        const next = r * columns + c;
        if (!seen[next] && similarity[next] >= least) {
          seen[next] = 1;
          todo.push(next);
        }
      }
    }
  }
  return { guess: [down / size, along / size], size };
}

function median(values) {
  const sorted = Float32Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

// How far the maximum stands above the best local maximum more than half a window away.
function stands(similarity, rows, columns, peak, window, rise) {
  const [down, along] = window.map((side) => Math.max(1, roundEven(side / 2)));
  const highest = (row, column, value) => {
    for (let r = Math.max(0, row - down); r <= Math.min(rows - 1, row + down); r++) {
      for (let c = Math.max(0, column - along); c <= Math.min(columns - 1, column + along); c++) {
        if (similarity[r * columns + c] > value) return false;
      }
    }
    return true;
  };
  let rival = -Infinity;
  similarity.forEach((value, k) => {
    const [row, column] = [Math.floor(k / columns), k % columns];
    const away = Math.abs(row - peak[0]) > down || Math.abs(column - peak[1]) > along;
    if (value > rival && away && highest(row, column, value)) rival = value;
  });
  const top = similarity[peak[0] * columns + peak[1]];
  return rival === -Infinity ? 1 : Math.min(1, (top - rival) / rise);
}

// Halves go to the even neighbour, as Python rounds.
function roundEven(value) {
  const near = Math.round(value);
  return Math.abs(value % 1) === 0.5 && near % 2 ? near - 1 : near;
}
