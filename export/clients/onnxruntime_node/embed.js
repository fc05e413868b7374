// Features of images from an exported encoder, in Node.
//
//     node embed.js encoder.onnx images.npy features.json
//
// images.npy: (N, H, W, C), float32 in [0, 1] or 8-bit pixels. features.json: N arrays of length 1.

const fs = require("fs");
const ort = require("onnxruntime-node");

/** Images of a NumPy file: their shape, and float32 in [0, 1]. */
function readImages(file) {
  const bytes = fs.readFileSync(file);
  const long = bytes[6] > 1; // version 2 of the format has a longer length
  const start = (long ? 12 : 10) + (long ? bytes.readUInt32LE(8) : bytes.readUInt16LE(8));
  const header = bytes.toString("latin1", long ? 12 : 10, start);
  const shape = header.match(/'shape': \(([^)]*)\)/)[1].split(",").filter((n) => n.trim()).map(Number);
  const data = bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length);
  if (header.includes("'fortran_order': True")) throw new Error(`${file}: not in C order`);
  if (header.includes("'|u1'")) return [shape, Float32Array.from(new Uint8Array(data), (p) => p / 255)];
  if (header.includes("'<f4'")) return [shape, new Float32Array(data)];
  throw new Error(`${file}: neither float32 nor uint8`);
}

/** Features of length 1, an array per image. */
async function embed(file, shape, pixels, batchSize = 64) {
  const session = await ort.InferenceSession.create(file);
  const [count, ...image] = shape;
  const size = image.reduce((a, b) => a * b);
  const rows = [];
  for (let first = 0; first < count; first += batchSize) {
    const n = Math.min(batchSize, count - first);
    const part = pixels.subarray(first * size, (first + n) * size);
    const images = new ort.Tensor("float32", part, [n, ...image]);
    const { features } = await session.run({ images });
    const dim = features.dims[1];
    for (let i = 0; i < n; i++) {
      const row = Array.from(features.data.subarray(i * dim, (i + 1) * dim));
      const length = Math.hypot(...row);
      rows.push(row.map((value) => value / length));
    }
  }
  return rows;
}

const [encoder, images, out] = process.argv.slice(2);
embed(encoder, ...readImages(images))
  .then((rows) => fs.writeFileSync(out, JSON.stringify(rows)))
  .catch((error) => {
    console.error(`embed.js: ${error.message}`);
    process.exitCode = 1;
  });
