import { describe, expect, it } from "vitest";
import { applySgr, paletteColor } from "../src/model/sgr";

describe("applySgr", () => {
  it("sets and resets the 16 colours", () => {
    expect(applySgr(null, "31")).toEqual({ fg: 1, bg: null, decorations: [] });
    expect(applySgr(null, "97;104")).toEqual({ fg: 15, bg: 12, decorations: [] });
    expect(applySgr(applySgr(null, "31;1"), "")).toBeNull();
    expect(applySgr(applySgr(null, "31;42"), "39")).toEqual({ fg: null, bg: 2, decorations: [] });
  });

  it("reads palette and 24-bit colours with semicolons and colons", () => {
    expect(applySgr(null, "38;5;208;1")).toEqual({ fg: 208, bg: null, decorations: ["bold"] });
    expect(applySgr(null, "48;2;1;2;3")).toEqual({ fg: null, bg: "rgb(1, 2, 3)", decorations: [] });
    expect(applySgr(null, "38:2::10:20:30")).toEqual({ fg: "rgb(10, 20, 30)", bg: null, decorations: [] });
    expect(applySgr(null, "38:5:99")).toEqual({ fg: 99, bg: null, decorations: [] });
  });

  it("ignores colours out of range and what it does not know", () => {
    expect(applySgr(null, "38;5;999")).toBeNull();
    expect(applySgr(null, "38;2;1;2;300")).toBeNull();
    expect(applySgr(null, "73;6")).toBeNull();
  });

  it("adds and removes decorations", () => {
    expect(applySgr(null, "1;2;3;4;7;9")?.decorations).toEqual(["bold", "dim", "inverse", "italic", "strike", "underline"]);
    expect(applySgr(applySgr(null, "1;2;3"), "22")?.decorations).toEqual(["italic"]);
    expect(applySgr(applySgr(null, "4"), "4:0")).toBeNull();
  });

  it("gives equal styles one identity", () => {
    expect(applySgr(null, "1;31")).toBe(applySgr(applySgr(null, "31"), "1"));
  });
});

describe("paletteColor", () => {
  it("follows the cube and the greys of xterm", () => {
    expect(paletteColor(16)).toBe("rgb(0, 0, 0)");
    expect(paletteColor(208)).toBe("rgb(255, 135, 0)");
    expect(paletteColor(231)).toBe("rgb(255, 255, 255)");
    expect(paletteColor(232)).toBe("rgb(8, 8, 8)");
    expect(paletteColor(255)).toBe("rgb(238, 238, 238)");
  });
});
