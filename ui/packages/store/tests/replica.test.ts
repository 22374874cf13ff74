// Reconciliation: whatever order decisions come in, the state is that of the log with pending on top.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../src/database";
import { type Decided, type Incoming, Replica } from "../src/replica";
import { type Args, createState, materialize } from "../src/state";
import { events } from "./random-events";
import { allRows, type TableRows } from "./rows";

interface LogEntry {
  readonly name: string;
  readonly args: Args;
  readonly clientId: string;
  readonly storeSessionId: string;
  readonly n: number;
}

/** The store sessions on the replica: the page's own and a guest's. */
type Own = "mine" | "guest";
const own = fc.constantFrom<Own>("mine", "guest");

type Step =
  | { readonly do: "commit"; readonly as: Own; readonly event: readonly [string, Args] }
  | { readonly do: "other"; readonly event: readonly [string, Args] }
  | { readonly do: "accept"; readonly as: Own; readonly asEvent: boolean }
  | { readonly do: "reject"; readonly as: Own }
  | { readonly do: "deliver" };

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("commit" as const), as: own, event: events }) },
  { weight: 3, arbitrary: events.map((event) => ({ do: "other" as const, event })) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("accept" as const), as: own, asEvent: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reject" as const), as: own }) },
  { weight: 3, arbitrary: fc.constant({ do: "deliver" as const }) },
);

describe("Replica", () => {
  it("is at every moment the log replayed with pending on top", async () => {
    const empty = await openDatabase();
    empty.close();
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 40 }), async (script) => {
        const db = await openDatabase();
        const model = new Model(new Replica(db, "ada"));
        for (const step of script) {
          model.run(step);
          if (step.do === "deliver") expect(allRows(db)).toEqual(await replayed([...model.delivered, ...model.pending]));
        }
        model.run({ do: "deliver" });
        const confirmed = await replayed(model.delivered);
        expect(model.replica.onConfirmed(() => allRows(db))).toEqual(confirmed);
        expect(allRows(db)).toEqual(await replayed([...model.delivered, ...model.pending]));
        expect(byKey(model.decisions)).toEqual(await decisionsOf(model));
        expect(model.replica.head).toBe(model.delivered.length);
        model.replica.close();
      }),
      { numRuns: 100 },
    );
  }, 60_000);

  it("keeps many acknowledged events without others between them", async () => {
    const db = await openDatabase();
    const replica = new Replica(db, "ada");
    const model = new Model(replica);
    for (let i = 0; i < 700; i += 1)
      model.run({ do: "commit", as: "mine", event: ["v1.ActorSet", { actorId: `a${i}`, kind: "human", name: "x" }] });
    for (let i = 0; i < 650; i += 1) {
      model.run({ do: "accept", as: "mine", asEvent: i % 2 === 0 });
      model.run({ do: "deliver" });
    }
    expect(allRows(db).actors?.length).toBe(700);
    expect(replica.onConfirmed(() => allRows(db)).actors?.length).toBe(650);
    expect(replica.pendingCount).toBe(50);
    replica.close();
  });

  it("undoes an own event that cannot be applied", async () => {
    const db = await openDatabase();
    const replica = new Replica(db, "ada");
    expect(() =>
      replica.commit({ storeSessionId: "mine", n: 1, name: "v1.ActorSet", args: { actorId: "a", kind: "human", name: undefined } }),
    ).toThrow("NOT NULL");
    expect(replica.pendingCount).toBe(0);
    expect(allRows(db).actors).toEqual([]);
    replica.close();
  });
});

/** A replica beside a log that it learns of in pieces. */
class Model {
  readonly replica: Replica;
  readonly log: LogEntry[] = [];
  readonly rejected: LogEntry[] = [];
  readonly decisions: Decided[] = [];
  private readonly wire: Incoming[] = [];
  private own: LogEntry[] = [];
  private undecided: LogEntry[] = [];
  private readonly n = { mine: 0, guest: 0 };
  private heard = 0;

  constructor(replica: Replica) {
    this.replica = replica;
  }

  get delivered(): readonly LogEntry[] {
    return this.log.slice(0, this.heard);
  }

  get pending(): readonly LogEntry[] {
    return this.own;
  }

  run(step: Step): void {
    switch (step.do) {
      case "commit": {
        this.n[step.as] += 1;
        const entry = { name: step.event[0], args: step.event[1], clientId: "ada", storeSessionId: step.as, n: this.n[step.as] };
        this.replica.commit(entry);
        this.own.push(entry);
        this.undecided.push(entry);
        return;
      }
      case "other":
        this.append({ name: step.event[0], args: step.event[1], clientId: "bob", storeSessionId: "theirs", n: this.log.length + 1 }, true);
        return;
      case "accept": {
        const entry = this.decide(step.as);
        if (entry !== undefined) this.append(entry, step.asEvent);
        return;
      }
      case "reject": {
        const entry = this.decide(step.as);
        if (entry === undefined) return;
        this.rejected.push(entry);
        this.wire.push({ kind: "reject", storeSessionId: entry.storeSessionId, n: entry.n, code: "forbidden", message: "no" });
        return;
      }
      case "deliver": {
        const decided = new Set(
          this.wire.map((item) => (item.kind === "event" ? key(item.event) : item.kind === "reset" ? "" : key(item))),
        );
        this.own = this.own.filter((entry) => !decided.has(key(entry)));
        this.heard = this.log.length;
        this.replica.reconcile(
          () => this.wire.shift(),
          (decision) => this.decisions.push(decision),
        );
        return;
      }
    }
  }

  /** The next event of a session that the authority decides: each session's come in order, those of two in any. */
  private decide(as: Own): LogEntry | undefined {
    const place = this.undecided.findIndex((entry) => entry.storeSessionId === as);
    return place < 0 ? undefined : this.undecided.splice(place, 1)[0];
  }

  private append(entry: LogEntry, asEvent: boolean): void {
    this.log.push(entry);
    const seq = this.log.length;
    this.wire.push(asEvent ? { kind: "event", seq, event: entry } : { kind: "ack", seq, storeSessionId: entry.storeSessionId, n: entry.n });
  }
}

function key(entry: { readonly storeSessionId: string; readonly n: number }): string {
  return `${entry.storeSessionId} ${entry.n}`;
}

async function replayed(log: readonly LogEntry[]): Promise<TableRows> {
  return withReplay(log, (db) => allRows(db));
}

async function withReplay<T>(log: readonly LogEntry[], read: (db: Database, applied: boolean[]) => T): Promise<T> {
  const db = await openDatabase();
  createState(db);
  const applied = log.map((entry) => materialize(db, entry.name, entry.args, entry.clientId, entry.storeSessionId) === true);
  const result = read(db, applied);
  db.close();
  return result;
}

/** What the receipts must say: the guards at the confirmed positions, and the rejects. */
async function decisionsOf(model: Model): Promise<Decided[]> {
  const applied = await withReplay(model.log, (_, flags) => flags);
  const confirmed = model.log.flatMap(({ storeSessionId, n }, place) =>
    storeSessionId === "theirs" ? [] : [{ storeSessionId, n, seq: place + 1, applied: applied[place] ?? false }],
  );
  const rejected = model.rejected.map(({ storeSessionId, n }) => ({ storeSessionId, n, code: "forbidden" as const, message: "no" }));
  return byKey([...confirmed, ...rejected]);
}

function byKey<T extends { readonly storeSessionId: string; readonly n: number }>(items: readonly T[]): T[] {
  return [...items].sort((a, b) => a.storeSessionId.localeCompare(b.storeSessionId) || a.n - b.n);
}
