// A guest: a second store session on the page's own state, with its own connection.
import { queries } from "@runt/schema";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  createStore,
  type GuestStore,
  RejectedError,
  type RuntimeStore,
  type Store,
  StoreClosedError,
  type StoreStatus,
  type Witnessed,
} from "../src/index";
import { InMemoryBackend } from "./in-memory-backend";
import { ManualClock, settle } from "./manual-clock";

let clock: ManualClock;
let backend: InMemoryBackend;
let store: Store;
let guest: GuestStore;

beforeEach(async () => {
  clock = new ManualClock();
  backend = new InMemoryBackend();
  store = await createStore({ storeId: "nb", url: "http://127.0.0.1:1", clock, socketFactory: backend.openSocket });
  guest = store.openGuest();
  await settle();
});

afterEach(() => store.close());

function cell(cellId: string, source = "1"): { cellId: string; cellType: "code"; position: string; source: string } {
  return { cellId, cellType: "code", position: "a0", source };
}

function sources(confirmed = false): Record<string, string> {
  return Object.fromEntries(store.query(queries.cells, {}, { confirmed }).map((row) => [row.id, row.source]));
}

function framesOf(
  session: RuntimeStore,
  kind: string,
): readonly { readonly session?: string; readonly events: readonly { n: number }[] }[] {
  return backend.peers
    .filter((peer) => peer.session === session.storeSessionId)
    .flatMap((peer) => peer.frames.filter(({ t }) => t === kind));
}

function pushed(session: RuntimeStore): number[] {
  return framesOf(session, "push").flatMap((frame) => frame.events.map(({ n }) => n));
}

function recorded(): (readonly [string, number])[] {
  const names = new Map([
    [store.storeSessionId, "page"],
    [guest.storeSessionId, "guest"],
  ]);
  return backend.log.map(([, , , session, n]) => [names.get(session) ?? session, n] as const);
}

describe("a guest's subscription", () => {
  it("is called at once, where the page's waits for a frame of the display", async () => {
    const seen: Record<string, number[]> = { page: [], guest: [] };
    store.subscribe(queries.cells, {}, (rows) => seen.page?.push(rows.length), { confirmed: true });
    guest.subscribe(queries.cells, {}, (rows) => seen.guest?.push(rows.length), { confirmed: true });
    await settle();
    const other = await createStore({ storeId: "nb", url: "http://127.0.0.1:1", clock, socketFactory: backend.openSocket });
    await settle();
    for (const id of ["a", "b", "c"]) {
      await other.commit("v1.CellCreated", cell(id));
      await settle();
    }
    expect(seen.guest).toEqual([0, 1, 2, 3]);
    expect(seen.page?.length).toBeLessThan(4);
    clock.advance(16);
    await settle();
    expect(seen.page?.at(-1)).toBe(3);
    other.close();
  });
});

