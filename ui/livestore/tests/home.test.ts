// A LiveStore store as a runtime's home, in Node: a store that is alone, and one that syncs beside a store of ours.

import { makeAdapter } from "@livestore/adapter-node";
import { createStorePromise } from "@livestore/livestore";
import { queries } from "@runt/schema";
import { createStore, RejectedError, StoreClosedError } from "@runt/store";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { InMemoryBackend } from "../../packages/store/tests/in-memory-backend";
import { ManualClock, settle } from "../../packages/store/tests/manual-clock";
import { LiveStoreHome, NoAuthorityError, type NotebookLiveStore } from "../src";
import { schema } from "../src/livestore.gen";
import { scriptedBackend } from "./scripted-backend";

let store: NotebookLiveStore;
let opened = 0;

function open(log: readonly object[] | null, later?: Promise<readonly object[]>): Promise<NotebookLiveStore> {
  opened += 1;
  const sync = log === null ? {} : { sync: { backend: scriptedBackend(log, later) } };
  const adapter = makeAdapter({ storage: { type: "in-memory" }, clientId: "local/tab", sessionId: "page", ...sync });
  return createStorePromise({ schema, storeId: `home-${opened}`, adapter });
}

beforeEach(async () => {
  store = await open(null);
});
afterEach(() => store.shutdownPromise());

const SESSION = { runtimeId: "r", runtimeType: "echo", capabilities: ["code"], info: "{}", lostAfterMs: 1, startedMs: 1 } as const;
const CELL = { cellId: "c1", cellType: "code", position: "a0", source: "1" } as const;

test("a store that is alone decides at once, and tells whether the guard held", async () => {
  const guest = new LiveStoreHome(store, { alone: true }).openGuest();
  expect([guest.clientId, guest.storeSessionId]).toEqual(["local", "tab__page"]);
  expect(await guest.commit("v1.CellCreated", CELL)).toEqual({ seq: 1, applied: true });
  expect(await guest.commit("v1.CellMoved", { cellId: "none", position: "a1" })).toEqual({ seq: 2, applied: false });
  expect(guest.status).toEqual({ connected: true, pending: 0, head: 0, problem: null });
  guest.close();
});

test("rows have the catalogue's names, come once soon, and again when they differ", async () => {
  const guest = new LiveStoreHome(store, { alone: true }).openGuest();
  const seen: string[][] = [];
  const stop = guest.subscribe(queries.cells, {}, (rows) => seen.push(rows.map((row) => `${row.id} ${row.cellType} ${row.source}`)));
  expect(seen).toEqual([]);
  await Promise.resolve();
  guest.commit("v1.CellCreated", CELL);
  guest.commit("v1.CellCreated", CELL);
  guest.commit("v1.CellSourceSet", { cellId: "c1", source: "2" });
  await Promise.resolve();
  expect(seen).toEqual([[], ["c1 code 1"], ["c1 code 2"]]);
  stop();
  guest.commit("v1.CellSourceSet", { cellId: "c1", source: "3" });
  await Promise.resolve();
  expect(seen).toHaveLength(3);
  guest.close();
});

test("every query of the catalogue gives as many columns as it names", () => {
  for (const { name, sql, params, columns } of Object.values(queries)) {
    const bindValues = Object.fromEntries(params.map((param) => [param, param === "after" ? 0 : "x"]));
    const query = `SELECT * FROM (SELECT 1) LEFT JOIN (${sql.replaceAll(/:(\w+)/g, "$$$1")})`;
    const [row = {}] = store.query<Record<string, unknown>[]>({ query, bindValues });
    expect(Object.keys(row), name).toHaveLength(columns.length + 1);
  }
});

test("what the server would refuse for good is refused before LiveStore has it", async () => {
  const guest = new LiveStoreHome(store, { alone: true }).openGuest();
  expect(() => guest.commit("v1.CellDeleted", { cellId: "no id" })).toThrow(/must match/);
  await expect(guest.commit("v1.CellCreated", { ...CELL, source: "x".repeat(300_000) })).rejects.toThrow(RejectedError);
  expect(store.query({ query: "SELECT * FROM cells", bindValues: {} })).toEqual([]);
  guest.close();
  expect(() => guest.commit("v1.CellCreated", CELL)).toThrow(StoreClosedError);
});

