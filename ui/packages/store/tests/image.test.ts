// A store that begins from an image is what it would be after the whole log; what is wrong with an image costs only time.
import { readdirSync, readFileSync } from "node:fs";
import { type LogEvent, queries } from "@runt/schema";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { openDatabase } from "../src/database";
import { openImage } from "../src/image";
import { createStore, type Store } from "../src/index";
import { type Decided, type Incoming, Replica } from "../src/replica";
import { createState, materialize } from "../src/state";
import { InMemoryBackend } from "./in-memory-backend";
import { ManualClock } from "./manual-clock";
import { events } from "./random-events";
import { allRows, type TableRows } from "./rows";

function incoming(log: readonly LogEvent[], from: number): Incoming[] {
  return log.slice(from).map(([name, args, clientId, storeSessionId, n], place) => ({
    kind: "event",
    seq: from + place + 1,
    event: { name, args, clientId, storeSessionId, n },
  }));
}

function take(replica: Replica, items: Incoming[]): Decided[] {
  const decisions: Decided[] = [];
  replica.reconcile(
    () => items.shift(),
    (decision) => decisions.push(decision),
  );
  return decisions;
}

async function replayed(log: readonly LogEvent[]): Promise<TableRows> {
  const db = await openDatabase();
  createState(db);
  for (const [name, args, clientId, session] of log) materialize(db, name, args, clientId, session);
  const rows = allRows(db);
  db.close();
  return rows;
}

async function imageAt(log: readonly LogEvent[], seq: number): Promise<Uint8Array<ArrayBuffer>> {
  const replica = new Replica(await openDatabase(), "ada");
  take(replica, incoming(log.slice(0, seq), 0));
  const bytes = new Uint8Array(replica.image());
  replica.close();
  return bytes;
}

/** The rows of a store that begins from an image at `seq` and hears the rest. */
async function imageAndTail(log: readonly LogEvent[], seq: number, image?: Uint8Array<ArrayBuffer>): Promise<TableRows> {
  const replica = new Replica(await openDatabase(), "ada");
  const db = await openImage(image ?? (await imageAt(log, seq)), undefined);
  replica.load(db, seq);
  take(replica, incoming(log, seq));
  const rows = allRows(db);
  replica.close();
  return rows;
}

const folder = new URL("../../../../contract/golden/", import.meta.url);
const golden = readdirSync(folder).filter((name) => name.endsWith(".json"));

describe("an image and the tail", () => {
  it("give the rows of the whole log, in every table, for random logs", async () => {
    const logs = fc.array(events, { minLength: 1, maxLength: 60 }).chain((made) => fc.tuple(fc.constant(made), fc.nat(made.length)));
    await fc.assert(
      fc.asyncProperty(logs, async ([made, seq]) => {
        const log = made.map(([name, args], place): LogEvent => [name, args, "bob", "theirs", place + 1]);
        expect(await imageAndTail(log, seq)).toEqual(await replayed(log));
      }),
      { numRuns: 60 },
    );
  }, 60_000);

  it.each(golden)("give the rows of golden log %s, wherever the image was made", async (name) => {
    const log: readonly LogEvent[] = JSON.parse(readFileSync(new URL(name, folder), "utf8")).events;
    const whole = await replayed(log);
    const writer = new Replica(await openDatabase(), "ada");
    for (let seq = 0; seq <= log.length; seq += 1) {
      take(writer, incoming(log.slice(0, seq), writer.head));
      expect(await imageAndTail(log, seq, writer.image())).toEqual(whole);
    }
    writer.close();
  });

  it("keep a byte order mark in front of a text", async () => {
    const log: LogEvent[] = [["v1.CellCreated", cell("a", "\ufeffx"), "bob", "theirs", 1]];
    expect(await imageAndTail(log, 1)).toEqual(await replayed(log));
  });
});