describe("a guest's commit", () => {
  it("shows at once in the page, under the guest's own session, and is confirmed by the page's connection", async () => {
    const receipt = guest.commit("v1.CellCreated", cell("a"));
    expect([receipt.n, store.commit("v1.ActorSet", { actorId: "x", kind: "human", name: "X" }).n]).toEqual([1, 1]);
    expect(sources()).toEqual({ a: "1" });
    expect(sources(true)).toEqual({});
    expect([guest.status.pending, store.status.pending]).toEqual([1, 2]);
    expect(await receipt).toEqual({ seq: 1, applied: true });
    await store.settled();
    expect(sources(true)).toEqual({ a: "1" });
    expect(recorded()).toEqual([
      ["guest", 1],
      ["page", 1],
    ]);
    expect(guest.status).toEqual({ connected: true, pending: 0, head: 2, problem: null });
  });

  it("goes out on the guest's own connection, on which nothing is asked for", async () => {
    await guest.commit("v1.CellCreated", cell("a"));
    expect(pushed(guest)).toEqual([1]);
    expect(pushed(store)).toEqual([]);
    expect(framesOf(guest, "hello")).toMatchObject([{ session: guest.storeSessionId }]);
    expect(framesOf(guest, "hello")[0]).not.toHaveProperty("head");
    expect(framesOf(guest, "from")).toEqual([]);
  });

  it("is sent from within the call, so that a page that goes away can still say something", () => {
    guest.commit("v1.CellCreated", cell("a"));
    expect(pushed(guest)).toEqual([1]);
  });

  it("materializes in the guest's name", async () => {
    guest.commit("v1.RuntimeSessionStarted", {
      sessionId: "r",
      runtimeId: "page",
      runtimeType: "python",
      capabilities: ["code"],
      info: "{}",
      lostAfterMs: 1,
      startedMs: 1,
    });
    expect(store.query(queries.activeSession, {})[0]?.storeSessionId).toBe(guest.storeSessionId);
    expect(await store.commit("v1.RuntimeSessionStatusSet", { sessionId: "r", status: "ready" })).toMatchObject({ applied: false });
    expect(await guest.commit("v1.RuntimeSessionStatusSet", { sessionId: "r", status: "ready" })).toMatchObject({ applied: true });
  });

  it("is heard of by the guest's subscriptions, and no more once it is closed", async () => {
    const seen: string[][] = [];
    guest.subscribe(queries.cells, {}, (rows) => seen.push(rows.map((row) => row.id)));
    await settle();
    await guest.commit("v1.CellCreated", cell("a"));
    await clock.advance(20);
    guest.close();
    await store.commit("v1.CellCreated", cell("b"));
    await clock.advance(20);
    expect(seen).toEqual([[], ["a"]]);
  });

  it("waits for the page's own earlier events, and not for later ones", async () => {
    backend.judge = (_, args) => (args.cellId === "late" ? "lose" : "take");
    store.commit("v1.CellCreated", cell("late"));
    guest.commit("v1.CellCreated", cell("g"));
    await settle();
    expect(pushed(guest)).toEqual([]);
    backend.judge = () => "take";
    backend.peerOf(store.storeSessionId).cut();
    await clock.advance(200);
    await store.settled();
    expect(recorded()).toEqual([
      ["page", 1],
      ["guest", 1],
    ]);
  });

  it("may be overtaken by the page's later events, and its receipt tells where it came to stand", async () => {
    await store.commit("v1.CellCreated", cell("a"));
    backend.judge = (_, args) => (args.source === "slow" ? "lose" : "take");
    const slow = guest.commit("v1.CellSourceSet", { cellId: "a", source: "slow" });
    const gone = store.commit("v1.CellDeleted", { cellId: "a" });
    expect(await gone).toEqual({ seq: 2, applied: true });
    backend.judge = () => "take";
    backend.peerOf(guest.storeSessionId).cut();
    await clock.advance(200);
    expect(await slow).toEqual({ seq: 3, applied: false });
  });

  it("is undone when the backend rejects it, and the rest stays", async () => {
    backend.judge = (name) => (name === "v1.CellSourceSet" ? "forbidden" : "take");
    const made = guest.commit("v1.CellCreated", cell("a"));
    const changed = guest.commit("v1.CellSourceSet", { cellId: "a", source: "no" });
    const other = guest.commit("v1.CellCreated", cell("b"));
    await expect(changed).rejects.toThrow(new RejectedError("v1.CellSourceSet", "forbidden", "no"));
    expect([await made, await other]).toEqual([
      { seq: 1, applied: true },
      { seq: 2, applied: true },
    ]);
    expect(sources()).toEqual({ a: "1", b: "1" });
  });

  it("learns of its own rejection, though the page has an event of the same number", async () => {
    backend.judge = (_, args) => (args.cellId === "no" ? "forbidden" : "take");
    const refused = guest.commit("v1.CellCreated", cell("no"));
    const taken = store.commit("v1.CellCreated", cell("yes"));
    await expect(refused).rejects.toThrow(RejectedError);
    expect(await taken).toEqual({ seq: 1, applied: true });
  });

  it("waits when the server asks for a pause, then is sent again; the page's own go on", async () => {
    backend.judge = (_, args) => (args.cellId === "g1" ? "pause" : "take");
    guest.commit("v1.CellCreated", cell("g1"));
    guest.commit("v1.CellCreated", cell("g2"));
    expect(await store.commit("v1.CellCreated", cell("p"))).toEqual({ seq: 1, applied: true });
    await settle();
    backend.judge = () => "take";
    await clock.advance(499);
    expect(recorded()).toEqual([["page", 1]]);
    await clock.advance(1);
    await guest.settled();
    expect(recorded()).toEqual([
      ["page", 1],
      ["guest", 1],
      ["guest", 2],
    ]);
  });

  it("is refused when it is too large", async () => {
    await expect(guest.commit("v1.CellCreated", cell("a", "x".repeat(300_000)))).rejects.toMatchObject({ code: "too-large" });
    expect(guest.status.pending).toBe(0);
  });
});

