// Reactive reads: called when rows differ and only then, with the old objects where nothing changed.
import { type EventName, isStale, MATERIALIZERS, queries } from "@runt/schema";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Dirty } from "../src/dirty";
import { createStore, type Store } from "../src/index";
import { ManualClock, settle } from "./manual-clock";

let store: Store;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  store = await createStore({ storeId: "nb", clock });
});

afterEach(() => store.close());

function addCell(cellId: string, position: string): void {
  store.commit("v1.CellCreated", { cellId, cellType: "code", position, source: cellId });
}

/** A running execution `e` of cell `a` whose outputs `print` makes. */
function run(): void {
  addCell("a", "a0");
  store.commit("v1.RuntimeSessionStarted", {
    sessionId: "r",
    runtimeId: "r",
    runtimeType: "python",
    capabilities: ["code"],
    info: "{}",
    lostAfterMs: 1,
    startedMs: 1,
  });
  store.commit("v1.RuntimeSessionStatusSet", { sessionId: "r", status: "ready" });
  store.commit("v1.ExecutionRequested", { executionId: "e", cellId: "a", source: "1", requestedMs: 1 });
  store.commit("v1.ExecutionStarted", { executionId: "e", sessionId: "r", executionCount: 1, startedMs: 1 });
}

function print(outputId: string, n: number, text: string): void {
  store.commit("v1.StreamAppended", { outputId, executionId: "e", sessionId: "r", stream: "stdout", n, text });
}

describe("subscribe", () => {
  it("calls once soon, never from inside commit, and then when rows differ", async () => {
    const seen: string[][] = [];
    store.subscribe(queries.cells, {}, (rows) => seen.push(rows.map((row) => row.source)));
    addCell("a", "a0");
    expect(seen).toEqual([]);
    await settle();
    expect(seen).toEqual([["a"]]);
    store.commit("v1.CellSourceSet", { cellId: "a", source: "a" });
    store.commit("v1.ActorSet", { actorId: "x", kind: "human", name: "X" });
    await settle();
    expect(seen).toEqual([["a"]]);
    addCell("b", "a1");
    addCell("c", "a2");
    await settle();
    expect(seen).toEqual([["a"], ["a", "b", "c"]]);
  });

  it("keeps the objects of rows that did not change, wherever they moved", async () => {
    addCell("a", "a1");
    addCell("b", "a2");
    const seen: (readonly object[])[] = [];
    store.subscribe(queries.cells, {}, (rows) => seen.push(rows));
    await settle();
    addCell("c", "a0");
    store.commit("v1.CellSourceSet", { cellId: "b", source: "new" });
    await settle();
    expect(seen[1]?.[1]).toBe(seen[0]?.[0]);
    expect(seen[1]?.[2]).not.toBe(seen[0]?.[1]);
  });

  it("serves each subscriber until it is ended, also from inside a callback", async () => {
    const heard: string[] = [];
    const stopFirst = store.subscribe(queries.files, {}, () => {
      heard.push("first");
      stopSecond();
    });
    const stopSecond = store.subscribe(queries.files, {}, () => heard.push("second"));
    await settle();
    expect(heard).toEqual(["first"]);
    stopFirst();
    stopFirst();
    store.commit("v1.FilePut", { path: "a", sha256: "0a".repeat(32), mimeType: "text/csv", sizeBytes: 1, createdMs: 1 });
    await settle();
    expect(heard).toEqual(["first"]);
  });
});

