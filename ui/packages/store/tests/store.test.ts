// A store and its backend: edits at once and for good, connections that come and go, and what people are told meanwhile.
import { InvalidEventError, queries } from "@runt/schema";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createStore, LiveTimeoutError, RejectedError, type Store, StoreClosedError, type StoreStatus } from "../src/index";
import { InMemoryBackend } from "./in-memory-backend";
import { ManualClock, settle } from "./manual-clock";

let clock: ManualClock;
let backend: InMemoryBackend;
const stores: Store[] = [];

beforeEach(() => {
  clock = new ManualClock();
  backend = new InMemoryBackend();
});

afterEach(() => {
  for (const store of stores.splice(0)) store.close();
});

async function open(): Promise<Store> {
  const store = await createStore({ storeId: "nb", url: "http://127.0.0.1:1", clock, socketFactory: backend.openSocket });
  stores.push(store);
  await settle();
  return store;
}

function cell(cellId: string, source = "1"): { cellId: string; cellType: "code"; position: string; source: string } {
  return { cellId, cellType: "code", position: "a0", source };
}

function sources(store: Store, confirmed = false): Record<string, string> {
  return Object.fromEntries(store.query(queries.cells, {}, { confirmed }).map((row) => [row.id, row.source]));
}

describe("commit", () => {
  it("shows at once and is confirmed by the backend", async () => {
    const store = await open();
    const receipt = store.commit("v1.CellCreated", cell("a"));
    expect(sources(store)).toEqual({ a: "1" });
    expect(sources(store, true)).toEqual({});
    expect(store.status).toEqual({ connected: true, pending: 1, head: 0, problem: null });
    expect(await receipt).toEqual({ seq: 1, applied: true });
    expect(sources(store, true)).toEqual({ a: "1" });
    expect(store.status).toEqual({ connected: true, pending: 0, head: 1, problem: null });
    expect(backend.log).toEqual([["v1.CellCreated", cell("a"), "local", store.storeSessionId, 1]]);
  });

  it("refuses args that do not fit before anything happens", async () => {
    const store = await open();
    expect(() => store.commit("v1.CellCreated", { ...cell("a"), position: "" })).toThrow(InvalidEventError);
    expect(store.status.pending).toBe(0);
  });

  it("tells whether the guard held where the event came to stand", async () => {
    const store = await open();
    await backend.append("v1.CellCreated", cell("a"));
    backend.judge = () => "lose";
    const receipt = store.commit("v1.CellSourceSet", { cellId: "a", source: "mine" });
    await settle();
    expect(sources(store)).toEqual({ a: "mine" });
    await backend.append("v1.CellDeleted", { cellId: "a" });
    expect(sources(store)).toEqual({});
    backend.judge = () => "take";
    backend.peer.cut();
    await clock.advance(200);
    expect(await receipt).toEqual({ seq: 3, applied: false });
  });

  it("is undone when the backend rejects it, and the rest stays", async () => {
    const store = await open();
    backend.judge = (name) => (name === "v1.CellSourceSet" ? "forbidden" : "take");
    const made = store.commit("v1.CellCreated", cell("a"));
    const changed = store.commit("v1.CellSourceSet", { cellId: "a", source: "no" });
    const other = store.commit("v1.CellCreated", cell("b"));
    await expect(changed).rejects.toThrow(new RejectedError("v1.CellSourceSet", "forbidden", "no"));
    expect([await made, await other]).toEqual([
      { seq: 1, applied: true },
      { seq: 2, applied: true },
    ]);
    expect(sources(store)).toEqual({ a: "1", b: "1" });
  });

  it("never sends an event that is too large", async () => {
    const store = await open();
    await expect(store.commit("v1.CellCreated", cell("a", "x".repeat(300_000)))).rejects.toMatchObject({ code: "too-large" });
    expect(sources(store)).toEqual({});
    expect(backend.peer.frames.some((frame) => frame.t === "push")).toBe(false);
  });

  it("keeps what was committed when the caller changes its objects", async () => {
    const store = await open();
    const args = cell("a");
    const receipt = store.commit("v1.CellCreated", args);
    args.source = "changed";
    await receipt;
    expect(backend.log[0]?.[1].source).toBe("1");
  });

  it("goes out in frames of 64 KiB, in order, within the window", async () => {
    const store = await open();
    backend.judge = () => "lose";
    for (let i = 0; i < 30; i += 1) store.commit("v1.CellCreated", cell(`c${i}`, "x".repeat(50_000)));
    await settle();
    const pushes = backend.peer.frames.filter((frame) => frame.t === "push");
    expect(pushes.map((frame) => frame.events.length)).toEqual(Array.from({ length: 20 }, () => 1));
    expect(pushes.flatMap((frame) => frame.events.map((event: { n: number }) => event.n))).toEqual(
      Array.from({ length: 20 }, (_, i) => i + 1),
    );
    backend.judge = () => "take";
    backend.peer.cut();
    await clock.advance(200);
    await store.settled();
    expect(backend.log.map((event) => event[4])).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  });

  it("is applied in the name of the user that the backend tells", async () => {
    backend.user = "ada";
    const store = await open();
    store.commit("v1.CellCreated", cell("a"));
    expect(store.clientId).toBe("ada");
    expect(store.user).toEqual({ id: "ada", name: "Ada", role: "owner" });
    expect(store.query(queries.cells, {})[0]?.createdBy).toBe("ada");
  });
});

