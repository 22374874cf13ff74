import { describe, expect, it } from "vitest";
import { readAnswer, readCompletions, readDescription, readResources, readVariables } from "../src/model/live-answers";
import { isMemoryNoteworthy, memory, processor } from "../src/model/quantities";
import { listed, MOST_VARIABLES } from "../src/model/variables";

describe("readAnswer", () => {
  it("takes what is said to be right, and the problem of what is not", () => {
    expect(readAnswer({ ok: true, count: 1 })).toEqual({ data: { ok: true, count: 1 } });
    expect(readAnswer({ ok: false, problem: "complete: not here" })).toEqual({ problem: "complete: not here" });
    expect(readAnswer("x")).toEqual({ problem: "The runtime gave no answer." });
  });
});

describe("readCompletions", () => {
  it("reads matches, and none out of what is malformed", () => {
    const data = { matches: [{ text: "print", type: "function" }, { text: "" }, 3], start: 0, end: 2 };
    expect(readCompletions({ data })).toEqual({ matches: [{ text: "print", type: "function" }], start: 0, end: 2 });
    expect(readCompletions({ data: { ...data, start: 3 } })).toBeNull();
    expect(readCompletions({ data: { matches: [] } })).toBeNull();
    expect(readCompletions({ problem: "no" })).toBeNull();
  });
});

describe("readDescription", () => {
  it("prefers terminal text", () => {
    expect(readDescription({ bundle: { "text/plain": "p", "text/markdown": "m", "text/html": "h" } })).toBe("p");
    expect(readDescription({ bundle: { "text/markdown": "m" } })).toBe("m");
    expect(readDescription({ bundle: null })).toBeNull();
  });
});

describe("variables", () => {
  it("are sorted by name, numbers by value, functions and classes last", () => {
    const of = (name: string, type = "int") => ({ name, type, summary: "1" });
    const variables = [of("Able", "type"), of("x10"), of("act", "function"), of("x9"), of("B"), {}];
    expect(readVariables({ variables }).map(({ name }) => name)).toEqual(["B", "x9", "x10", "Able", "act"]);
    expect(readVariables({})).toEqual([]);
  });

  it("are found by name or type, and bounded", () => {
    const all = Array.from({ length: MOST_VARIABLES + 5 }, (_, n) => ({ name: `v${n}`, type: n === 7 ? "DataFrame" : "int", summary: "" }));
    expect(listed(all, " dataf ").rows.map(({ name }) => name)).toEqual(["v7"]);
    expect(listed(all, "").rows.length).toBe(MOST_VARIABLES);
    expect(listed(all, "").more).toBe(5);
  });
});

describe("resources", () => {
  it("are read, without a limit too", () => {
    expect(readResources({ rssBytes: 5, cpuPercent: 1.5, limitBytes: null })).toEqual({ rssBytes: 5, cpuPercent: 1.5, limitBytes: null });
    expect(readResources({ cpuPercent: 1 })).toBeNull();
  });

  it("are written for people", () => {
    expect([0, 512, 1023.7, 3_565_158, 327_155_712, 2 ** 31, 10 * 2 ** 40].map(memory)).toEqual([
      "0\u00a0bytes",
      "512\u00a0bytes",
      "1\u00a0KB",
      "3.4\u00a0MB",
      "312\u00a0MB",
      "2\u00a0GB",
      "10\u00a0TB",
    ]);
    expect(processor(34.4)).toBe("34\u00a0%");
  });

  it("are worth a word above half of the limit", () => {
    const uses = (rssBytes: number, limitBytes: number | null) => isMemoryNoteworthy({ rssBytes, limitBytes, cpuPercent: 0 });
    expect([uses(51, 100), uses(50, 100), uses(99, null)]).toEqual([true, false, false]);
  });
});
