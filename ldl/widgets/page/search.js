// One-shot localization on a scene: maps kept per variant and window, answers in pixels.

import { unpackMap } from "./data.js";
import { cosines, filtered, vectorAt } from "./filter.js";
import { readMap } from "./peak.js";

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
