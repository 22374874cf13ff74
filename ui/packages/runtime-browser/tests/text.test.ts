// Text as events carry it.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cleanText, cutText, encodedSize, splitText } from "../src/text";

describe("cleanText", () => {
  it("replaces lone surrogates and keeps pairs", () => {
    expect(cleanText("a\ud83db\udc00c")).toBe("a\ufffdb\ufffdc");
    expect(cleanText("x😀y")).toBe("x😀y");
  });
});

describe("encodedSize", () => {
  it("counts bytes as they stand in JSON", () => {
    expect(encodedSize('a"\n\u001bé😀')).toBe(1 + 2 + 2 + 6 + 2 + 4);
  });
});

describe("cutText", () => {
  it("leaves short text alone and says what is missing of a long one", () => {
    expect(cutText("short", 10)).toBe("short");
    expect(cutText("0123456789abc", 10)).toBe("0123456789… (3 more characters)");
    expect(cutText("ééééé", 8)).toBe("ééé… (2 more characters)");
  });
});

describe("splitText", () => {
  it("cuts after a line where it can", () => {
    expect([...splitText("aaaa\nbbbb\ncc", 8)]).toEqual(["aaaa\n", "bbbb\ncc"]);
  });

  it("cuts inside no pair, no cluster and no line end", () => {
    expect([...splitText("aaa😀", 5)]).toEqual(["aaa", "😀"]);
    expect([...splitText("abce\u0301", 5)]).toEqual(["abc", "e\u0301"]);
    expect([...splitText("abc👩\u200d🔬", 13)]).toEqual(["abc", "👩\u200d🔬"]);
    expect([...splitText("aaaaaaaa\r\n", 10)]).toEqual(["aaaaaaaa", "\r\n"]);
  });

  it("gives all of the text back in pieces within the bound", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "\n", '"', "é", "\u0301", "😀", "\u001b", "🇩", "\u200d"), maxLength: 300 });
    fc.assert(
      fc.property(text, fc.integer({ min: 16, max: 80 }), (whole, limit) => {
        const pieces = [...splitText(whole, limit)];
        expect(pieces.join("")).toBe(whole);
        for (const piece of pieces) {
          expect(piece).not.toBe("");
          expect(encodedSize(piece)).toBeLessThanOrEqual(limit);
          expect(cleanText(piece)).toBe(piece);
        }
      }),
    );
  });
});
