import { describe, expect, it } from "vitest";
import { Joiner, PIECE_CHARACTERS, piecesOf } from "../src/model/comm-pieces";

const fields = (piece: object) => ({ ...piece }) as Record<string, number | string>;

describe("pieces", () => {
  it("come together again, in whatever language", () => {
    const messages = [{ text: "fish 🐟 ž".repeat(9_000) }, { more: 1 }];
    const pieces = piecesOf(messages);
    expect(pieces.length).toBeGreaterThan(2);
    const joiner = new Joiner();
    expect(pieces.map((piece) => joiner.add(fields(piece))).at(-1)).toEqual(messages);
  });

  it("stay below 64 KiB as JSON, whatever they hold", () => {
    const worst = ['"\\\n'.repeat(30_000), "🐟".repeat(30_000)];
    const sizes = piecesOf(worst).map((piece) => new TextEncoder().encode(JSON.stringify(piece)).length);
    expect(Math.max(...sizes)).toBeLessThan(65_000);
    expect(piecesOf(["x"])).toHaveLength(1);
    expect(piecesOf(["x".repeat(PIECE_CHARACTERS)])).toHaveLength(2);
  });
});

describe("Joiner", () => {
  it("has nothing to say of what misses its beginning, and begins anew with part 0", () => {
    const joiner = new Joiner();
    expect(joiner.add({ part: 1, parts: 2, text: "]" })).toBeNull();
    expect(joiner.add({ part: 0, parts: 2, text: "[1" })).toBeNull();
    expect(joiner.add({ part: 0, parts: 1, text: "[2]" })).toEqual([2]);
  });

  it.each([{}, { part: 0, parts: 9_999, text: "[]" }, { part: 0, parts: 1, text: "{}" }, { part: 0, parts: 1, text: "[" }])(
    "drops %j",
    (piece) => {
      expect(new Joiner().add(piece as Record<string, number | string>)).toBeNull();
    },
  );
});
