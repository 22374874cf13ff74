// What outlives a page: its last state, and the events that are not decided, each pushed by exactly one later life.
import { queries, RULES_HASH } from "@runt/schema";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createStore, Keeping, type Store } from "../src/index";
import type { InMemoryBackend } from "./in-memory-backend";
import type { InMemoryLocks } from "./in-memory-locks";
import { ManualClock } from "./manual-clock";
import { Profile, type Tab, written } from "./profile";

let profile: Profile;
let backend: InMemoryBackend;
let locks: InMemoryLocks;
let warned: string[];

beforeEach(() => {
  profile = new Profile();
  ({ backend, locks } = profile);
  warned = [];
  vi.spyOn(console, "warn").mockImplementation((text) => void warned.push(String(text)));
});

afterEach(async () => {
  await profile.close();
  vi.restoreAllMocks();
});

function cell(cellId: string, source = "1"): { cellId: string; cellType: "code"; position: string; source: string } {
  return { cellId, cellType: "code", position: "a0", source };
}

function sources(store: Store, confirmed = false): readonly string[] {
  return store.query(queries.cells, {}, { confirmed }).map((row) => row.source);
}

async function caughtUp({ store }: Tab): Promise<void> {
  await vi.waitFor(() => expect(store.status).toMatchObject({ connected: true, head: backend.log.length, pending: 0 }));
  await written();
}

function recorded(): readonly (readonly unknown[])[] {
  return backend.log.map(([name, args, , session, n]) => [name, args.cellId ?? args.sessionId, session, n]);
}

/** Without a server, one cell of a page that is gone. */
async function leftBehind(): Promise<string> {
  backend.reachable = false;
  const tab = await profile.open();
  tab.store.commit("v1.CellCreated", cell("a", "offline"));
  const { storeSessionId } = tab.store;
  await tab.crash();
  backend.reachable = true;
  return storeSessionId;
}

const SESSION = {
  sessionId: "r1",
  runtimeId: "page",
  runtimeType: "python",
  capabilities: ["code"],
  info: "{}",
  lostAfterMs: 60_000,
  startedMs: 1,
} as const;