describe("the two connections", () => {
  it("are both needed for the guest to be connected", async () => {
    const told: StoreStatus[] = [];
    guest.subscribeStatus((status) => told.push(status));
    await settle();
    backend.peerOf(guest.storeSessionId).cut();
    expect([guest.status.connected, store.status.connected]).toEqual([false, true]);
    expect([guest.status.problem, store.status.problem]).toEqual(["no connection to the server; trying again", null]);
    await clock.advance(200);
    expect(guest.status.connected).toBe(true);
    backend.peerOf(store.storeSessionId).cut();
    expect([guest.status.connected, store.status.connected]).toEqual([false, false]);
    await clock.advance(200);
    expect(told.map(({ connected }) => connected)).toEqual([true, false, true, false, true]);
  });

  it("let nothing be pushed while the page's is down, and all once it has caught up", async () => {
    backend.peerOf(store.storeSessionId).cut();
    const receipt = guest.commit("v1.CellCreated", cell("a"));
    await backend.append("v1.CellCreated", cell("theirs"));
    expect(pushed(guest)).toEqual([]);
    await clock.advance(200);
    expect(await receipt).toEqual({ seq: 2, applied: true });
    expect(pushed(guest)).toEqual([1]);
  });

  it("send nothing twice when the page's was down while the backend took it", async () => {
    backend.judge = () => "lose";
    const receipt = guest.commit("v1.CellCreated", cell("a"));
    await settle();
    backend.peerOf(store.storeSessionId).cut();
    backend.log.push(["v1.CellCreated", cell("a"), "local", guest.storeSessionId, 1]);
    await clock.advance(200);
    expect(await receipt).toEqual({ seq: 1, applied: true });
    expect(pushed(guest)).toEqual([1]);
  });

  it("find in the page's tail what was recorded though the guest's was cut", async () => {
    backend.judge = () => "lose";
    const receipt = guest.commit("v1.CellCreated", cell("a"));
    await settle();
    for (const session of [guest, store]) backend.peerOf(session.storeSessionId).cut();
    backend.log.push(["v1.CellCreated", cell("a"), "local", guest.storeSessionId, 1]);
    await clock.advance(200);
    expect(await receipt).toEqual({ seq: 1, applied: true });
    expect(pushed(guest)).toEqual([1]);
  });

  it("keep what a guest has not sent when the log was replaced", async () => {
    await backend.append("v1.CellCreated", cell("old"));
    for (const session of [guest, store]) backend.peerOf(session.storeSessionId).cut();
    backend.id = "backend-2";
    backend.log.splice(0, 9, ["v1.CellCreated", cell("new"), "bob", "theirs", 1]);
    guest.commit("v1.CellCreated", cell("mine"));
    await clock.advance(200);
    await guest.settled();
    expect(sources()).toEqual({ mine: "1", new: "1" });
  });

  it("answer pings each, and the guest's is made anew when the server falls silent", async () => {
    const [own, its] = [backend.peerOf(store.storeSessionId), backend.peerOf(guest.storeSessionId)];
    await clock.advance(10_000);
    own.send({ t: "ping", head: 0 });
    its.send({ t: "ping", head: 7 });
    expect([own, its].map((peer) => peer.frames.filter(({ t }) => t === "pong").length)).toEqual([1, 1]);
    await clock.advance(10_000);
    own.send({ t: "ping", head: 0 });
    await clock.advance(10_300);
    expect(backend.peers.map((peer) => [peer.session === guest.storeSessionId, peer.open])).toEqual([
      [false, true],
      [true, false],
      [true, true],
    ]);
  });

  it("are both tried at once when the network is back", async () => {
    backend.reachable = false;
    for (const session of [guest, store]) backend.peerOf(session.storeSessionId).cut();
    await clock.advance(5_000);
    backend.reachable = true;
    store.reconnect();
    await settle();
    expect(guest.status.connected).toBe(true);
  });
});

describe("the live channel", () => {
  it("brings what is for the guest's session to the guest alone, and its answer back", async () => {
    guest.onLive("runtime.stop", (message) => ({ got: message.data, from: message.sender }));
    store.onLive("runtime.stop", () => "the page");
    expect(await store.sendLive("runtime.stop", { sessionId: "r" }, { to: guest.storeSessionId })).toEqual({
      got: { sessionId: "r" },
      from: store.storeSessionId,
    });
    expect(await guest.sendLive("runtime.stop", 1, { to: store.storeSessionId })).toBe("the page");
  });

  it("ends with the guest", async () => {
    const asked = guest.sendLive("complete", {}, { to: "nobody" });
    guest.close();
    await expect(asked).rejects.toThrow("the store is closed");
    await expect(guest.sendLive("presence", {})).rejects.toThrow("there is no connection");
  });
});

