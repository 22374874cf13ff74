import { describe, expect, it } from "vitest";
import { connectionInWords, duration, endedInWords, interruptedInWords, runtimeInWords, waitsFor } from "../src/model/words";

const execution = (status: string, reason: string | null, startedMs: number | null = 1) => ({
  status,
  reason,
  startedMs,
  finishedMs: null,
  executionCount: 1,
});

describe("endedInWords", () => {
  it("says why work was lost", () => {
    expect(endedInWords(execution("lost", "crashed"))).toBe("The runtime stopped while this ran.");
    expect(endedInWords(execution("lost", "displaced"))).toBe("Another runtime took over while this ran.");
    expect(endedInWords(execution("lost", null))).toBe("The runtime stopped while this ran.");
  });

  it("tells stopped before from stopped while running", () => {
    expect(endedInWords(execution("cancelled", "person", null))).toBe("Stopped before it ran.");
    expect(endedInWords(execution("cancelled", "person"))).toBe("Stopped.");
    expect(endedInWords(execution("cancelled", "batch", null))).toContain("failed");
  });

  it("is silent about what ended well or still runs", () => {
    expect(endedInWords(execution("ok", null))).toBeNull();
    expect(endedInWords(execution("running", null))).toBeNull();
  });
});

describe("interruptedInWords", () => {
  it("names the cell's line and not one of what the cell called", () => {
    const traceback =
      "\u001b[31mKeyboardInterrupt\u001b[39m\n\u001b[36mCell\u001b[39m \u001b[32mIn[7]\u001b[39m\u001b[32m, line 4\u001b[39m\nFile x.py:9";
    expect(interruptedInWords(traceback)).toBe("Interrupted at line 4");
    expect(interruptedInWords("")).toBe("Interrupted");
  });
});

describe("connectionInWords", () => {
  it("says that changes are kept, and how many wait", () => {
    const told = "no connection to the server; trying again";
    expect(connectionInWords(told, 0)).toBe("The server does not answer: changes are kept in this page and sent when it is back.");
    expect(connectionInWords(told, 1)).toContain("1 change is kept");
    expect(connectionInWords(null, 1200)).toContain("1,200 changes are kept");
  });

  it("tells any other problem as a sentence", () => {
    expect(connectionInWords("the server refuses this page: gone", 0)).toBe("The server refuses this page: gone.");
  });
});

describe("waitsFor", () => {
  it("names what a queued cell waits for", () => {
    expect(waitsFor(null, 0)).toBe("waiting for a runtime");
    expect(waitsFor({ status: "unreachable", endedReason: null }, 0)).toBe("waiting for the runtime, which is out of reach");
    expect(waitsFor({ status: "ready", endedReason: null }, 2)).toBe("waiting for 2 cells");
  });
});

describe("runtimeInWords", () => {
  it("tells ready from busy, and stopped from never started", () => {
    expect(runtimeInWords({ status: "ready", endedReason: null }, false)).toEqual({ text: "Ready", tone: "good" });
    expect(runtimeInWords({ status: "ready", endedReason: null }, true)).toEqual({ text: "Busy", tone: "busy" });
    expect(runtimeInWords({ status: "terminated", endedReason: "crashed" }, false)).toEqual({ text: "Runtime stopped", tone: "bad" });
    expect(runtimeInWords(null, false)).toEqual({ text: "No runtime", tone: "idle" });
  });
});

describe("duration", () => {
  it.each([
    [-5, "0 ms"],
    [420, "420 ms"],
    [1_420, "1.4 s"],
    [12_900, "12 s"],
    [185_000, "3 min 05 s"],
    [7_800_000, "2 h 10 min"],
  ])("%i ms is %s", (ms, text) => {
    expect(duration(ms).replaceAll("\u00a0", " ")).toBe(text);
  });
});
