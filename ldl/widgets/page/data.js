// What the payload carries, as arrays: base64 -> deflated bytes -> vectors of every cell.

export function bytes(text) {
  const raw = atob(text);
  const found = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k++) found[k] = raw.charCodeAt(k);
  return found;
}

export async function inflated(text) {
  const stream = new Blob([bytes(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

// {channels, rows, columns, values}: values[k * rows * columns + row * columns + column].
export async function unpackMap(given) {
  const [channels, rows, columns] = given.shape;
  const scale = new Float32Array(bytes(given.scale).buffer);
  const steps = new Int8Array(await inflated(given.data));
  const values = new Float32Array(steps.length);
  const level = new Int8Array(1); // differences along rows, summed modulo 256
  for (let at = 0; at < steps.length; at++) {
    level[0] = at % columns ? level[0] + steps[at] : steps[at];
    values[at] = level[0] * scale[Math.floor(at / (rows * columns))];
  }
  return { channels, rows, columns, values };
}

export function loadPicture(address) {
  const image = new Image();
  image.src = address;
  return image.decode().then(() => image);
}