describe("a text that a guest writes", () => {
  function print(n: number): void {
    guest.commit("v1.StreamAppended", { outputId: "o", executionId: "e", sessionId: "r", stream: "stdout", n, text: `${n} ` });
  }

  beforeEach(async () => {
    const started = { sessionId: "r", runtimeId: "r", runtimeType: "python", capabilities: ["code" as const], info: "{}" };
    store.commit("v1.CellCreated", cell("a"));
    guest.commit("v1.RuntimeSessionStarted", { ...started, lostAfterMs: 1, startedMs: 1 });
    guest.commit("v1.RuntimeSessionStatusSet", { sessionId: "r", status: "ready" });
    store.commit("v1.ExecutionRequested", { executionId: "e", cellId: "a", source: "1", requestedMs: 1 });
    guest.commit("v1.ExecutionStarted", { executionId: "e", sessionId: "r", executionCount: 1, startedMs: 1 });
    print(1);
    await store.settled();
  });

  it("is shown as it is when the page's clearing overtakes a part of it", async () => {
    backend.judge = (name, args) => (name === "v1.StreamAppended" && args.n === 2 ? "pause" : "take");
    let text = "";
    store.subscribeText("o", (added, fromStart) => {
      text = fromStart ? added : text + added;
    });
    print(2);
    const cleared = store.commit("v1.CellOutputsCleared", { cellId: "a" });
    print(3);
    await clock.advance(20);
    expect(text).toBe("3 ");
    await cleared;
    await clock.advance(20);
    expect(text).toBe("2 3 ");
    backend.judge = () => "take";
    await clock.advance(500);
    await store.settled();
    expect(text).toBe(store.watchText("o").text());
  });

  it("is shown as it is when somebody else clears what stands before it", async () => {
    backend.judge = () => "lose";
    let text = "";
    store.subscribeText("o", (added, fromStart) => {
      text = fromStart ? added : text + added;
    });
    print(2);
    await clock.advance(20);
    expect(text).toBe("1 2 ");
    await backend.append("v1.CellOutputsCleared", { cellId: "a" });
    await clock.advance(20);
    expect(text).toBe("2 ");
  });

  it("is shown as it is when the page's clearing is refused", async () => {
    backend.judge = (name) => (name === "v1.CellOutputsCleared" ? "forbidden" : "take");
    let text = "";
    store.subscribeText("o", (added, fromStart) => {
      text = fromStart ? added : text + added;
    });
    store.commit("v1.CellOutputsCleared", { cellId: "a" });
    print(2);
    await clock.advance(20);
    await store.settled();
    await clock.advance(20);
    expect(text).toBe("1 2 ");
  });
});

