import { createStore, type Store } from "@runt/store";
import { afterEach, beforeEach, expect, it } from "vitest";
import { cellOfCount } from "../src/notebook/state";

let store: Store;
beforeEach(async () => {
  store = await createStore({ storeId: "nb" });
  await store.commit("v1.CellCreated", { cellId: "c1", cellType: "code", position: "a0", source: "f" });
  await store.commit("v1.CellCreated", { cellId: "c2", cellType: "code", position: "a1", source: "f()" });
});
afterEach(() => store.close());

async function startSession(sessionId: string, replaces?: string): Promise<void> {
  const facts = { runtimeId: "r", runtimeType: "python", capabilities: ["code"] as const, info: "{}", lostAfterMs: 60_000, startedMs: 1 };
  await store.commit("v1.RuntimeSessionStarted", { sessionId, ...facts, ...(replaces === undefined ? {} : { replaces }) });
  await store.commit("v1.RuntimeSessionStatusSet", { sessionId, status: "ready" });
}

async function run(cellId: string, executionId: string, executionCount: number, sessionId = "s"): Promise<void> {
  await store.commit("v1.ExecutionRequested", { executionId, cellId, source: "f", requestedMs: 1 });
  await store.commit("v1.ExecutionStarted", { executionId, sessionId, executionCount, startedMs: 2 });
  await store.commit("v1.ExecutionFinished", { executionId, sessionId, status: "ok", finishedMs: 3 });
}

it("finds the cell that ran under a number", async () => {
  await startSession("s");
  await run("c1", "e1", 1);
  await run("c2", "e2", 2);
  expect([cellOfCount(store, "e2", 1), cellOfCount(store, "e2", 2), cellOfCount(store, "e2", 3)]).toEqual(["c1", "c2", null]);
});

it("does not find one that ran again or was deleted", async () => {
  await startSession("s");
  await run("c1", "e1", 1);
  await run("c2", "e2", 2);
  await run("c1", "e3", 3);
  expect(cellOfCount(store, "e2", 1)).toBeNull();
  await store.commit("v1.CellDeleted", { cellId: "c2" });
  expect(cellOfCount(store, "e3", 2)).toBeNull();
});

it("takes the number for one of the same session, and of the engine that ran there then", async () => {
  await startSession("s");
  await run("c1", "e1", 1);
  await run("c2", "e2", 1);
  expect([cellOfCount(store, "e1", 1), cellOfCount(store, "e2", 1)]).toEqual(["c1", "c2"]);
  await startSession("t", "s");
  await run("c2", "e3", 2, "t");
  expect(cellOfCount(store, "e3", 1)).toBeNull();
});
