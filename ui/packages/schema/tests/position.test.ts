// Positions are those of Python, case by case, and always leave room.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InvalidPositionError, isPosition, positionsBetween } from "../src/index";

interface Vectors {
  readonly between: readonly { before: string | null; after: string | null; count: number; positions: string[] }[];
  readonly valid: readonly string[];
  readonly invalid: readonly string[];
}
const vectors: Vectors = JSON.parse(readFileSync(new URL("../../../../contract/positions.json", import.meta.url), "utf8"));

describe("positions", () => {
  it("are those of the shared vectors", () => {
    for (const { before, after, count, positions } of vectors.between) expect(positionsBetween(before, after, count)).toEqual(positions);
  });

  it("are recognised as in the shared vectors", () => {
    expect(vectors.valid.filter((text) => !isPosition(text))).toEqual([]);
    expect(vectors.invalid.filter((text) => isPosition(text))).toEqual([]);
  });

  it("stay sorted and distinct wherever they are inserted", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(1000), fc.integer({ min: 1, max: 4 })), { maxLength: 60 }), (inserts) => {
        const keys: string[] = [];
        for (const [place, count] of inserts) {
          const at = place % (keys.length + 1);
          keys.splice(at, 0, ...positionsBetween(keys[at - 1] ?? null, keys[at] ?? null, count));
        }
        expect(keys).toEqual([...new Set(keys)].sort());
        expect(keys.every(isPosition)).toBe(true);
      }),
    );
  });

  it("are refused when malformed or out of order", () => {
    expect(() => positionsBetween("a00", null)).toThrow(new InvalidPositionError("'a00' is not a position"));
    expect(() => positionsBetween("a2", "a1")).toThrow("no position fits between 'a2' and 'a1'");
  });

  it("have room at both ends of the range", () => {
    const last = "z".repeat(27);
    expect(positionsBetween(last, null)[0]).toBe(`${last}V`);
    expect(positionsBetween(null, `A${"0".repeat(25)}1`)[0]).toBe(`A${"0".repeat(26)}V`);
  });
});