describe("closing a guest", () => {
  it("leaves its undecided events to the page's connection, under its session", async () => {
    backend.holds = true;
    const first = guest.commit("v1.CellCreated", cell("a"));
    const second = guest.commit("v1.CellCreated", cell("b"));
    guest.close();
    expect(framesOf(store, "push")).toEqual([expect.objectContaining({ session: guest.storeSessionId })]);
    expect(pushed(store)).toEqual([1, 2]);
    expect(backend.peerOf(guest.storeSessionId).open).toBe(false);
    backend.holds = false;
    backend.take(backend.peerOf(store.storeSessionId));
    expect([await first, await second]).toEqual([
      { seq: 1, applied: true },
      { seq: 2, applied: true },
    ]);
    expect(() => guest.commit("v1.CellCreated", cell("c"))).toThrow(StoreClosedError);
    expect(guest.status).toMatchObject({ connected: false, pending: 0 });
  });

  it("keeps the order after the page's own events, also when the page is away", async () => {
    backend.reachable = false;
    for (const session of [guest, store]) backend.peerOf(session.storeSessionId).cut();
    store.commit("v1.CellCreated", cell("p"));
    const last = guest.commit("v1.CellCreated", cell("g"));
    guest.close();
    backend.reachable = true;
    await clock.advance(1_000);
    expect(await last).toEqual({ seq: 2, applied: true });
    expect(recorded()).toEqual([
      ["page", 1],
      ["guest", 1],
    ]);
  });

  it("lets what is left wait for what the page may not send yet", async () => {
    backend.limits = { ...backend.limits, batchEvents: 1 };
    backend.peerOf(store.storeSessionId).cut();
    await clock.advance(200);
    backend.holds = true;
    for (const id of ["p1", "p2"]) store.commit("v1.CellCreated", cell(id));
    guest.commit("v1.CellCreated", cell("g"));
    guest.close();
    expect(framesOf(store, "push").map((frame) => frame.session)).toEqual([undefined]);
    backend.holds = false;
    backend.take(backend.peerOf(store.storeSessionId));
    await store.settled();
    expect(recorded()).toEqual([
      ["page", 1],
      ["page", 2],
      ["guest", 1],
    ]);
  });

  it("tells the guest of a rejection that comes over the page's connection, and waits when asked to", async () => {
    const away = store.openGuest();
    backend.judge = (_, args) => (args.cellId === "no" ? "forbidden" : "pause");
    const refused = away.commit("v1.CellCreated", cell("no"));
    const paused = away.commit("v1.CellCreated", cell("yes"));
    away.close();
    away.close();
    await expect(refused).rejects.toThrow(RejectedError);
    backend.judge = () => "take";
    await clock.advance(500);
    expect(await paused).toEqual({ seq: 1, applied: true });
  });

  it("does not try to connect again", async () => {
    guest.close();
    await clock.advance(60_000);
    expect(backend.peers.filter((peer) => peer.session === guest.storeSessionId).length).toBe(1);
  });

  it("comes with the store's closing, which still sends what it can", async () => {
    backend.judge = () => "lose";
    store.commit("v1.CellCreated", cell("p"));
    const held = guest.commit("v1.CellCreated", cell("g"));
    expect(pushed(guest)).toEqual([]);
    store.close();
    expect(framesOf(store, "push").map((frame) => frame.session)).toEqual([undefined, guest.storeSessionId]);
    await expect(held).rejects.toThrow(StoreClosedError);
    expect(() => guest.commit("v1.CellCreated", cell("b"))).toThrow(StoreClosedError);
    expect(() => store.openGuest()).toThrow(StoreClosedError);
    await clock.advance(60_000);
    expect(backend.peers.length).toBe(2);
  });
});

describe("a store that is its own authority", () => {
  it("confirms its guests' commits at once", async () => {
    const alone = await createStore({ storeId: "nb", clock });
    const its = alone.openGuest();
    expect(await alone.commit("v1.CellCreated", cell("a"))).toEqual({ seq: 1, applied: true });
    expect(await its.commit("v1.CellSourceSet", { cellId: "a", source: "2" })).toEqual({ seq: 2, applied: true });
    expect(alone.query(queries.cells, {}, { confirmed: true })[0]?.source).toBe("2");
    expect(its.status).toEqual({ connected: true, pending: 0, head: 2, problem: null });
    its.close();
    alone.close();
  });
});

describe("a witness of another store's session", () => {
  const recordedAs = (name: string, args: Readonly<Record<string, unknown>>, session: string, n: number) =>
    backend.append("v1.NotebookMetadataSet", { key: "k", value: "1" }, [name, args, "local", session, n]);

  it("vouches for that session, and hears what becomes of its events where they stand in the log", async () => {
    const heard: Witnessed[] = [];
    const witness = store.openWitness("tab__live", (event) => heard.push(event));
    await settle();
    expect(witness.storeSessionId).toBe("tab__live");
    expect(backend.peers.at(-1)?.session).toBe("tab__live");
    await recordedAs("v1.CellCreated", cell("a"), "tab__live", 2);
    await recordedAs("v1.CellMoved", { cellId: "gone", position: "a0" }, "tab__live", 4);
    expect(heard.map(({ name, seq, applied }) => [name, seq, applied])).toEqual([
      ["v1.CellCreated", 2, true],
      ["v1.CellMoved", 4, false],
    ]);
    expect(heard[0]?.args).toEqual(cell("a"));
    expect(() => witness.commit("v1.CellCreated", cell("b"))).toThrow(StoreClosedError);
    witness.close();
    await recordedAs("v1.CellCreated", cell("c"), "tab__live", 6);
    expect(heard).toHaveLength(2);
    expect(backend.peers.at(-1)?.open).toBe(false);
  });
});

describe("a store that cannot go on", () => {
  it("takes its guests with it", async () => {
    await backend.append("v1.ActorSet", { actorId: "x" });
    expect(guest.status).toMatchObject({ connected: false, problem: expect.stringContaining("cannot be applied") });
    expect(() => guest.commit("v1.CellCreated", cell("a"))).toThrow("cannot be applied");
  });
});