describe("the connection", () => {
  it("comes back, goes on from the head and sends what is pending once", async () => {
    const store = await open();
    await backend.append("v1.CellCreated", cell("a"));
    backend.reachable = false;
    backend.peer.cut();
    const receipt = store.commit("v1.CellCreated", cell("b"));
    await backend.append("v1.CellCreated", cell("c"));
    expect(store.status).toEqual({ connected: false, pending: 1, head: 1, problem: "no connection to the server; trying again" });
    await clock.advance(2_000);
    backend.reachable = true;
    await clock.advance(15_000);
    expect(await receipt).toEqual({ seq: 3, applied: true });
    expect(backend.peer.frames.slice(0, 2)).toMatchObject([
      { t: "hello", backend: "backend-1", head: 1 },
      { t: "from", head: 1 },
    ]);
    expect(sources(store)).toEqual({ a: "1", b: "1", c: "1" });
    expect(store.status.problem).toBeNull();
  });

  it("finds in the tail what was recorded though its acknowledgement was lost", async () => {
    const store = await open();
    backend.judge = () => "lose";
    const receipt = store.commit("v1.CellCreated", cell("a"));
    await settle();
    backend.log.push(["v1.CellCreated", cell("a"), "local", store.storeSessionId, 1]);
    backend.peer.cut();
    await clock.advance(200);
    expect(await receipt).toEqual({ seq: 1, applied: true });
    expect(backend.peer.frames.some((frame) => frame.t === "push")).toBe(false);
    expect(backend.log.length).toBe(1);
  });

  it("is made anew when the server falls silent", async () => {
    const store = await open();
    for (let i = 0; i < 3; i += 1) {
      await clock.advance(10_000);
      backend.peer.send({ t: "ping", head: 0 });
    }
    expect(backend.peers.length).toBe(1);
    expect(backend.peer.frames.filter((frame) => frame.t === "pong").length).toBe(3);
    await clock.advance(20_300);
    expect(backend.peers.length).toBe(2);
    expect(store.status.connected).toBe(true);
  });

  it("is made anew when the log moves on without us", async () => {
    await open();
    backend.peer.send({ t: "ping", head: 5 });
    await clock.advance(0);
    expect(backend.peers.length).toBe(1);
    backend.peer.send({ t: "ping", head: 5 });
    await clock.advance(200);
    expect(backend.peers.length).toBe(2);
  });

  it("is made anew when a part of the log is missing", async () => {
    const store = await open();
    backend.log.push(["v1.CellCreated", cell("a"), "bob", "theirs", 1], ["v1.CellCreated", cell("b"), "bob", "theirs", 2]);
    backend.peer.send({ t: "events", first: 2, events: [backend.log[1]] });
    expect(sources(store)).toEqual({});
    await clock.advance(200);
    expect(sources(store)).toEqual({ a: "1", b: "1" });
  });

  it("passes over events that it has already", async () => {
    const store = await open();
    await backend.append("v1.CellCreated", cell("a"));
    backend.peer.send({ t: "events", first: 1, events: [backend.log[0], ["v1.CellCreated", cell("b"), "bob", "theirs", 2]] });
    expect(sources(store)).toEqual({ a: "1", b: "1" });
    expect(store.status.head).toBe(2);
  });

  it("drops its copy but not its edits when the log was replaced", async () => {
    const store = await open();
    await backend.append("v1.CellCreated", cell("old"));
    backend.judge = () => "lose";
    store.commit("v1.CellCreated", cell("mine"));
    await settle();
    backend.judge = () => "take";
    backend.id = "backend-2";
    backend.log.splice(0, 9, ["v1.CellCreated", cell("new"), "bob", "theirs", 1]);
    backend.peer.cut();
    await clock.advance(200);
    expect(sources(store)).toEqual({ mine: "1", new: "1" });
    expect(store.status).toMatchObject({ pending: 0, head: 2, problem: expect.stringContaining("another log") });
  });

  it("says so when it knows more than the server, and keeps its edits", async () => {
    const store = await open();
    await backend.append("v1.CellCreated", cell("a"));
    backend.log.length = 0;
    backend.peer.cut();
    await clock.advance(200);
    expect(store.status).toMatchObject({ connected: false, problem: expect.stringContaining("knows more") });
    expect(sources(store)).toEqual({ a: "1" });
  });

  it("waits when the server asks for a pause, then sends the same again", async () => {
    const store = await open();
    backend.judge = () => "lose";
    store.commit("v1.CellCreated", cell("a"));
    await settle();
    backend.peer.send({ t: "pause", session: store.storeSessionId, from: 1, retryMs: 500 });
    store.commit("v1.CellCreated", cell("b"));
    await clock.advance(499);
    expect(backend.peer.frames.filter((frame) => frame.t === "push").length).toBe(1);
    backend.judge = () => "take";
    await clock.advance(1);
    await store.settled();
    expect(backend.log.map((event) => event[4])).toEqual([1, 2]);
  });

  it.each([
    ["unauthorized", "the server refuses this page: sign in"],
    ["shutdown", "no connection to the server; trying again"],
  ])("tells people of a bye that says %s", async (code, problem) => {
    const store = await open();
    backend.peer.send({ t: "bye", code, message: "sign in" });
    expect(store.status).toEqual({ connected: false, pending: 0, head: 0, problem });
  });

  it.each(["", "{}", "null", "[]", '{"t":"welcome"}', '{"t":"events","first":1,"events":[["x"]]}'])(
    "survives %j for a frame",
    async (text) => {
      const store = await open();
      const [peer] = backend.peers;
      const send = peer as unknown as { handlers: { received(text: string): void } };
      send.handlers.received(text);
      expect(store.status).toMatchObject({ connected: false, problem: expect.stringContaining("another language") });
      await clock.advance(15_000);
      expect(store.status.connected).toBe(true);
    },
  );

  it("tells people to reload when the server's rules are others", async () => {
    const store = await open();
    backend.judge = () => "upgrade";
    await expect(store.commit("v1.CellCreated", cell("a"))).rejects.toThrow(RejectedError);
    expect(store.status.problem).toBe("the server follows other rules than this page: reload it");
  });
});