describe("an image of a replica", () => {
  it("is of the confirmed state, and leaves pending where it is", async () => {
    const db = await openDatabase();
    const replica = new Replica(db, "ada");
    const first: LogEvent = ["v1.CellCreated", cell("a"), "bob", "theirs", 1];
    take(replica, incoming([first], 0));
    replica.commit({ storeSessionId: "mine", n: 1, name: "v1.CellSourceSet", args: { cellId: "a", source: "confirmed" } });
    replica.commit({ storeSessionId: "mine", n: 2, name: "v1.CellSourceSet", args: { cellId: "a", source: "pending" } });
    take(replica, [{ kind: "ack", seq: 2, storeSessionId: "mine", n: 1 }]);
    const copy = await openImage(replica.image(), undefined);
    expect(allRows(copy)).toEqual(await replayed([first, ["v1.CellSourceSet", { cellId: "a", source: "confirmed" }, "ada", "mine", 1]]));
    expect(allRows(db).cells?.map((row) => row.source)).toEqual(["pending"]);
    expect(replica.pendingCount).toBe(1);
    copy.close();
    replica.close();
  });

  it("that holds a pending event decides it, and the others stand above", async () => {
    const log: LogEvent[] = [
      ["v1.CellCreated", cell("a"), "bob", "theirs", 1],
      ["v1.CellSourceSet", { cellId: "a", source: "mine, recorded" }, "ada", "earlier", 1],
      ["v1.CellSourceSet", { cellId: "a", source: "theirs" }, "bob", "theirs", 2],
    ];
    const replica = new Replica(await openDatabase(), "ada");
    replica.commit({ storeSessionId: "earlier", n: 1, name: "v1.CellSourceSet", args: { cellId: "a", source: "mine, recorded" } });
    replica.commit({ storeSessionId: "earlier", n: 2, name: "v1.CellCreated", args: cell("b") });
    const db = await openImage(await imageAt(log, 3), undefined);
    replica.load(db, 3);
    expect(allRows(db).cells?.map((row) => row.source)).toEqual(["mine, recorded", "1"]);
    expect(take(replica, [{ kind: "included", seq: 2, storeSessionId: "earlier", n: 1 }])).toEqual([
      { storeSessionId: "earlier", n: 1, seq: 2, applied: null },
    ]);
    expect(allRows(db)).toEqual(await replayed([...log, ["v1.CellCreated", cell("b"), "ada", "earlier", 2]]));
    expect(replica.pendingCount).toBe(1);
    replica.close();
  });
});

let clock: ManualClock;
let backend: InMemoryBackend;
let warned: string[];
const stores: Store[] = [];

beforeEach(() => {
  clock = new ManualClock();
  backend = new InMemoryBackend();
  warned = [];
  vi.spyOn(console, "warn").mockImplementation((text) => void warned.push(String(text)));
});

afterEach(() => {
  for (const store of stores.splice(0)) store.close();
  vi.restoreAllMocks();
});

function cell(cellId: string, source = "1"): { cellId: string; cellType: "code"; position: string; source: string } {
  return { cellId, cellType: "code", position: "a0", source };
}

async function open(): Promise<Store> {
  const { openSocket: socketFactory, imageSource } = backend;
  const store = await createStore({ storeId: "nb", url: "http://127.0.0.1:1", clock, socketFactory, imageSource });
  stores.push(store);
  return store;
}

/** Wait until a store has what the backend has: reading and hashing an image takes turns of the event loop. */
async function caughtUp(store: Store): Promise<void> {
  await vi.waitFor(() => expect(store.status).toMatchObject({ connected: true, head: backend.log.length, pending: 0 }));
}

function sources(store: Store): readonly string[] {
  return store.query(queries.cells, {}).map((row) => row.source);
}

/** A log of three, with an image of the first two. */
async function threeOfWhichTwoInAnImage(): Promise<void> {
  await backend.append("v1.CellCreated", cell("a"));
  await backend.append("v1.CellSourceSet", { cellId: "a", source: "2" });
  await backend.append("v1.CellSourceSet", { cellId: "a", source: "3" });
  await backend.offerImage(2, await imageAt(backend.log, 2));
}

