import { describe, expect, it } from "vitest";
import { codePoints, LONGEST_CODE, utf16Units, windowAt } from "../src/model/code-window";

describe("windowAt", () => {
  it("sends a cell of usual length whole, and counts the caret in code points", () => {
    expect(windowAt("a = '😀'; a.up", 14)).toEqual({ code: "a = '😀'; a.up", cursor: 13, offset: 0 });
  });

  it("cuts whole lines around the caret out of a very long cell", () => {
    const line = `${"x".repeat(99)}\n`;
    const source = line.repeat(400);
    const { code, cursor, offset } = windowAt(source, 30_050);
    expect(code.length).toBeLessThanOrEqual(LONGEST_CODE);
    expect(source.slice(offset, offset + code.length)).toBe(code);
    expect(source[offset - 1]).toBe("\n");
    expect(offset + cursor).toBe(30_050);
  });

  it("cuts a line that is itself too long", () => {
    const { code, cursor, offset } = windowAt("x".repeat(40_000), 40_000);
    expect([offset + cursor, cursor]).toEqual([40_000, code.length]);
  });

  it("replaces half a pair by one character", () => {
    expect(windowAt("'\ud83d' + b", 7)).toEqual({ code: "'\ufffd' + b", cursor: 7, offset: 0 });
  });
});

describe("code points and UTF-16 units", () => {
  it("are each other's inverse", () => {
    const text = "aé😀b𝒞";
    for (const [points, units] of [
      [0, 0],
      [2, 2],
      [3, 4],
      [4, 5],
      [5, 7],
    ] as const) {
      expect([codePoints(text, units), utf16Units(text, points)]).toEqual([points, units]);
    }
  });

  it("stop at the end of the text", () => {
    expect([codePoints("😀", 9), utf16Units("😀", 9)]).toEqual([1, 2]);
  });
});