describe("undecided events", () => {
  it("survive the page, show at once, and are pushed under their own session before anything new", async () => {
    const earlier = await leftBehind();
    backend.reachable = false;
    const tab = await profile.open();
    expect(sources(tab.store)).toEqual(["offline"]);
    expect(tab.store.status).toMatchObject({ connected: false, pending: 1 });
    tab.store.commit("v1.CellCreated", cell("b", "new"));
    backend.reachable = true;
    await tab.clock.advance(15_000);
    await caughtUp(tab);
    expect(recorded()).toEqual([
      ["v1.CellCreated", "a", earlier, 1],
      ["v1.CellCreated", "b", tab.store.storeSessionId, 1],
    ]);
    await tab.close();
    const after = await profile.open();
    await caughtUp(after);
    expect(backend.log.length).toBe(2);
    expect(backend.peer.frames.map((frame) => frame.t)).toEqual(["hello", "from"]);
  });

  it("survive several lives in their order, an editor's before its runtime's", async () => {
    backend.reachable = false;
    const first = await profile.open();
    const guest = first.store.openGuest();
    guest.commit("v1.CellCreated", cell("b"));
    first.store.commit("v1.CellCreated", cell("a"));
    await first.crash();
    const second = await profile.open();
    second.store.commit("v1.CellCreated", cell("c"));
    await second.crash();
    backend.reachable = true;
    const third = await profile.open();
    await caughtUp(third);
    expect(recorded()).toEqual([
      ["v1.CellCreated", "a", first.store.storeSessionId, 1],
      ["v1.CellCreated", "b", guest.storeSessionId, 1],
      ["v1.CellCreated", "c", second.store.storeSessionId, 1],
    ]);
  });

  it("are recorded once, though they were sent and recorded before their page was gone", async () => {
    const tab = await profile.open();
    await caughtUp(tab);
    backend.holds = true;
    tab.store.commit("v1.CellCreated", cell("a"));
    await written();
    expect(backend.take(backend.peer)).toBe(true);
    await tab.crash();
    backend.holds = false;
    const next = await profile.open();
    await caughtUp(next);
    expect(recorded()).toEqual([["v1.CellCreated", "a", tab.store.storeSessionId, 1]]);
  });

  it("that the backend's image holds are decided by its record", async () => {
    const earlier = await leftBehind();
    backend.log.push(["v1.CellCreated", cell("a", "offline"), "ada", earlier, 1], ["v1.CellDeleted", { cellId: "a" }, "bob", "theirs", 1]);
    const maker = await createStore({
      storeId: "nb",
      url: "http://127.0.0.1:1",
      clock: new ManualClock(),
      socketFactory: backend.openSocket,
    });
    await vi.waitFor(() => expect(maker.status.head).toBe(2));
    // biome-ignore lint/complexity/useLiteralKeys: the replica is private, and only a test looks at it
    await backend.offerImage(2, maker["replica"].image());
    maker.close();
    const tab = await profile.open();
    await caughtUp(tab);
    expect(backend.fetched.length).toBe(1);
    expect(sources(tab.store)).toEqual([]);
    expect(backend.log.length).toBe(2);
    expect(backend.peer.frames).toMatchObject([
      { t: "hello", snapshot: true },
      { t: "from", head: 2 },
      { t: "push", session: earlier },
    ]);
  });

  it("are told of when the backend refuses them", async () => {
    await leftBehind();
    backend.judge = () => "forbidden";
    const onEarlierRefused = vi.fn();
    const tab = await profile.open("ada", { onEarlierRefused });
    await caughtUp(tab);
    expect(sources(tab.store)).toEqual([]);
    expect(onEarlierRefused).toHaveBeenCalledTimes(1);
    expect(warned).toEqual(["a change of an earlier visit was rejected (forbidden): no"]);
  });

  it("are kept until they are decided when the next life is cut short too", async () => {
    const earlier = await leftBehind();
    backend.judge = () => "lose";
    const tab = await profile.open();
    await vi.waitFor(() => expect(backend.peer.frames.some((frame) => frame.t === "push")).toBe(true));
    await tab.crash();
    backend.judge = () => "take";
    await caughtUp(await profile.open());
    expect(recorded()).toEqual([["v1.CellCreated", "a", earlier, 1]]);
  });

  it("are another user's affair", async () => {
    await leftBehind();
    backend.user = "bob";
    const tab = await profile.open("bob");
    await caughtUp(tab);
    expect(sources(tab.store)).toEqual([]);
    expect(backend.log).toEqual([]);
  });

  it("are not sent in the name of somebody who signed in meanwhile", async () => {
    await leftBehind();
    backend.user = "bob";
    const tab = await profile.open();
    tab.store.openGuest().commit("v1.CellCreated", cell("b"));
    await tab.clock.advance(60_000);
    expect(tab.store.status).toMatchObject({
      connected: false,
      pending: 2,
      problem: expect.stringContaining("somebody else is signed in"),
    });
    expect(backend.log).toEqual([]);
    expect(tab.store.clientId).toBe("ada");
  });
});

