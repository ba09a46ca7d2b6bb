// Pictures on a canvas: the image, a map over it, and marks that show on dark and on light.

const FOUND = "#F0E442";
const DOUBTFUL = "#E91E9F";
const TRUTH = "#56B4E9";
const HALO = "#000000";

// A canvas as sharp as the screen for its place in the page.
export function fit(canvas, size) {
  const wide = Math.max(1, Math.round(canvas.clientWidth * Math.min(2, window.devicePixelRatio || 1)));
  const high = Math.round((wide * size[0]) / size[1]);
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  return canvas.getContext("2d");
}

export function paintImage(context, image) {
  context.drawImage(image, 0, 0, context.canvas.width, context.canvas.height);
}

// colours(cell) -> [red, green, blue, alpha], drawn over the canvas from a picture of one dot a cell.
export function paintCells(context, rows, columns, stride, size, colours, smooth = true) {
  const dots = document.createElement("canvas");
  Object.assign(dots, { width: columns, height: rows });
  const inner = dots.getContext("2d");
  const pixels = inner.createImageData(columns, rows);
  for (let cell = 0; cell < rows * columns; cell++) pixels.data.set(colours(cell), 4 * cell);
  inner.putImageData(pixels, 0, 0);
  const { width, height } = context.canvas;
  context.imageSmoothingEnabled = smooth;
  context.drawImage(dots, 0, 0, (width * columns * stride) / size[1], (height * rows * stride) / size[0]);
  context.imageSmoothingEnabled = true;
}

// From the map's lowest value, dark blue, to its highest, yellow; a flat one is dark all over.
export function paintHeat(context, map, stride, size, palette, leastRise, strength = 0.55) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of map.values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const span = Math.max(high - low, leastRise);
  const colours = (cell) => {
    const at = 3 * Math.round((255 * (map.values[cell] - low)) / span);
    return [palette[at], palette[at + 1], palette[at + 2], 255 * strength];
  };
  paintCells(context, map.rows, map.columns, stride, size, colours);
}

// A place in pixels of the image, counted from the first pixel's centre, in dots of the canvas.
function spot(context, point, size) {
  const { width, height } = context.canvas;
  return [((point[1] + 0.5) * width) / size[1], ((point[0] + 0.5) * height) / size[0]];
}

function stroke(context, colour, trace) {
  const thick = Math.max(2.5, context.canvas.width / 130);
  for (const [ink, wide] of [[HALO, thick + 2], [colour, thick]]) {
    Object.assign(context, { strokeStyle: ink, lineWidth: wide });
    context.beginPath();
    trace();
    context.stroke();
  }
}

// Sure: yellow, whole, framed by its window. Not sure: magenta, open in the middle, no frame.
export function paintPoint(context, point, window, size, sure) {
  const [x, y] = spot(context, point, size);
  const { width, height } = context.canvas;
  const reach = Math.max(9, width / 24);
  const start = sure ? 0 : reach / 2.6;
  stroke(context, sure ? FOUND : DOUBTFUL, () => {
    for (const [across, down] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + across * start, y + down * start);
      context.lineTo(x + across * reach, y + down * reach);
    }
  });
  if (!sure) return;
  const sides = [(window[1] * width) / size[1], (window[0] * height) / size[0]];
  stroke(context, FOUND, () => context.rect(x - sides[0] / 2, y - sides[1] / 2, sides[0], sides[1]));
}

export function paintTruth(context, point, size) {
  const [x, y] = spot(context, point, size);
  stroke(context, TRUTH, () => context.arc(x, y, Math.max(5, context.canvas.width / 34), 0, 2 * Math.PI));
}
