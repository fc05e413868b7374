// Features of images from an exported encoder, in a browser.
//
//     import { loadEncoder, pixelsOf } from "./embed.js";
//     const encoder = await loadEncoder("encoder.onnx");
//     const pixels = await pixelsOf(files, encoder.shape); // or your own: float32 in [0, 1]
//     const rows = await encoder.embed(pixels); // an array of length 1 per image

// The runtime's files, served beside this one: `npm install onnxruntime-web` puts them there.
const RUNTIME = new URL("./node_modules/onnxruntime-web/dist/", import.meta.url).href;

/** The encoder in the file at an address: its image `shape` [H, W, C], its `device`, and `embed`. */
export async function loadEncoder(address, runtime = RUNTIME) {
  // A browser may have `navigator.gpu` and no graphics card that it would give away: ask for one.
  const gpu = Boolean(await navigator.gpu?.requestAdapter());
  const ort = await import(`${runtime}ort.${gpu ? "webgpu" : "wasm"}.bundle.min.mjs`);
  ort.env.wasm.wasmPaths = runtime;
  if (!crossOriginIsolated) ort.env.wasm.numThreads = 1; // threads need two headers, see the README
  const device = gpu ? "webgpu" : "wasm";
  const session = await ort.InferenceSession.create(address, { executionProviders: [device] });
  const shape = session.inputMetadata[0].shape.slice(1);
  return { shape, device, embed: (pixels, batchSize) => embed(ort, session, shape, pixels, batchSize) };
}

async function embed(ort, session, shape, pixels, batchSize = 64) {
  const size = shape.reduce((a, b) => a * b);
  if (pixels.length % size) throw new Error(`${pixels.length} pixels are no images of ${shape.join(" x ")}`);
  const rows = [];
  for (let first = 0; first < pixels.length; first += batchSize * size) {
    const part = pixels.subarray(first, first + batchSize * size);
    const images = new ort.Tensor("float32", part, [part.length / size, ...shape]);
    const { features } = await session.run({ images });
    const [count, dim] = features.dims;
    for (let i = 0; i < count; i++) {
      const row = Array.from(features.data.subarray(i * dim, (i + 1) * dim));
      const length = Math.hypot(...row);
      rows.push(row.map((value) => value / length));
    }
  }
  return rows;
}

/** Pixels of image files: the largest box in the middle, resized, (N, H, W, C) in [0, 1]. */
export async function pixelsOf(files, [height, width, channels]) {
  const pixels = new Float32Array(files.length * height * width * channels);
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  let at = 0;
  for (const file of files) {
    const image = await createImageBitmap(file, { colorSpaceConversion: "none" });
    const scale = Math.min(image.width / width, image.height / height);
    const box = [width * scale, height * scale];
    context.fillRect(0, 0, width, height); // black below what is transparent
    context.drawImage(image, (image.width - box[0]) / 2, (image.height - box[1]) / 2, ...box, 0, 0, width, height);
    const rgba = context.getImageData(0, 0, width, height).data;
    for (let n = 0; n < rgba.length; n += 4) {
      const [red, green, blue] = rgba.subarray(n, n + 3);
      // Grey as Pillow has it, in whole numbers.
      const values = channels === 1 ? [(19595 * red + 38470 * green + 7471 * blue + 32768) >> 16] : [red, green, blue];
      for (const value of values) pixels[at++] = value / 255;
    }
  }
  return pixels;
}
