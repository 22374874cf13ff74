// When completions open, what stands in for the runtime, and what becomes of its answers.
import { CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { python } from "@codemirror/lang-python";
import { EditorState } from "@codemirror/state";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isCompletable, kindInWords, knownWords, opensByItself, withoutRepetition } from "../src/model/completion";
import type { Answer } from "../src/model/live-answers";
import { completionSource } from "../src/notebook/code-completion";

describe("opensByItself", () => {
  it.each(["pr", "x = pri", "df.", "df.he", "f(a).", "x[0].", "'a'.", "x1.", "%ti", "é1.", "import nu"])("opens after %s", (text) => {
    expect(opensByItself(text)).toBe(true);
  });

  it.each(["", "p", "x = 1", "1.", "3.14", "1e5.", "0x", "x + ", "def fo", "class Fo", "import numpy as n", "for it", "...", "a %m"])(
    "stays closed after %s",
    (text) => {
      expect(opensByItself(text)).toBe(false);
    },
  );
});

describe("a Tab", () => {
  it("completes after what has a continuation and indents elsewhere", () => {
    expect(["", "    ", "x = ", "x,", "x)"].map(isCompletable)).toEqual([false, false, false, false, false]);
    expect(["x", "x.", "%ti", "open('", "f("].map(isCompletable)).toEqual([true, true, true, true, true]);
  });
});

describe("knownWords", () => {
  it("are those of the cell, then those of the language", () => {
    expect(knownWords("index = 1\ni", 11)).toEqual({
      matches: [
        { text: "index", type: "word" },
        { text: "if", type: "keyword" },
        { text: "import", type: "keyword" },
        { text: "in", type: "keyword" },
        { text: "is", type: "keyword" },
      ],
      start: 10,
    });
    expect(knownWords("imp", 3).matches).toEqual([{ text: "import", type: "keyword" }]);
  });

  it("are none after a dot or a space", () => {
    expect(knownWords("index = 1\nx.in", 14).matches).toEqual([]);
    expect(knownWords("index = ", 8).matches).toEqual([]);
  });
});

describe("withoutRepetition", () => {
  const of = (...texts: string[]) => texts.map((text) => ({ text, type: "" }));

  it("leaves out the dot, or the folder, that all matches repeat", () => {
    expect(withoutRepetition(of(".depth", ".density"), ".de")).toEqual({ matches: of("depth", "density"), repeated: 1 });
    expect(withoutRepetition(of("data/a.csv", "data/b.csv"), "data/")).toEqual({ matches: of("a.csv", "b.csv"), repeated: 5 });
  });

  it("keeps what is not repeated, and magics", () => {
    expect(withoutRepetition(of(".depth", "other"), ".de").repeated).toBe(0);
    expect(withoutRepetition(of("%time", "%%time"), "%ti").repeated).toBe(0);
    expect(withoutRepetition(of("print"), "pr")).toEqual({ matches: of("print"), repeated: 0 });
  });
});

describe("kindInWords", () => {
  it("are those that people use; what is not known is left out", () => {
    expect(["dict key", "statement"].map(kindInWords)).toEqual(["dict key", "variable"]);
    expect(kindInWords("<unknown>")).toBe("");
  });
});

describe("completionSource", () => {
  let asked: Record<string, string | number>[];
  let answer: (value: Answer) => void;
  let source: (context: CompletionContext) => Promise<CompletionResult | null>;

  beforeEach(() => {
    asked = [];
    source = completionSource((_question, data = {}) => {
      asked.push(data);
      return new Promise((resolve) => {
        answer = resolve;
      });
    });
  });
  afterEach(() => vi.useRealTimers());

  const context = (text: string, explicit = true) =>
    new CompletionContext(EditorState.create({ doc: text, extensions: python() }), text.length, explicit);
  const settle = () => new Promise<void>((resolve) => queueMicrotask(() => queueMicrotask(() => queueMicrotask(resolve))));
  const found = (...texts: string[]) => texts.map((text) => ({ text, type: "function" }));

  it("asks with code points and reads the answer's places as such", async () => {
    const wanted = source(context("'😀'; pr"));
    await settle();
    expect(asked).toEqual([{ code: "'😀'; pr", cursor: 7 }]);
    answer({ data: { matches: found("print", "property", "_pr"), start: 5, end: 7 } });
    const result = await wanted;
    expect([result?.from, result?.to, result?.filter, result?.validFor]).toEqual([6, 8, false, undefined]);
  });

  it("keeps the runtime's order, and narrows a list of continuations down by itself", async () => {
    const wanted = source(context("x.s"));
    await settle();
    answer({ data: { matches: found("split", "_s").slice(0, 1).concat(found("strip", "S__")), start: 2, end: 3 } });
    const result = await wanted;
    expect(result?.options.map(({ label, sortText, detail }) => [label, sortText, detail])).toEqual([
      ["split", "000000", "function"],
      ["strip", "000001", "function"],
      ["S__", "000002", "function"],
    ]);
    expect(result?.filter).toBe(true);
    expect(result?.validFor).toBeInstanceOf(RegExp);
  });

  it("takes words where the runtime has no answer", async () => {
    const wanted = source(context("velocity = 1\nvel"));
    await settle();
    answer({ problem: "There is no runtime to ask." });
    expect((await wanted)?.options.map(({ label }) => label)).toEqual(["velocity"]);
  });

  it("does not wait long for a list that nobody asked for", async () => {
    vi.useFakeTimers();
    const wanted = source(context("velocity = 1\nvel", false));
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await wanted)?.options.map(({ label }) => label)).toEqual(["velocity"]);
  });

  it("asks nothing by itself in a string, a comment or a number", async () => {
    for (const text of ["'some", "# some", "x = 1."]) expect(await source(context(text, false))).toBeNull();
    expect(asked).toEqual([]);
  });

  it("has one question on the way, and none about what is no longer there", async () => {
    const first = source(context("pr"));
    const gone = context("pri");
    const second = source(gone);
    const third = source(context("prin"));
    await settle();
    expect(asked.length).toBe(1);
    Object.defineProperty(gone, "aborted", { value: true });
    answer({ data: { matches: found("print", "property"), start: 0, end: 2 } });
    expect((await first)?.options.length).toBe(2);
    expect(await second).toBeNull();
    await settle();
    expect(asked.map(({ code }) => code)).toEqual(["pr", "prin"]);
    answer({ data: { matches: [], start: 4, end: 4 } });
    expect(await third).toBeNull();
  });
});