describe("watch", () => {
  it("gives the same list until rows differ, subscribed or not", async () => {
    addCell("a", "a0");
    const watched = store.watch(queries.cells, {});
    const before = watched.rows();
    expect(watched.rows()).toBe(before);
    let calls = 0;
    const stop = watched.subscribe(() => {
      calls += 1;
    });
    await settle();
    expect([calls, watched.rows()]).toEqual([0, before]);
    expect(watched.rows()).toBe(before);
    addCell("b", "a1");
    await settle();
    expect(calls).toBe(1);
    expect(watched.rows()[0]).toBe(before[0]);
    stop();
    store.commit("v1.CellDeleted", { cellId: "a" });
    expect(watched.rows().map((row) => row.id)).toEqual(["b"]);
  });

  it("hears of a change between its first reading and its subscription", async () => {
    const watched = store.watch(queries.cells, {});
    expect(watched.rows()).toEqual([]);
    addCell("a", "a0");
    await settle();
    watched.subscribe(() => {});
    expect(watched.rows().length).toBe(1);
  });
});

describe("subscribeText", () => {
  it("gives what was added, and all of it when it began anew", async () => {
    run();
    const seen: [string, boolean][] = [];
    store.subscribeText("o", (text, fromStart) => seen.push([text, fromStart]));
    await settle();
    expect(seen.splice(0)).toEqual([["", true]]);
    print("o", 0, "a\0");
    print("o", 1, "b");
    await settle();
    print("o", 2, "\ufeffc");
    print("other", 0, "not mine");
    await settle();
    expect(seen.splice(0)).toEqual([
      ["a\0b", false],
      ["\ufeffc", false],
    ]);
    print("o", 1, "twice");
    addCell("z", "a5");
    await settle();
    expect(seen).toEqual([]);
    print("o", 9, "z");
    print("o", 5, "y");
    await settle();
    print("o", 7, "late");
    await settle();
    expect(seen.splice(0)).toEqual([
      ["yz", false],
      ["a\0b\ufeffcylatez", true],
    ]);
    store.commit("v1.CellOutputsCleared", { cellId: "a" });
    await settle();
    expect(seen).toEqual([["", true]]);
  });

  it("reads a text as a renderer does", async () => {
    run();
    print("o", 0, "a");
    const watched = store.watchText("o");
    expect(watched.text()).toBe("a");
    let calls = 0;
    const stop = watched.subscribe(() => {
      calls += 1;
    });
    await settle();
    expect(calls).toBe(0);
    print("o", 1, "b");
    await settle();
    expect([calls, watched.text()]).toEqual([1, "ab"]);
    stop();
    print("o", 2, "c");
    expect(watched.text()).toBe("abc");
  });
});

describe("Dirty", () => {
  it("tells a text's reader of chunks that came or went, not of those applied once more", () => {
    const dirty = new Dirty();
    dirty.note("v1.StreamAppended", { outputId: "o", executionId: "e", n: 3 }, "again");
    expect(dirty.lowestChunk("o")).toBe(Number.POSITIVE_INFINITY);
    dirty.note("v1.StreamAppended", { outputId: "o", executionId: "e", n: 5 });
    dirty.note("v1.MarkdownAppended", { outputId: "o", executionId: "e", n: 4 }, "undone");
    expect([dirty.lowestChunk("o"), dirty.lowestChunk("p")]).toEqual([4, Number.POSITIVE_INFINITY]);
    dirty.everything();
    expect(dirty.take().lowestChunk("p")).toBe(Number.NEGATIVE_INFINITY);
  });

  it("agrees with isStale for any event and query", () => {
    const value = fc.constantFrom("x", "y");
    const args = fc.record({ cellId: value, executionId: value, outputId: value, sessionId: value });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom(...(Object.keys(MATERIALIZERS) as EventName[])), args), { maxLength: 4 }),
        fc.constantFrom(...Object.values(queries)),
        args,
        (noted, query, params) => {
          const dirty = new Dirty();
          for (const [name, found] of noted) dirty.note(name, found);
          const stale = noted.some(([name, found]) => isStale(query.reads, params, MATERIALIZERS[name].writes, found));
          expect(dirty.touches(query.reads, params)).toBe(stale);
          expect(dirty.take().touches(query.reads, params)).toBe(stale);
          expect(dirty.touches(query.reads, params)).toBe(false);
        },
      ),
    );
  });
});
