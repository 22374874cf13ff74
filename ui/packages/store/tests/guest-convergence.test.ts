// Two sessions on one replica against a backend that may be cut off anywhere: every event is recorded once, and receipts are true.
import { type EventArgs, type LogEvent, queries } from "@runt/schema";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openDatabase } from "../src/database";
import { type Applied, createStore, type GuestStore, RejectedError, type RuntimeStore, type Store } from "../src/index";
import { createState, materialize } from "../src/state";
import { InMemoryBackend, type Peer } from "./in-memory-backend";
import { ManualClock, settle } from "./manual-clock";

type Who = "page" | "guest";
type Edit =
  | readonly ["v1.CellCreated", EventArgs["v1.CellCreated"]]
  | readonly ["v1.CellSourceSet", EventArgs["v1.CellSourceSet"]]
  | readonly ["v1.CellDeleted", EventArgs["v1.CellDeleted"]];

type Step =
  | { readonly do: "commit"; readonly who: Who; readonly edit: Edit }
  | { readonly do: "append"; readonly edit: Edit }
  | { readonly do: "take" | "deliver"; readonly peer: number }
  | { readonly do: "cut"; readonly who: Who; readonly loses: boolean }
  | { readonly do: "flow" | "pause" }
  | { readonly do: "close"; readonly loses: boolean }
  | { readonly do: "wait"; readonly ms: number };

const REFUSED = "refuse this";
const cellId = fc.constantFrom("a", "b", "c");
const source = fc.oneof({ weight: 4, arbitrary: fc.string({ maxLength: 4 }) }, { weight: 1, arbitrary: fc.constant(REFUSED) });

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc
    .record({ cellId, source, cellType: fc.constant("code" as const), position: fc.constant("a0") })
    .map((args) => ["v1.CellCreated", args] as const),
  fc.record({ cellId, source }).map((args) => ["v1.CellSourceSet", args] as const),
  fc.record({ cellId }).map((args) => ["v1.CellDeleted", args] as const),
);

// Of the newest few connections any may be meant, so that old ones speak late too.
const peer = fc.nat(3);
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("commit" as const), who: fc.constantFrom<Who>("page", "guest"), edit }),
  },
  { weight: 2, arbitrary: edit.map((made) => ({ do: "append" as const, edit: made })) },
  { weight: 6, arbitrary: peer.map((place) => ({ do: "take" as const, peer: place })) },
  { weight: 6, arbitrary: peer.map((place) => ({ do: "deliver" as const, peer: place })) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("cut" as const), who: fc.constantFrom<Who>("page", "guest"), loses: fc.boolean() }) },
  { weight: 3, arbitrary: fc.constantFrom(100, 500, 5_000).map((ms) => ({ do: "wait" as const, ms })) },
  { weight: 3, arbitrary: fc.constant({ do: "flow" as const }) },
  { weight: 1, arbitrary: fc.constant({ do: "pause" as const }) },
  { weight: 1, arbitrary: fc.boolean().map((loses) => ({ do: "close" as const, loses })) },
);

describe("a page and its guest", () => {
  it("have every event recorded once and in order, and learn the truth of it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 20, maxLength: 80 }), async (script) => {
        const world = await World.open();
        for (const step of script) await world.run(step);
        await world.heal();
        await world.check();
        world.store.close();
      }),
      { numRuns: 150 },
    );
  }, 60_000);
});

interface Committed {
  readonly who: Who;
  readonly n: number;
  /** How many events the page had committed before. */
  after: number;
  readonly edit: Edit;
  outcome: Applied | "refused" | null;
}

class World {
  readonly clock = new ManualClock();
  readonly backend = new InMemoryBackend();
  readonly store: Store;
  private readonly guest: GuestStore;
  private readonly committed: Committed[] = [];
  private pauses = 0;
  private closed = false;

  static async open(): Promise<World> {
    const clock = new ManualClock();
    const backend = new InMemoryBackend();
    const store = await createStore({ storeId: "nb", url: "http://127.0.0.1:1", clock, socketFactory: backend.openSocket });
    const world = new World(store, clock, backend);
    await settle();
    backend.holds = true;
    return world;
  }

  private constructor(store: Store, clock: ManualClock, backend: InMemoryBackend) {
    this.store = store;
    this.clock = clock;
    this.backend = backend;
    this.guest = store.openGuest();
    backend.judge = (_, args) => {
      if (args.source === REFUSED) return "forbidden";
      this.pauses -= 1;
      return this.pauses >= 0 ? "pause" : "take";
    };
  }