describe("a long tail", () => {
  it("is folded in by slices, between which the store is whole and takes edits", async () => {
    for (let i = 0; i < 50; i += 1) backend.log.push(["v1.CellCreated", cell(`c${i}`), "bob", "theirs", i + 1]);
    clock.drag = 2;
    const store = await open();
    const heads = [store.status.head];
    expect(store.query(queries.cells, {}).length).toBe(store.status.head);
    store.commit("v1.CellCreated", cell("mine"));
    while (await clock.turn()) {
      heads.push(store.status.head);
      expect(sources(store).mine).toBe("1");
    }
    expect(heads.length).toBeGreaterThan(5);
    expect(Math.max(...heads.map((head, place) => head - (heads[place - 1] ?? 0)))).toBeLessThanOrEqual(6);
    clock.drag = 0;
    await clock.advance(100);
    expect(store.query(queries.cells, {}).length).toBe(51);
  });

  it("ends with a sentence for people when an event cannot be applied", async () => {
    const store = await open();
    const receipt = store.commit("v1.CellCreated", cell("a"));
    await receipt;
    await backend.append("v1.ActorSet", { actorId: "x" }, ["v1.CellCreated", cell("b"), "bob", "theirs", 9]);
    expect(store.status.problem).toMatch(/^event 2 \(v1.ActorSet\) cannot be applied: NOT NULL .*; reload this page$/);
    expect(sources(store)).toEqual({ a: "1" });
    expect(() => store.commit("v1.CellCreated", cell("c"))).toThrow("cannot be applied");
  });

  it("counts events of a later version and goes on", async () => {
    const store = await open();
    await backend.append("v9.Unheard", { of: 1 }, ["v1.CellCreated", cell("b"), "bob", "theirs", 9]);
    expect(store.unknownEvents).toBe(1);
    expect(sources(store)).toEqual({ b: "1" });
  });
});

