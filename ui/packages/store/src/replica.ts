// One replica's state: what is confirmed, with own pending events applied above it, and what changed. No I/O, no time.
//
// Pending events stand above a savepoint. Others' events roll it back, are applied, and pending is applied again; own
// acknowledgements alone need no rollback: those events are `settled`, confirmed but still above the savepoint.

import { type Query, type RejectCode, type SqlValue, TABLES } from "@runt/schema";
import type { Database } from "./database";
import { Dirty } from "./dirty";
import { StoreBrokenError } from "./errors";
import { type Args, clearState, createState, materialize, type Row, readRows } from "./state";

/** An event of this store that the authority has not decided yet. */
export interface PendingEvent {
  readonly n: number;
  readonly name: string;
  readonly args: Args;
}

/** A confirmed event. */
export interface ConfirmedEvent extends PendingEvent {
  readonly clientId: string;
  readonly storeSessionId: string;
}

/** What comes from the authority, in its order. */
export type Incoming =
  | { readonly kind: "event"; readonly seq: number; readonly event: ConfirmedEvent }
  | { readonly kind: "ack"; readonly seq: number; readonly n: number }
  | { readonly kind: "reject"; readonly n: number; readonly code: RejectCode; readonly message: string }
  | { readonly kind: "reset" };

/** What became of an own event: confirmed at `seq`, or gone. */
export type Decided =
  | { readonly n: number; readonly seq: number; readonly applied: boolean }
  | { readonly n: number; readonly code: RejectCode; readonly message: string };

interface Entry extends PendingEvent {
  applied: boolean;
}

// Events that stay above the savepoint though confirmed; more make a later rollback dear.
const MOST_SETTLED = 256;

export class Replica {
  readonly storeSessionId: string;
  /** Number of the last confirmed event. */
  head = 0;
  /** How many confirmed events this version did not know. */
  unknown = 0;
  /** Grows whenever the state may have changed. */
  version = 0;
  /** What changed in the state with pending, and in the confirmed one, since whoever reads them last emptied them. */
  readonly dirty = new Dirty();
  readonly dirtyConfirmed = new Dirty();

  private readonly db: Database;
  private client: string;
  private settled: Entry[] = [];
  private pending: Entry[] = [];
  private savepoint = false;

  constructor(db: Database, clientId: string, storeSessionId: string) {
    this.db = db;
    this.client = clientId;
    this.storeSessionId = storeSessionId;
    createState(db);
  }

  /** How many own events are not decided. */
  get pendingCount(): number {
    return this.pending.length;
  }

  /** The user in whose name own events are applied. */
  get clientId(): string {
    return this.client;
  }

  /** Apply an own event at once, above what is confirmed. */
  commit(event: PendingEvent): void {
    this.version += 1;
    this.open();
    const entry = { ...event, applied: false };
    try {
      this.apply(entry);
      this.pending.push(entry);
    } catch (error) {
      // Not a savepoint of its own, which would copy every page that each event touches.
      this.beneath(() => {}, "quiet");
      throw error;
    }
  }

  /**
   * Fold in what came from the authority, as long as `more` wants; at the end the state is whole again.
   *
   * @param next - gives the next piece, or undefined when there is none now
   * @param decided - hears of own events, in order
   * @throws StoreBrokenError - the rules cannot apply an event of the log; the state is the one before this call
   */
  reconcile(next: () => Incoming | undefined, decided: (decision: Decided) => void): void {
    const decisions: Decided[] = [];
    this.version += 1;
    try {
      let incoming = next();
      while (incoming?.kind === "ack" && incoming.n === this.pending[0]?.n && this.settled.length < MOST_SETTLED) {
        this.settle(incoming, decisions);
        incoming = next();
      }
      if (incoming === undefined) return;
      this.beneath(() => {
        for (; incoming !== undefined; incoming = next()) this.take(incoming, decisions);
      });
    } finally {
      this.release();
      decisions.forEach(decided);
    }
  }

  /** Learn who the backend takes this store for: pending events are applied again in that name. */
  rename(clientId: string): void {
    if (clientId === this.client) return;
    this.version += 1;
    this.beneath(() => {
      this.client = clientId;
    });
  }

  /** Read the state with pending applied. */
  read(query: Query<unknown, never>, params: Readonly<Record<string, SqlValue>>): Row[] {
    return readRows(this.db, query, params);
  }

