const demo = JSON.parse(document.getElementById("content").textContent);
const [HEIGHT, WIDTH, CHANNELS] = [demo.shape[0] ?? 64, demo.shape[1] ?? 64, demo.shape[2] ?? 3];
const at = (id) => document.getElementById(id);
const board = at("board"), seen = at("seen"), pen = board.getContext("2d", { willReadFrequently: true });
const say = (text) => { at("status").textContent = text; };

// -- files: beside the page, or in it as base64; compressed or not ------------------------------

async function bytesOf(place) {
  let data;
  if (typeof place === "string") {
    const answer = await fetch(place);
    if (!answer.ok) throw new Error(`${place}: HTTP ${answer.status}`);
    data = new Uint8Array(await answer.arrayBuffer());
  } else {
    data = Uint8Array.from(atob(place.base64), (sign) => sign.charCodeAt(0));
  }
  // Some servers unpack .gz files themselves.
  if (data[0] !== 0x1f || data[1] !== 0x8b) return data;
  const stream = new Blob([data]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// -- the encoder --------------------------------------------------------------------------------

let encoder = null;

function loaded() {
  encoder ??= load().catch((error) => {
    encoder = null;
    throw new Error(`The encoder could not be loaded: ${error.message}`);
  });
  return encoder;
}

async function load() {
  if (location.protocol === "file:" && typeof demo.encoder === "string") {
    throw new Error("a page from disk may not read files. Open the one-file page, or serve the site (python -m http.server).");
  }
  say("Loading the encoder and ONNX Runtime ...");
  const [wasm, model] = await Promise.all([bytesOf(demo.runtime.wasm), bytesOf(demo.encoder)]);
  let address = demo.runtime.module;
  if (typeof address !== "string") {
    address = URL.createObjectURL(new Blob([await bytesOf(address)], { type: "text/javascript" }));
  } else {
    address = new URL(address, location.href).href;
  }
  const ort = await import(address);
  ort.env.wasm.numThreads = 1; // more need headers that few servers send
  ort.env.wasm.wasmBinary = wasm.buffer;
  const session = await ort.InferenceSession.create(model, { executionProviders: ["wasm"] });
  return async (pixels) => {
    const images = new ort.Tensor("float32", pixels, [1, HEIGHT, WIDTH, CHANNELS]);
    const { features } = await session.run({ images });
    return features.data;
  };
}

// -- pixels -------------------------------------------------------------------------------------

// What the encoder gets: a picture that was chosen, at its own size; else the board.
let source = board;

// The picture as float32 (height, width, channels) in [0, 1], cropped and resized as the library
// does it: the largest box in the middle, and Pillow's bilinear filter.
function pixelsOfSource() {
  const scale = Math.min(source.height / HEIGHT, source.width / WIDTH);
  const [height, width] = [HEIGHT, WIDTH].map((side) => Math.max(1, Math.round(side * scale)));
  const [top, left] = [(source.height - height) >> 1, (source.width - width) >> 1];
  const box = source.getContext("2d", { willReadFrequently: true }).getImageData(left, top, width, height);
  const small = resized(box.data, height, width);
  const pixels = new Float32Array(HEIGHT * WIDTH * CHANNELS), shown = new ImageData(WIDTH, HEIGHT);
  const inverted = at("invert")?.checked ?? false;
  for (let n = 0; n < HEIGHT * WIDTH; n++) {
    const rgb = small.slice(3 * n, 3 * n + 3);
    if (CHANNELS === 1) {
      const grey = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
      rgb.fill(inverted ? 255 - grey : grey);
    }
    for (let c = 0; c < CHANNELS; c++) pixels[n * CHANNELS + c] = (rgb[c] ?? 255) / 255;
    shown.data.set([...rgb, 255], 4 * n);
  }
  [seen.width, seen.height] = [WIDTH, HEIGHT];
  seen.getContext("2d").putImageData(shown, 0, 0);
  return pixels;
}

// RGBA bytes to rounded RGB of HEIGHT x WIDTH: rows first, then columns, as Pillow does.
function resized(rgba, height, width) {
  const across = weights(width, WIDTH), down = weights(height, HEIGHT);
  const rows = new Float32Array(height * WIDTH * 3), small = new Float32Array(HEIGHT * WIDTH * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < WIDTH; x++) for (let c = 0; c < 3; c++) {
    let sum = 0;
    for (const [from, weight] of across[x]) sum += weight * rgba[4 * (y * width + from) + c];
    rows[3 * (y * WIDTH + x) + c] = Math.round(sum);
  }
  for (let y = 0; y < HEIGHT; y++) for (let x = 0; x < WIDTH; x++) for (let c = 0; c < 3; c++) {
    let sum = 0;
    for (const [from, weight] of down[y]) sum += weight * rows[3 * (from * WIDTH + x) + c];
    small[3 * (y * WIDTH + x) + c] = Math.round(sum);
  }
  return small;
}

// Of each new pixel: the old ones it is made of, and their weights, a triangle.
function weights(before, after) {
  const scale = before / after, reach = Math.max(1, scale);
  return Array.from({ length: after }, (_, n) => {
    const middle = (n + 0.5) * scale, found = [];
    const last = Math.min(before, Math.floor(middle + reach + 0.5));
    for (let from = Math.max(0, Math.floor(middle - reach + 0.5)); from < last; from++) {
      const weight = Math.max(0, 1 - Math.abs((from + 0.5 - middle) / reach));
      if (weight) found.push([from, weight]);
    }
    const sum = found.reduce((total, [, weight]) => total + weight, 0);
    return found.map(([from, weight]) => [from, weight / sum]);
  });
}

// A canvas with a picture, or with a part of one.
function canvasOf(image, left = 0, top = 0, width = image.width, height = image.height) {
  const canvas = document.createElement("canvas"), scale = Math.min(1, 1024 / Math.max(width, height));
  [canvas.width, canvas.height] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.fillRect(0, 0, canvas.width, canvas.height); // black below what is transparent
  context.drawImage(image, left, top, width, height, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function show(canvas) {
  source = canvas;
  const scale = board.width / Math.min(canvas.width, canvas.height);
  const [width, height] = [canvas.width * scale, canvas.height * scale];
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, board.width, board.height);
  pen.imageSmoothingQuality = "high";
  pen.imageSmoothingEnabled = scale < 4; // small pictures are seen as they are
  pen.drawImage(canvas, (board.width - width) / 2, (board.height - height) / 2, width, height);
}

// -- neighbours ---------------------------------------------------------------------------------

const half = (bits) => {
  const sign = bits >> 15 ? -1 : 1, exponent = (bits >> 10) & 31, rest = bits & 1023;
  if (exponent === 0) return sign * rest * 2 ** -24;
  return exponent === 31 ? NaN : sign * (1 + rest / 1024) * 2 ** (exponent - 15);
};

// A .npy file of float16 (N, D): its numbers, after a header whose length stands in bytes 8 and 9.
async function galleryFeatures() {
  const data = await bytesOf(demo.gallery.features);
  const begin = 10 + data[8] + 256 * data[9];
  return Float32Array.from(new Uint16Array(data.buffer.slice(begin)), half);
}

function nearest(features, all, without = -1, count = 8) {
  const size = features.length, length = Math.hypot(...features) || 1;
  const found = [];
  for (let n = 0; n < demo.gallery.count; n++) {
    let cosine = 0;
    for (let d = 0; d < size; d++) cosine += features[d] * all[n * size + d];
    if (n !== without) found.push([cosine / length, n]);
  }
  return found.sort((a, b) => b[0] - a[0]).slice(0, count);
}

function tile(number) {
  const { columns, count, tile: [height, width], images } = demo.gallery;
  const rows = Math.ceil(count / columns), [column, row] = [number % columns, Math.floor(number / columns)];
  const button = document.createElement("button");
  button.type = "button";
  button.className = "tile";
  button.style.aspectRatio = `${width} / ${height}`;
  button.style.backgroundImage = `url("${images}")`;
  button.style.backgroundSize = `${columns * 100}% ${rows * 100}%`;
  button.style.backgroundPosition = `${columns > 1 ? (column / (columns - 1)) * 100 : 0}% ${rows > 1 ? (row / (rows - 1)) * 100 : 0}%`;
  button.setAttribute("aria-label", `Picture ${number + 1}${label(number) ? `: ${label(number)}` : ""}`);
  button.addEventListener("click", () => pick(number));
  return button;
}

function label(number) {
  const value = demo.gallery.labels?.[number];
  return value === undefined ? "" : demo.gallery.class_names[value] ?? `class ${value}`;
}

function list(found) {
  at("near").replaceChildren(...found.map(([cosine, number]) => {
    const item = document.createElement("li"), name = document.createElement("div"), value = document.createElement("div");
    name.textContent = label(number);
    value.className = "soft";
    value.textContent = cosine.toFixed(3);
    value.title = "cosine of the features";
    item.append(tile(number), name, value);
    return item;
  }));
}

const features = demo.gallery && galleryFeatures();

// A picture of the gallery: its features came with the page, nothing has to run.
async function pick(number) {
  const { columns, count, tile: [height, width], images } = demo.gallery;
  const all = await features, size = all.length / count;
  const image = new Image();
  image.src = images;
  await image.decode();
  show(canvasOf(image, (number % columns) * width, Math.floor(number / columns) * height, width, height));
  if (at("invert")) at("invert").checked = false;
  touched = true;
  pixelsOfSource();
  list(nearest(all.subarray(number * size, (number + 1) * size), all, number));
  say(`Picture ${number + 1} of the gallery${label(number) ? ` (${label(number)})` : ""}, with the features that came with the page.`);
}

function bars(values) {
  const canvas = at("features"), context = canvas.getContext("2d");
  const most = Math.max(...values.map(Math.abs)) || 1, width = canvas.width / values.length;
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = getComputedStyle(document.body).getPropertyValue("--bar");
  values.forEach((value, n) => context.fillRect(n * width, 60, Math.max(1, width - 1), (-value / most) * 58));
}

// -- the picture changes ------------------------------------------------------------------------

let waiting = null, running = false, touched = false;

// One run at a time; of what changes meanwhile, the last.
async function run() {
  const pixels = pixelsOfSource();
  if (!demo.runtime) return say("Pick a picture of the gallery: drawn ones need ONNX Runtime, see above.");
  waiting = pixels;
  if (running) return;
  running = true;
  try {
    const embed = await loaded();
    while (waiting) {
      const now = waiting, begin = performance.now();
      waiting = null;
      const found = await embed(now), took = performance.now() - begin;
      if (demo.gallery) list(nearest(found, await features));
      else bars(Array.from(found));
      say(`${found.length} features in ${took.toFixed(took < 10 ? 1 : 0)} ms, in this browser: the picture does not leave it.`);
    }
  } catch (error) {
    waiting = null;
    say(error.message);
  } finally {
    running = false;
  }
}

async function take(file) {
  try {
    show(canvasOf(await createImageBitmap(file)));
  } catch {
    return say("This is no picture that the browser can read.");
  }
  touched = true;
  return run();
}

function greet() {
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, board.width, board.height);
  pen.fillStyle = "#8a93a0";
  pen.font = "15px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.fillText("Draw, or drop a picture", board.width / 2, board.height / 2);
  source = board;
  touched = false;
}

const place = (event) => {
  const box = board.getBoundingClientRect(), scale = board.width / box.width;
  return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
};
let last = null;
board.addEventListener("pointerdown", (event) => {
  if (!touched) {
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, board.width, board.height);
  }
  touched = true;
  source = board;
  board.setPointerCapture(event.pointerId);
  last = place(event);
  stroke(last);
});
board.addEventListener("pointermove", (event) => { if (last) stroke(place(event)); });
for (const end of ["pointerup", "pointercancel"]) board.addEventListener(end, () => { if (last) { last = null; run(); } });
function stroke(point) {
  pen.strokeStyle = at("color")?.value ?? "#fff";
  pen.lineWidth = 22;
  pen.lineCap = pen.lineJoin = "round";
  pen.beginPath();
  pen.moveTo(...last);
  pen.lineTo(point[0], point[1] + 0.01);
  pen.stroke();
  last = point;
}
board.addEventListener("dragover", (event) => { event.preventDefault(); board.classList.add("over"); });
board.addEventListener("dragleave", () => board.classList.remove("over"));
board.addEventListener("drop", (event) => {
  event.preventDefault();
  board.classList.remove("over");
  if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
});
document.addEventListener("paste", (event) => { if (event.clipboardData.files[0]) take(event.clipboardData.files[0]); });
at("file").addEventListener("change", (event) => { if (event.target.files[0]) take(event.target.files[0]); event.target.value = ""; });
at("clear").addEventListener("click", () => { greet(); at("near")?.replaceChildren(); say("Draw, or pick a picture."); });
at("invert")?.addEventListener("change", () => { if (touched) run(); });

greet();
if (demo.gallery) {
  at("gallery").append(...Array.from({ length: demo.gallery.count }, (_, number) => tile(number)));
  pick(0);
}