describe("a confirmed subscription", () => {
  it("hears of own edits when they are confirmed, and of others' at once", async () => {
    const store = await open();
    const seen: string[][] = [];
    store.subscribe(queries.cells, {}, (rows) => seen.push(rows.map((row) => row.id)), { confirmed: true });
    backend.judge = () => "lose";
    const receipt = store.commit("v1.CellCreated", cell("mine"));
    await clock.advance(20);
    await backend.append("v1.CellCreated", cell("theirs"));
    await clock.advance(20);
    expect(seen).toEqual([[], ["theirs"]]);
    backend.judge = () => "take";
    backend.peer.cut();
    await clock.advance(200);
    await receipt;
    await clock.advance(20);
    expect(seen).toEqual([[], ["theirs"], ["mine", "theirs"]]);
  });
});

describe("status", () => {
  it("is told once soon, then on changes, and is the same object between them", async () => {
    const store = await open();
    const told: StoreStatus[] = [];
    const stop = store.subscribeStatus((status) => told.push(status));
    await settle();
    expect(told).toEqual([{ connected: true, pending: 0, head: 0, problem: null }]);
    expect(told[0]).toBe(store.status);
    store.commit("v1.CellCreated", cell("a"));
    await settle();
    await clock.advance(20);
    expect(told.at(-1)).toEqual({ connected: true, pending: 0, head: 1, problem: null });
    stop();
    store.commit("v1.CellCreated", cell("b"));
    await clock.advance(20);
    expect(told.at(-1)?.head).toBe(1);
  });
});

describe("the live channel", () => {
  it("carries a message to one session and its answer back", async () => {
    const [page, agent] = [await open(), await open()];
    agent.onLive("runtime.stop", async (message) => ({ got: message.data, from: message.sender, by: message.clientId }));
    expect(await page.sendLive("runtime.stop", { sessionId: "r" }, { to: agent.storeSessionId })).toEqual({
      got: { sessionId: "r" },
      from: page.storeSessionId,
      by: "local",
    });
  });

  it("carries a message to all others without an answer", async () => {
    const [one, two, three] = [await open(), await open(), await open()];
    const heard: string[] = [];
    one.onLive("presence", () => void heard.push("one") as unknown as null);
    two.onLive("presence", () => void heard.push("two") as unknown as null);
    expect(await three.sendLive("presence", { cell: "a" })).toBeNull();
    await settle();
    expect(heard).toEqual(["one", "two"]);
  });

  it("says when nobody answers, and when there is no connection", async () => {
    const store = await open();
    const asked = store.sendLive("complete", {}, { to: "nobody" });
    const failed = expect(asked).rejects.toThrow(new LiveTimeoutError("complete", "no answer within 5 s"));
    await clock.advance(5_000);
    await failed;
    backend.reachable = false;
    backend.peer.cut();
    await expect(store.sendLive("presence", {})).rejects.toThrow("there is no connection");
  });
});

describe("close", () => {
  it("ends receipts, calls nobody and takes nothing more", async () => {
    const store = await open();
    backend.judge = () => "lose";
    let calls = 0;
    store.subscribe(queries.cells, {}, () => {
      calls += 1;
    });
    const receipt = store.commit("v1.CellCreated", cell("a"));
    store.close();
    store.close();
    await expect(receipt).rejects.toThrow(StoreClosedError);
    await clock.advance(60_000);
    expect(calls).toBe(0);
    expect(() => store.commit("v1.CellCreated", cell("b"))).toThrow("v1.CellCreated: the store is closed");
    expect(backend.peers.length).toBe(1);
  });
});

describe("a store without a backend", () => {
  it("is its own authority", async () => {
    const store = await createStore({ storeId: "nb", clock });
    stores.push(store);
    expect(await store.commit("v1.CellCreated", cell("a"))).toEqual({ seq: 1, applied: true });
    expect(await store.commit("v1.CellCreated", cell("a"))).toEqual({ seq: 2, applied: false });
    expect(store.status).toEqual({ connected: true, pending: 0, head: 2, problem: null });
    expect(sources(store, true)).toEqual({ a: "1" });
  });
});