  async run(step: Step): Promise<void> {
    switch (step.do) {
      case "commit":
        this.commit(step.who, step.edit);
        break;
      case "append":
        await this.backend.append(step.edit[0], step.edit[1]);
        break;
      case "take":
        this.backend.take(this.peer(step.peer));
        break;
      case "deliver":
        this.peer(step.peer).deliver();
        break;
      case "cut":
        this.cut(this.session(step.who), step.loses);
        break;
      case "flow":
        await this.flow();
        break;
      case "pause":
        this.pauses = 1;
        break;
      case "close":
        // What it leaves is sent at once behind what the page has sent, so only a pause can turn their order.
        for (const entry of this.of("guest")) if (entry.outcome === null) entry.after = 0;
        this.guest.close();
        this.cut(this.guest, step.loses);
        this.closed = true;
        break;
      case "wait":
        await this.clock.advance(step.ms);
        break;
    }
    await settle();
  }

  /** Let everything through until nothing is pending. */
  async heal(): Promise<void> {
    this.pauses = 0;
    for (let round = 0; round < 200; round += 1) {
      await this.flow();
      if (this.store.status.pending === 0 && this.store.status.head === this.backend.log.length) return;
      await this.clock.advance(500);
    }
    throw new Error(`${this.store.status.pending} events are never decided: ${this.store.status.problem}`);
  }

  async check(): Promise<void> {
    const { log } = this.backend;
    const { applied, cells } = await replayed(log);
    expect(this.store.query(queries.cells, {})).toEqual(cells);
    expect(this.store.query(queries.cells, {}, { confirmed: true })).toEqual(cells);
    const places = (who: Who): number[] =>
      this.of(who).flatMap(({ n }) => log.flatMap((event, place) => (this.is(event, who, n) ? [place] : [])));
    for (const who of ["page", "guest"] as const) {
      expect(places(who)).toEqual([...places(who)].sort((a, b) => a - b));
      expect(places(who).length).toBe(this.of(who).filter(({ outcome }) => outcome !== "refused").length);
    }
    for (const { who, n, outcome, after, edit: made } of this.committed) {
      const place = log.findIndex((event) => this.is(event, who, n));
      if (place < 0) {
        expect([outcome, "source" in made[1] && made[1].source]).toEqual(["refused", REFUSED]);
        continue;
      }
      expect([outcome, log[place]?.slice(0, 2)]).toEqual([{ seq: place + 1, applied: applied[place] }, made]);
      if (who === "guest") {
        const earlier = log.flatMap((event, at) => (event[3] === this.store.storeSessionId && event[4] <= after ? [at] : []));
        expect(earlier.filter((at) => at > place)).toEqual([]);
      }
    }
  }

  /** Let through what is under way now. */
  private async flow(): Promise<void> {
    for (const peer of this.backend.peers) while (this.backend.take(peer) || peer.deliver()) await settle();
  }

  /** Cut a session's connection. What was sent before arrives late, or never. */
  private cut(session: RuntimeStore, loses: boolean): void {
    const peer = this.backend.peers.findLast((one) => one.session === session.storeSessionId);
    peer?.cut();
    if (loses) peer?.incoming.splice(0);
  }

  private commit(who: Who, made: Edit): void {
    if (who === "guest" && this.closed) return;
    const after = this.of("page").length;
    const receipt = commit(this.session(who), made);
    const entry: Committed = { who, n: receipt.n, after, edit: made, outcome: null };
    this.committed.push(entry);
    receipt.then(
      (outcome) => {
        entry.outcome = outcome;
      },
      (error) => {
        entry.outcome = error instanceof RejectedError && error.code === "forbidden" ? "refused" : null;
      },
    );
  }

  private session(who: Who): RuntimeStore {
    return who === "page" ? this.store : this.guest;
  }

  private of(who: Who): Committed[] {
    return this.committed.filter((entry) => entry.who === who);
  }

  private is(event: LogEvent, who: Who, n: number): boolean {
    return event[3] === this.session(who).storeSessionId && event[4] === n;
  }

  private peer(place: number): Peer {
    const { peers } = this.backend;
    return peers[peers.length - 1 - (place % peers.length)] ?? this.backend.peer;
  }
}

function commit(session: RuntimeStore, [name, args]: Edit): ReturnType<RuntimeStore["commit"]> {
  return session.commit(name, args);
}

async function replayed(log: readonly LogEvent[]): Promise<{ applied: boolean[]; cells: readonly unknown[] }> {
  const db = await openDatabase();
  createState(db);
  const applied = log.map(([name, args, clientId, session]) => materialize(db, name, args, clientId, session) === true);
  db.close();
  const backend = new InMemoryBackend();
  backend.log.push(...log);
  const store = await createStore({
    storeId: "nb",
    url: "http://127.0.0.1:1",
    clock: new ManualClock(),
    socketFactory: backend.openSocket,
  });
  await settle();
  const cells = store.query(queries.cells, {});
  store.close();
  return { applied, cells };
}
