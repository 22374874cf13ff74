import { describe, expect, it } from "vitest";
import {
  type BrowserFacts,
  connectionInWords,
  duration,
  endedHereInWords,
  endedInWords,
  endOfSessionInWords,
  interruptedInWords,
  isChanging,
  isHere,
  isOnItsWay,
  progressInWords,
  runtimeInWords,
  waitsFor,
} from "../src/model/words";

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

describe("endOfSessionInWords", () => {
  const last = (source: string, errorValue: string | null = null) => ({
    source,
    status: errorValue === null ? "ok" : "error",
    errorName: errorValue === null ? null : "RuntimeCrashed",
    errorValue,
  });

  it("tells code that asked to exit from a person who stopped it", () => {
    for (const source of ["exit()", "x = 1\nquit", "if done: exit(0)  # enough"]) {
      expect(endOfSessionInWords("shutdown", last(source))).toBe("The code asked to exit. Its variables are gone; cells and outputs stay.");
    }
    for (const source of ["x = 1", "exit_code = 1", "on_exit()", "# exit() ends it"]) {
      expect(endOfSessionInWords("shutdown", last(source))).toBe("The runtime was stopped.");
    }
    expect(endOfSessionInWords("shutdown")).toBe("The runtime was stopped.");
  });

  it("names the signal that ended it", () => {
    expect(endOfSessionInWords("crashed", last("f()", "the runtime was killed by SIGSEGV; its variables are gone"))).toBe(
      "The runtime was killed by SIGSEGV; its variables are gone.",
    );
    expect(endOfSessionInWords("crashed", last("f()"))).toBe("The runtime stopped unexpectedly.");
  });
});

describe("interruptedInWords", () => {
  it("names the cell's line and not one of what the cell called", () => {
    const traceback =
      "\u001b[31mKeyboardInterrupt\u001b[39m\n\u001b[36mCell\u001b[39m \u001b[32mIn[7]\u001b[39m\u001b[32m, line 4\u001b[39m\nFile x.py:9";
    expect(interruptedInWords(traceback)).toBe("Interrupted at line 4");
    expect(interruptedInWords("Traceback (most recent call last):\n  Cell In[7], line 5\n    while True: pass")).toBe(
      "Interrupted at line 5",
    );
    expect(interruptedInWords("")).toBe("Interrupted");
  });
});

describe("connectionInWords", () => {
  it("says that changes are kept, and how many wait", () => {
    const told = "no connection to the server; trying again";
    expect(connectionInWords(told, 0, "page")).toBe("The server does not answer: changes are kept in this page and sent when it is back.");
    expect(connectionInWords(told, 1, "browser")).toContain("1 change is kept in this browser");
    expect(connectionInWords(null, 1200, "page")).toContain("1,200 changes are kept");
  });

  it("tells any other problem as a sentence", () => {
    expect(connectionInWords("the server refuses this page: gone", 0, "page")).toBe("The server refuses this page: gone.");
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

const browser = (status: BrowserFacts["status"], fraction: number | null = null, text = ""): BrowserFacts => ({
  status,
  progress: { text, fraction },
});

describe("the runtime in this tab", () => {
  const ready = { status: "ready", endedReason: null };

  it("is named before another while it starts or stops, with how far it is", () => {
    expect(runtimeInWords(null, false, browser("loading", 0.451))).toEqual({ text: "Starting…", tone: "busy", more: "45\u00a0%" });
    expect(runtimeInWords(ready, true, browser("restarting"))).toEqual({ text: "Restarting…", tone: "busy", more: "" });
    expect(runtimeInWords(ready, true, browser("off"))).toEqual({ text: "Busy", tone: "busy" });
    expect(runtimeInWords(ready, true, browser("ready"))).toEqual({ text: "Busy", tone: "busy" });
    expect(runtimeInWords(ready, true, browser("ready", null, "loading pandas"))).toEqual({ text: "Loading pandas", tone: "busy" });
    expect(runtimeInWords(ready, false, browser("failed"))).toEqual({ text: "Ready", tone: "good" });
    expect(runtimeInWords(null, false, browser("failed"))).toEqual({ text: "Runtime failed", tone: "bad" });
  });

  it("never claims less than nothing or more than all", () => {
    expect(runtimeInWords(null, false, browser("loading", 1.2)).more).toBe("100\u00a0%");
    expect(runtimeInWords(null, false, browser("loading", -1)).more).toBe("0\u00a0%");
  });

  it("is what waiting cells wait for", () => {
    expect(waitsFor(null, 0, browser("loading", 0.5))).toBe("waiting for the runtime to start, 50\u00a0%");
    expect(waitsFor(null, 0, browser("restarting"))).toBe("waiting for the runtime to start");
    expect(waitsFor(null, 0, browser("stopping"))).toBe("waiting for a runtime");
    expect(waitsFor(null, 0, browser("failed"))).toBe("the runtime in this browser failed");
    expect(waitsFor(ready, 0, browser("loading", 0.5))).toBe("next");
  });

  it("says what it does in its own words, or in ours", () => {
    const loading = browser("loading", 0.5, "downloading Python: 6.0 of 12.0 MB");
    expect(progressInWords(loading)).toEqual({ step: "Downloading Python", numbers: ": 6.0 of 12.0 MB" });
    expect(progressInWords(browser("starting", null, "starting Python"))).toEqual({ step: "Starting Python", numbers: "" });
    expect(progressInWords({ status: "stopping", progress: null })).toEqual({ step: "Stopping…", numbers: "" });
  });

  it("says why it is no longer the notebook's, unless that was wished for", () => {
    expect(endedHereInWords("displaced")).toBe("Another runtime took over; the one in this tab was stopped. Its variables are gone.");
    expect(endedHereInWords("refused")).toContain("none was started");
    expect(endedHereInWords("shutdown")).toBeNull();
    expect(endedHereInWords(null)).toBeNull();
  });

  it("is here, changes, or comes", () => {
    expect(isHere(browser("ready"))).toBe(true);
    expect(isHere(browser("loading"))).toBe(false);
    expect(isChanging(browser("stopping"))).toBe(true);
    expect(isChanging(null)).toBe(false);
    expect(isOnItsWay(browser("stopping"))).toBe(false);
    expect(isOnItsWay(browser("restarting"))).toBe(true);
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
