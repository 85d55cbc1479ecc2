import fc from "fast-check";
import { expect, it } from "vitest";

import { mostFloat32JsonBytes, writeFloat32Row } from "../../src/utils/write-float32-json.js";

function write(row: Float32Array): string {
  const target = Buffer.alloc(row.length * mostFloat32JsonBytes);
  return target.toString("latin1", 0, writeFloat32Row(target, 0, row));
}

function roundTrips(row: Float32Array): void {
  const parsed = JSON.parse(`[${write(row)}]`) as number[];
  expect(Float32Array.from(parsed)).toEqual(row);
}

it("reads back as the same float32: any", () => {
  fc.assert(
    fc.property(fc.float32Array({ noNaN: true, noDefaultInfinity: true, maxLength: 50 }), roundTrips),
    { numRuns: 2_000 },
  );
});

it("reads back as the same float32: components of vectors of length 1", () => {
  const components = fc.float32Array({ noNaN: true, min: -1, max: 1, minLength: 100, maxLength: 400 });
  fc.assert(fc.property(components, roundTrips), { numRuns: 300 });
  // Every exponent between 2^-15 and 2, its ends and their neighbours.
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  const edges: number[] = [];
  for (let exponent = 112; exponent <= 128; exponent++) {
    for (const mantissa of [0, 1, 2, 0x3fffff, 0x400000, 0x7ffffe, 0x7fffff]) {
      bits[0] = (exponent << 23) | mantissa;
      edges.push(float[0] as number, -(float[0] as number));
    }
  }
  for (const power of [0.1, 0.01, 0.001, 0.0001]) {
    bits[0] = new Uint32Array(Float32Array.of(power).buffer)[0] as number;
    for (let step = -3; step <= 3; step++) {
      bits[0] = (new Uint32Array(Float32Array.of(power).buffer)[0] as number) + step;
      edges.push(float[0] as number);
    }
  }
  roundTrips(Float32Array.from([...edges, 0, -0]));
});

it("refuses what JSON cannot say", () => {
  for (const value of [NaN, Infinity, -Infinity]) {
    expect(() => write(Float32Array.of(0.5, value))).toThrow(/no number/);
  }
});

it("writes any separator", () => {
  const target = Buffer.alloc(2 * mostFloat32JsonBytes);
  const end = writeFloat32Row(target, 0, Float32Array.of(0.25, -2), " ".charCodeAt(0));
  expect(target.toString("latin1", 0, end)).toBe("0.250000000 -2");
});