  /** Run reads on the confirmed state. */
  onConfirmed<T>(reads: () => T): T {
    return this.pending.length === 0 ? reads() : this.beneath(reads, "quiet");
  }

  close(): void {
    this.db.close();
  }

  private take(incoming: Incoming, decisions: Decided[]): void {
    switch (incoming.kind) {
      case "event": {
        const { event, seq } = incoming;
        if (event.storeSessionId === this.storeSessionId && this.pending.some((entry) => entry.n === event.n)) {
          this.confirmOwn(event.n, seq, decisions);
          return;
        }
        if (this.confirm(seq, event, event.clientId, event.storeSessionId)) {
          this.dirty.note(event.name, event.args);
          this.dirtyConfirmed.note(event.name, event.args);
        }
        return;
      }
      case "ack":
        this.confirmOwn(incoming.n, incoming.seq, decisions);
        return;
      case "reject": {
        const entry = this.remove(incoming.n);
        if (entry === undefined) return;
        this.dirty.note(entry.name, entry.args, "undone");
        decisions.push({ n: entry.n, code: incoming.code, message: incoming.message });
        return;
      }
      case "reset":
        clearState(this.db, TABLES);
        this.head = 0;
        this.dirty.everything();
        this.dirtyConfirmed.everything();
        return;
    }
  }

  /** An acknowledged event is the first pending one, and nothing came between: it holds where it stands. */
  private settle(ack: { readonly n: number; readonly seq: number }, decisions: Decided[]): void {
    const entry = this.remove(ack.n);
    if (entry === undefined) return;
    this.settled.push(entry);
    this.head = ack.seq;
    if (entry.applied) this.dirtyConfirmed.note(entry.name, entry.args);
    decisions.push({ n: entry.n, seq: ack.seq, applied: entry.applied });
  }

  private confirmOwn(n: number, seq: number, decisions: Decided[]): void {
    const entry = this.remove(n);
    if (entry === undefined) return;
    const before = entry.applied;
    entry.applied = this.confirm(seq, entry, this.client, this.storeSessionId);
    this.notePending(entry, before);
    if (entry.applied) this.dirtyConfirmed.note(entry.name, entry.args);
    decisions.push({ n, seq, applied: entry.applied });
  }

  private confirm(seq: number, event: PendingEvent, clientId: string, storeSessionId: string): boolean {
    try {
      const applied = materialize(this.db, event.name, event.args, clientId, storeSessionId);
      if (applied === null) this.unknown += 1;
      this.head = seq;
      return applied === true;
    } catch (error) {
      throw new StoreBrokenError(seq, event.name, error);
    }
  }

  private apply(entry: Entry, noise?: "quiet"): void {
    const before = entry.applied;
    entry.applied = materialize(this.db, entry.name, entry.args, this.client, this.storeSessionId) === true;
    if (noise === undefined) this.notePending(entry, before);
  }

  private notePending(entry: Entry, before: boolean): void {
    if (entry.applied) this.dirty.note(entry.name, entry.args, before ? "again" : "applied");
    else if (before) this.dirty.note(entry.name, entry.args, "undone");
  }

  private remove(n: number): Entry | undefined {
    const place = this.pending[0]?.n === n ? 0 : this.pending.findIndex((entry) => entry.n === n);
    return place < 0 ? undefined : this.pending.splice(place, 1)[0];
  }

  private open(): void {
    if (!this.savepoint) this.db.execute("SAVEPOINT pending");
    this.savepoint = true;
  }

  /** Work on the confirmed state, then put pending above it again. */
  private beneath<T>(work: () => T, noise?: "quiet"): T {
    if (this.savepoint) {
      this.db.execute("ROLLBACK TO pending");
      this.db.execute("RELEASE pending");
      this.savepoint = false;
    }
    this.db.execute("SAVEPOINT base");
    const { head } = this;
    try {
      for (const entry of this.settled) materialize(this.db, entry.name, entry.args, this.client, this.storeSessionId);
      this.settled = [];
      return work();
    } catch (error) {
      this.db.execute("ROLLBACK TO base");
      this.head = head;
      throw error;
    } finally {
      this.db.execute("RELEASE base");
      if (this.pending.length > 0) this.open();
      for (const entry of this.pending) this.apply(entry, noise);
    }
  }

  /** Without pending events nothing needs to be rolled back any more. */
  private release(): void {
    if (this.pending.length > 0 || !this.savepoint) return;
    this.db.execute("RELEASE pending");
    this.savepoint = false;
    this.settled = [];
  }
}