describe("a store without a state", () => {
  it("asks for an image, begins from it, and hears only what comes after", async () => {
    await threeOfWhichTwoInAnImage();
    const store = await open();
    await caughtUp(store);
    expect(sources(store)).toEqual(["3"]);
    expect(backend.fetched).toEqual([`http://127.0.0.1:1${backend.offer?.url}`]);
    expect(backend.peer.frames).toMatchObject([
      { t: "hello", snapshot: true },
      { t: "from", head: 2 },
    ]);
    expect(warned).toEqual([]);
  });

  it("shows what is committed meanwhile, and pushes it when it has caught up", async () => {
    await threeOfWhichTwoInAnImage();
    const bytes = await backend.image();
    let arrive = (): void => {};
    backend.image = () =>
      new Promise((resolve) => {
        arrive = () => resolve(bytes);
      });
    const store = await open();
    await vi.waitFor(() => expect(backend.fetched.length).toBe(1));
    store.commit("v1.CellCreated", cell("b", "mine"));
    expect(sources(store)).toEqual(["mine"]);
    backend.peer.send({ t: "ping", head: 3 });
    backend.peer.send({ t: "ping", head: 3 });
    arrive();
    await caughtUp(store);
    expect(sources(store)).toEqual(["3", "mine"]);
    expect(backend.peer.frames.map((frame) => frame.t)).toEqual(["hello", "pong", "pong", "from", "push"]);
  });

  it("lets an image lie that comes after its connection ended, and asks again", async () => {
    await threeOfWhichTwoInAnImage();
    const bytes = await backend.image();
    const arrivals: (() => void)[] = [];
    backend.image = () => new Promise((resolve) => arrivals.push(() => resolve(bytes)));
    const store = await open();
    await vi.waitFor(() => expect(arrivals.length).toBe(1));
    backend.peer.cut();
    await clock.advance(200);
    await vi.waitFor(() => expect(arrivals.length).toBe(2));
    for (const arrive of arrivals) arrive();
    await caughtUp(store);
    expect(backend.peer.frames).toMatchObject([
      { t: "hello", snapshot: true },
      { t: "from", head: 2 },
    ]);
    expect(sources(store)).toEqual(["3"]);
  });

  it("takes no image once something of its life may be in the log", async () => {
    backend.judge = () => "lose";
    const store = await open();
    store.commit("v1.CellCreated", cell("mine"));
    await vi.waitFor(() => expect(backend.peer.frames.some((frame) => frame.t === "push")).toBe(true));
    backend.peer.cut();
    backend.judge = () => "take";
    await threeOfWhichTwoInAnImage();
    await clock.advance(200);
    await caughtUp(store);
    expect(backend.peer.frames[0].snapshot).toBeUndefined();
    expect(backend.fetched).toEqual([]);
  });

  it("has guests like any other", async () => {
    await threeOfWhichTwoInAnImage();
    const store = await open();
    const guest = store.openGuest();
    const receipt = guest.commit("v1.CellSourceSet", { cellId: "a", source: "the guest's" });
    await caughtUp(store);
    expect(await receipt).toEqual({ seq: 4, applied: true });
    expect(sources(store)).toEqual(["the guest's"]);
  });
});

describe("an image that cannot be used", () => {
  const reasons: readonly (readonly [string, () => Promise<void> | void, RegExp])[] = [
    ["is refused", () => serve(Promise.reject(new Error("404"))), /the server does not answer/],
    ["is cut short", async () => serve(Promise.resolve((await backend.image()).slice(0, -1))), /bytes instead of/],
    ["has a wrong byte", async () => serve(Promise.resolve(spoilt(await backend.image()))), /not those of its hash/],
    ["is no database", () => backend.offerImage(2, new Uint8Array(8192).fill(7)), /it is damaged/],
    ["is torn", async () => backend.offerImage(2, (await backend.image()).slice(0, 8192)), /it is damaged/],
    ["is of other tables", async () => backend.offerImage(2, await foreign()), /other tables/],
    ["is elsewhere", () => void Object.assign(backend.offer ?? {}, { url: "//elsewhere.example/image" }), /another server/],
  ];

  it.each(reasons)("because it %s is left out, the log is replayed, and one reason is told", async (_, harm, reason) => {
    await threeOfWhichTwoInAnImage();
    await harm();
    const store = await open();
    await caughtUp(store);
    expect(sources(store)).toEqual(["3"]);
    expect(backend.peer.frames).toMatchObject([{ t: "hello" }, { t: "from", head: 0 }]);
    expect(warned).toEqual([expect.stringMatching(reason)]);
  });
});

function serve(bytes: Promise<Uint8Array<ArrayBuffer>>): void {
  bytes.catch(() => {});
  backend.image = () => bytes;
}

function spoilt(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const copy = bytes.slice();
  copy[4_200] = (copy[4_200] ?? 0) ^ 1;
  return copy;
}

async function foreign(): Promise<Uint8Array<ArrayBuffer>> {
  const db = await openDatabase();
  db.execute("CREATE TABLE other (a TEXT)");
  const bytes = new Uint8Array(db.export());
  db.close();
  return bytes;
}