test("an authority ends the sessions of its earlier lives", () => {
  const home = new LiveStoreHome(store, { alone: true });
  const earlier = { name: "v1.RuntimeSessionStarted", args: { sessionId: "R0", ...SESSION } } as const;
  store.commit(earlier as never);
  store.query({ query: "UPDATE runtime_sessions SET store_session_id = 'earlier' RETURNING 1", bindValues: {} });
  home.openGuest().close();
  const rows = store.query<object[]>({ query: "SELECT status, ended_reason FROM runtime_sessions", bindValues: {} });
  expect(rows).toEqual([{ status: "terminated", ended_reason: "crashed" }]);
});

test("a store that may sync has no runtime without a side connection", async () => {
  expect(() => new LiveStoreHome(store, {}).openGuest()).toThrow(NoAuthorityError);
  const synced = await open([]);
  expect(() => new LiveStoreHome(synced, { alone: true }).openGuest()).toThrow("syncs with a server");
  await synced.shutdownPromise();
});

test("receipts of a store that syncs come from the side, where its events stand in the log", async () => {
  const backend = new InMemoryBackend();
  const side = await createStore({ storeId: "nb", url: "http://127.0.0.1:1", clock: new ManualClock(), socketFactory: backend.openSocket });
  const guest = new LiveStoreHome(store, { side }).openGuest();
  await settle();
  expect(backend.peers.map((peer) => peer.session)).toContain("tab__page");
  const created = guest.commit("v1.CellCreated", CELL);
  const moved = guest.commit("v1.CellMoved", { cellId: "c1", position: "a1" });
  const lost = guest.commit("v1.CellMoved", { cellId: "c1", position: "a2" });
  expect(guest.status).toMatchObject({ connected: true, pending: 3 });
  const confirmed: number[] = [];
  guest.subscribe(queries.cells, {}, (rows) => confirmed.push(rows.length), { confirmed: true });
  await settle();
  expect(confirmed).toEqual([0]);
  const { cellId, ...others } = CELL;
  // Somebody has deleted the cell between; and LiveStore writes fields in the order of its schema.
  await backend.append("v1.ActorSet", { actorId: "x", kind: "human", name: "X" }, [
    "v1.CellCreated",
    { ...others, cellId },
    "local",
    "tab__page",
    2,
  ]);
  await backend.append("v1.CellDeleted", { cellId }, ["v1.CellMoved", { position: "a1", cellId }, "local", "tab__page", 4]);
  expect(await created).toEqual({ seq: 2, applied: true });
  expect(await moved).toEqual({ seq: 4, applied: false });
  expect(guest.status).toMatchObject({ pending: 1, head: 4 });
  guest.close();
  await expect(lost).rejects.toThrow(StoreClosedError);
  expect(backend.peers.find((peer) => peer.session === "tab__page")?.open).toBe(false);
  side.close();
});

test("confirmed rows wait until LiveStore has pulled what they come from", async () => {
  let pull = (_events: readonly object[]): void => {};
  const synced = await open([], new Promise((resolve) => (pull = resolve)));
  const backend = new InMemoryBackend();
  const side = await createStore({ storeId: "nb", url: "http://127.0.0.1:1", clock: new ManualClock(), socketFactory: backend.openSocket });
  const guest = new LiveStoreHome(synced, { side }).openGuest();
  const confirmed: string[] = [];
  guest.subscribe(queries.cells, {}, (rows) => confirmed.push(rows.map((row) => row.id).join()), { confirmed: true });
  await settle();
  await backend.append("v1.CellCreated", CELL);
  expect([guest.status.head, confirmed]).toEqual([1, [""]]);
  pull([{ name: "v1.CellCreated", args: CELL, seqNum: 1, parentSeqNum: 0, clientId: "local/other", sessionId: "x" }]);
  await vi.waitFor(() => expect(confirmed).toEqual(["", "c1"]));
  expect(synced.query({ query: "SELECT id FROM cells", bindValues: {} })).toEqual([{ id: "c1" }]);
  guest.close();
  side.close();
  await synced.shutdownPromise();
});