describe("a runtime that a life left open", () => {
  it("is ended by the next one, and what only that life could mean is not sent", async () => {
    const tab = await profile.open();
    const guest = tab.store.openGuest();
    guest.commit("v1.RuntimeSessionStarted", SESSION);
    guest.commit("v1.RuntimeSessionStatusSet", { sessionId: "r1", status: "ready" });
    tab.store.commit("v1.CellCreated", cell("a"));
    tab.store.commit("v1.ExecutionRequested", { executionId: "e1", cellId: "a", source: "1", requestedMs: 1 });
    await caughtUp(tab);
    for (const peer of backend.peers) peer.end();
    guest.commit("v1.ExecutionStarted", { executionId: "e1", sessionId: "r1", executionCount: 1, startedMs: 1 });
    await tab.crash();
    const next = await profile.open();
    await caughtUp(next);
    expect(recorded().slice(4)).toEqual([["v1.RuntimeSessionTerminated", "r1", next.store.storeSessionId, 1]]);
    expect(next.store.query(queries.activeSession, {})).toEqual([]);
  });

  it("is ended without a server too, as far as this page can see", async () => {
    const tab = await profile.open();
    tab.store.openGuest().commit("v1.RuntimeSessionStarted", SESSION);
    await caughtUp(tab);
    tab.store.keepNow();
    await tab.crash();
    backend.reachable = false;
    const next = await profile.open();
    expect(next.store.query(queries.activeSession, {})).toEqual([]);
    expect(next.store.status).toMatchObject({ head: 1, pending: 1 });
  });

  it("is left alone while its page lives", async () => {
    const tab = await profile.open();
    tab.store.openGuest().commit("v1.RuntimeSessionStarted", SESSION);
    await caughtUp(tab);
    const other = await profile.open();
    await caughtUp(other);
    expect(other.store.query(queries.activeSession, {}).length).toBe(1);
    expect(backend.log.length).toBe(1);
  });
});

describe("two tabs", () => {
  it("leave each other's events alone, until one is gone: then exactly one has them", async () => {
    backend.reachable = false;
    const one = await profile.open();
    one.store.commit("v1.CellCreated", cell("a"));
    const [two, three] = [await profile.open(), await profile.open()];
    expect([two.store.status.pending, three.store.status.pending]).toEqual([0, 0]);
    await one.crash();
    await vi.waitFor(() => expect(two.store.status.pending + three.store.status.pending).toBe(1));
    backend.reachable = true;
    for (const tab of [two, three]) await tab.clock.advance(15_000);
    for (const tab of [two, three]) await caughtUp(tab);
    expect(recorded()).toEqual([["v1.CellCreated", "a", one.store.storeSessionId, 1]]);
    expect(backend.peers.flatMap((peer) => peer.frames).filter((frame) => frame.t === "push").length).toBe(1);
  });

  it("pass on what one left when the other that took it over goes too", async () => {
    backend.reachable = false;
    const one = await profile.open();
    const two = await profile.open();
    const three = await profile.open();
    one.store.commit("v1.CellCreated", cell("a"));
    await one.crash();
    await two.crash();
    await three.crash();
    backend.reachable = true;
    await caughtUp(await profile.open());
    expect(backend.log.length).toBe(1);
  });
});

