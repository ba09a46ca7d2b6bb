// Eq. 26: every cell's window vector by one separable convolution, and cosines with one of them.

const FLOOR = 1e-6; // as in ldl.sphere.unit: a zero vector stays zero

// One factor of Eq. 24 about a cell, as ldl.losses.vectors.symmetric_kernel; sigma null is even.
function kernel(window, sigma) {
  const reach = Math.max(0, Math.ceil((window - 1) / 2));
  const weights = new Float64Array(2 * reach + 1);
  for (let k = 0; k < weights.length; k++) {
    const distance = Math.abs(k - reach);
    const covered = Math.min(1, Math.max(0, window / 2 - distance + 0.5));
    const fall = sigma === null ? 1 : Math.exp(-((distance / (window / 2)) ** 2) / (2 * sigma ** 2));
    weights[k] = covered * fall;
  }
  return { reach, weights };
}

// For each place of a line: first cell, and weights that sum to 1 also where the border cuts them.
function band(length, window, sigma) {
  const { reach, weights } = kernel(window, sigma);
  return Array.from({ length }, (_, place) => {
    const first = Math.max(0, place - reach);
    const last = Math.min(length - 1, place + reach);
    const cut = weights.slice(first - place + reach, last - place + reach + 1);
    const sum = cut.reduce((a, b) => a + b, 0);
    return { first, weights: cut.map((weight) => weight / sum) };
  });
}

export function filtered(map, window, sigma) {
  const { channels, rows, columns, values } = map;
  const down = band(rows, window[0], sigma);
  const along = band(columns, window[1], sigma);
  const cells = rows * columns;
  const found = new Float32Array(values.length);
  const across = new Float32Array(cells);
  for (let k = 0; k < channels; k++) {
    filterRows(values.subarray(k * cells, (k + 1) * cells), across, rows, columns, along);
    filterColumns(across, found.subarray(k * cells, (k + 1) * cells), columns, down);
  }
  makeUnit(found, channels, cells);
  return { channels, rows, columns, values: found };
}

function filterRows(from, to, rows, columns, along) {
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    for (let column = 0; column < columns; column++) {
      const { first, weights } = along[column];
      let sum = 0;
      for (let j = 0; j < weights.length; j++) sum += weights[j] * from[start + first + j];
      to[start + column] = sum;
    }
  }
}

function filterColumns(from, to, columns, down) {
  down.forEach(({ first, weights }, row) => {
    for (let j = 0; j < weights.length; j++) {
      const start = (first + j) * columns;
      for (let c = 0; c < columns; c++) to[row * columns + c] += weights[j] * from[start + c];
    }
  });
}

export function makeUnit(values, channels, cells) {
  const square = new Float64Array(cells);
  for (let at = 0; at < values.length; at++) square[at % cells] += values[at] ** 2;
  const factor = square.map((sum) => 1 / Math.sqrt(sum + FLOOR ** 2));
  for (let k = 0, at = 0; k < channels; k++) {
    for (let cell = 0; cell < cells; cell++, at++) values[at] *= factor[cell];
  }
}

// The unit vector at (row, column) in cells, bilinear between centres.
export function vectorAt(map, point) {
  const { channels, rows, columns, values } = map;
  const [top, bottom, low] = between(point[0], rows);
  const [left, right, aside] = between(point[1], columns);
  const found = new Float32Array(channels);
  for (let k = 0; k < channels; k++) {
    const at = (row, column) => values[(k * rows + row) * columns + column];
    const upper = (1 - aside) * at(top, left) + aside * at(top, right);
    const lower = (1 - aside) * at(bottom, left) + aside * at(bottom, right);
    found[k] = (1 - low) * upper + low * lower;
  }
  makeUnit(found, channels, 1);
  return found;
}

function between(place, length) {
  const inside = Math.min(Math.max(place, 0), length - 1);
  const before = Math.min(Math.floor(inside), Math.max(length - 2, 0));
  return [before, Math.min(before + 1, length - 1), inside - before];
}

// Eq. 35: the cosine of every cell of a map of unit vectors with the target.
export function cosines(target, map) {
  const cells = map.rows * map.columns;
  const found = new Float32Array(cells);
  for (let k = 0; k < map.channels; k++) {
    const weight = target[k];
    for (let cell = 0, at = k * cells; cell < cells; cell++, at++) found[cell] += weight * map.values[at];
  }
  return found;
}
