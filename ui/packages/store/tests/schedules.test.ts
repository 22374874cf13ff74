// What pages were told in the simulator's schedules, told to this store: it must come to the same head, receipts and rows.
import { readdirSync, readFileSync } from "node:fs";
import type { SqlValue } from "@runt/schema";
import { describe, expect, it } from "vitest";
import { type Database, openDatabase } from "../src/database";
import type { PushedEvent } from "../src/frames";
import type { Effect } from "../src/link";
import { SyncProtocol } from "../src/protocol";
import { type Decided, type Incoming, type PendingEvent, Replica } from "../src/replica";
import { allRows, sorted, type TableRows } from "./rows";

interface After {
  readonly head: number;
  readonly pending: number;
  /** Every pending event has been sent on this connection. */
  readonly sent?: true;
}

type Step =
  | readonly ["open" | "closed" | "resume", After]
  | readonly ["receive", Readonly<Record<string, unknown>>, After]
  | readonly ["commit", number, string, PendingEvent["args"], After];

interface Schedule {
  readonly about: string;
  readonly session: string;
  readonly user: string;
  readonly steps: readonly Step[];
  readonly receipts: readonly (readonly [n: number, seq: number, applied: boolean] | readonly [n: number, code: string])[];
  readonly rows: Readonly<Record<string, readonly Readonly<Record<string, SqlValue>>[]>>;
}

/** One store without sockets and time: the real protocol and replica, and what went out. */
class Page {
  readonly replica: Replica;
  readonly receipts: Decided[] = [];
  private readonly protocol: SyncProtocol;
  private readonly pending = new Map<number, PushedEvent>();
  private sent = new Set<number>();
  private readonly schedule: Schedule;
  private nowMs = 0;

  constructor(db: Database, schedule: Schedule) {
    this.schedule = schedule;
    this.replica = new Replica(db, schedule.user);
    this.protocol = new SyncProtocol(schedule.session);
  }

  take(step: Step): void {
    this.nowMs += 10;
    switch (step[0]) {
      case "open":
        this.sent = new Set();
        this.protocol.link.connecting(this.nowMs);
        this.perform(this.protocol.opened(this.nowMs));
        break;
      case "closed":
        this.protocol.closed(this.nowMs, 0);
        break;
      case "resume":
        this.perform(this.protocol.resumed());
        break;
      case "receive":
        if (step[1].t === "pause") this.sent = new Set([...this.sent].filter((n) => n < Number(step[1].from)));
        this.perform(this.protocol.received(JSON.stringify(step[1]), this.nowMs));
        break;
      case "commit": {
        const [, n, name, args] = step;
        this.pending.set(n, { n, name, args });
        this.replica.commit({ storeSessionId: this.schedule.session, n, name, args });
        this.perform(this.protocol.offer({ n, name, args, bytes: JSON.stringify(args).length, after: 0 }));
      }
    }
  }

  check(after: After): void {
    expect([this.replica.head, this.replica.pendingCount]).toEqual([after.head, after.pending]);
    if (after.sent) expect([...this.pending.keys()].filter((n) => !this.sent.has(n))).toEqual([]);
  }

  private perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      if (effect.do === "apply") this.reconcile(effect.incoming);
      else if (effect.do === "send" && effect.frame.t === "push") for (const event of effect.frame.events) this.push(event);
      else if (effect.do === "send" && effect.frame.t === "hello")
        expect([effect.frame.session, effect.frame.head ?? 0]).toEqual([this.schedule.session, this.replica.head]);
      else if (effect.do === "send" && effect.frame.t === "from") expect(effect.frame.head).toBe(this.replica.head);
    }
  }

  /** An event is sent as it was committed, in order, once on a connection. */
  private push(event: PushedEvent): void {
    expect(event).toEqual(this.pending.get(event.n));
    expect(event.n).toBeGreaterThan(Math.max(0, ...this.sent));
    this.sent.add(event.n);
  }

  private reconcile(incoming: readonly Incoming[]): void {
    const left = [...incoming];
    this.replica.reconcile(
      () => left.shift(),
      (decided) => {
        this.receipts.push(decided);
        this.pending.delete(decided.n);
      },
    );
  }
}

const folder = new URL("../../../../contract/schedules/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".json"));

describe.each(names)("schedule %s", (name) => {
  const schedule: Schedule = JSON.parse(readFileSync(new URL(name, folder), "utf8"));

  it("leads to the same head, receipts and rows", async () => {
    const db = await openDatabase();
    const page = new Page(db, schedule);
    for (const step of schedule.steps) {
      page.take(step);
      page.check(step[step.length - 1] as After);
    }
    const told = page.receipts.map((decided) => ("seq" in decided ? [decided.n, decided.seq, decided.applied] : [decided.n, decided.code]));
    expect(sorted(told)).toEqual(sorted(schedule.receipts));
    const expected: TableRows = Object.fromEntries(Object.entries(schedule.rows).map(([table, rows]) => [table, sorted(rows)]));
    expect(allRows(db)).toEqual(expected);
    page.replica.close();
  });
});