describe("the last state", () => {
  /** A page that has seen two cells, of which the second is not recorded, and is gone. */
  async function seen(): Promise<void> {
    await backend.append("v1.NotebookMetadataSet", { key: "title", value: JSON.stringify("Emus") });
    await backend.append("v1.CellCreated", cell("a", "recorded"));
    const tab = await profile.open();
    await caughtUp(tab);
    backend.judge = () => "lose";
    tab.store.commit("v1.CellCreated", cell("b", "pending"));
    await tab.close();
    backend.judge = () => "take";
  }

  it("opens without a server, as it was confirmed, with what is pending above it", async () => {
    await seen();
    backend.reachable = false;
    const tab = await profile.open();
    expect(tab.store.status).toMatchObject({ connected: false, head: 2, pending: 1 });
    expect(sources(tab.store)).toEqual(["recorded", "pending"]);
    expect(sources(tab.store, true)).toEqual(["recorded"]);
  });

  it("goes on from there when the server is back", async () => {
    await seen();
    await backend.append("v1.CellSourceSet", { cellId: "a", source: "theirs" });
    const tab = await profile.open();
    await caughtUp(tab);
    expect(backend.peer.frames.slice(0, 2)).toMatchObject([
      { t: "hello", head: 2, backend: "backend-1" },
      { t: "from", head: 2 },
    ]);
    expect(sources(tab.store)).toEqual(["theirs", "pending"]);
  });

  it("is kept in a quiet moment", async () => {
    const tab = await profile.open();
    await caughtUp(tab);
    await backend.append("v1.CellCreated", cell("a"));
    await tab.clock.advance(1_000);
    await backend.append("v1.CellCreated", cell("b"));
    await tab.clock.advance(1_500);
    await written();
    const keeping = await Keeping.open(locks.tab());
    expect(await keeping.notebooks("ada")).toEqual([]);
    await tab.clock.advance(500);
    await written();
    expect(await keeping.notebooks("ada")).toMatchObject([{ storeId: "nb", title: "", head: 2 }]);
    keeping.close();
  });

  it("is listed for its user, and forgotten with its notebook", async () => {
    await seen();
    const keeping = await Keeping.open(locks.tab());
    expect(await keeping.notebooks("ada")).toMatchObject([{ storeId: "nb", title: "Emus" }]);
    expect(await keeping.notebooks("bob")).toEqual([]);
    await keeping.keepOnly("bob", new Set());
    expect((await keeping.notebooks("ada")).length).toBe(1);
    await keeping.keepOnly("ada", new Set(["other"]));
    expect(await keeping.notebooks("ada")).toEqual([]);
    keeping.close();
  });

  it("is dropped when the server follows another log; what is pending is kept", async () => {
    await seen();
    backend.id = "backend-2";
    backend.log.splice(0, 2, ["v1.CellCreated", cell("z", "restored"), "bob", "theirs", 1]);
    const tab = await profile.open();
    await caughtUp(tab);
    expect(sources(tab.store)).toEqual(["pending", "restored"]);
    expect(tab.store.status.problem).toContain("another log");
  });

  it.each([
    ["of other rules", { rules: `${RULES_HASH}x` }],
    ["of another format", { format: 2 }],
  ])("%s is left out with a reason", async (_, change) => {
    await seen();
    await damage("notebooks", change);
    await caughtUp(await profile.open());
    expect(backend.peer.frames[0]).toMatchObject({ snapshot: true });
    expect(warned).toEqual([expect.stringContaining("another version of this page")]);
  });

  it("that is damaged is left out with a reason", async () => {
    await seen();
    await damage("images", null);
    await caughtUp(await profile.open());
    expect(warned).toEqual([expect.stringContaining("it is damaged")]);
  });

  it("is another user's affair", async () => {
    await seen();
    backend.reachable = false;
    const tab = await profile.open("bob");
    expect(tab.store.status.head).toBe(0);
  });
});

describe("a browser that keeps nothing", () => {
  it("has a page that works, and says why", async () => {
    const tab = await profile.open("ada", { keep: () => Promise.reject(new Error("it is forbidden")) });
    tab.store.commit("v1.CellCreated", cell("a"));
    await caughtUp(tab);
    expect(tab.store.keeps).toBe(false);
    expect(warned).toEqual(["nothing is kept in this browser: it is forbidden"]);
  });

  it("remembers who was here last only where it can", async () => {
    const keeping = await Keeping.open(locks.tab());
    expect(await keeping.lastPerson()).toBe(null);
    await keeping.rememberPerson({ id: "ada", name: "Ada", role: "owner" });
    expect(await keeping.lastPerson()).toEqual({ id: "ada", name: "Ada", role: "owner" });
    keeping.close();
  });
});

async function damage(table: "notebooks" | "images", change: object | null): Promise<void> {
  const open = indexedDB.open("runt");
  await new Promise((done) => {
    open.onsuccess = done;
  });
  const write = open.result.transaction(table, "readwrite");
  const read = write.objectStore(table).get(["ada", "nb"]);
  read.onsuccess = () => write.objectStore(table).put(change === null ? new Uint8Array(100) : { ...read.result, ...change }, ["ada", "nb"]);
  await new Promise((done) => {
    write.oncomplete = done;
  });
  open.result.close();
}
