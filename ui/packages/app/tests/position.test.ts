import { describe, expect, it } from "vitest";
import { positionAt, positionsBetween } from "../src/model/position";

describe("positionsBetween", () => {
  it.each([
    [null, null, "a0"],
    ["a0", null, "a1"],
    ["az", null, "b00"],
    [null, "a0", "Zz"],
    [null, "Zz", "Zy"],
    [null, "a0V", "a0"],
    ["a0", "a1", "a0V"],
    ["a0V", "a1", "a0k"],
    ["Zz", "a0", "ZzV"],
    ["Zz", "a1", "a0"],
    ["a0", "a0V", "a0F"],
    ["zzzzzzzzzzzzzzzzzzzzzzzzzzz", null, "zzzzzzzzzzzzzzzzzzzzzzzzzzzV"],
  ])("between %s and %s is %s", (before, after, position) => {
    expect(positionsBetween(before, after)).toEqual([position]);
  });

  it("always finds room", () => {
    let high = "a1";
    for (let n = 0; n < 200; n += 1) {
      const [middle = ""] = positionsBetween("a0", high);
      expect("a0" < middle && middle < high && !middle.endsWith("0")).toBe(true);
      high = middle;
    }
  });

  it("gives many in ascending order", () => {
    const made = ["a0", ...positionsBetween("a0", "a1", 50), "a1"];
    expect([...made].sort()).toEqual(made);
    expect(new Set(made).size).toBe(52);
  });

  it("refuses neighbours in the wrong order", () => {
    expect(() => positionsBetween("a1", "a0")).toThrow("no position fits between a1 and a0");
  });
});

describe("positionAt", () => {
  it("steps over cells that tie with the one in front", () => {
    expect(positionAt([{ position: "a0" }, { position: "a0" }, { position: "a1" }], 1)).toBe("a0V");
    expect(positionAt([{ position: "a0" }, { position: "a0" }], 1)).toBe("a1");
  });
});
