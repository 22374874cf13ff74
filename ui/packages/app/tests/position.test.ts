import { describe, expect, it } from "vitest";
import { positionAt } from "../src/model/position";

describe("positionAt", () => {
  it("steps over cells that tie with the one in front", () => {
    expect(positionAt([{ position: "a0" }, { position: "a0" }, { position: "a1" }], 1)).toBe("a0V");
    expect(positionAt([{ position: "a0" }, { position: "a0" }], 1)).toBe("a1");
  });
});
