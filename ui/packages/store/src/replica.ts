// One replica's state: what is confirmed, with own pending events applied above it, and what changed. No I/O, no time.
//
// Pending events, of all store sessions that share the replica, stand above a savepoint in the order of their commits.
// Others' events roll it back, are applied, and pending is applied again. So does an own event that is confirmed before an
// earlier one of another session. The first pending one needs no rollback: it is `settled`, confirmed but above the savepoint.

import { type Query, type RejectCode, type SqlValue, TABLES } from "@runt/schema";
import type { Database } from "./database";
import { Dirty } from "./dirty";
import { StoreBrokenError } from "./errors";
import { type Args, clearState, createState, materialize, type Row, readRows } from "./state";

/** An event of a store session of this page that the authority has not decided yet. */
export interface PendingEvent {
  readonly storeSessionId: string;
  readonly n: number;
  readonly name: string;
  readonly args: Args;
}

/** A confirmed event. */
export interface ConfirmedEvent extends PendingEvent {
  readonly clientId: string;
}

/** What comes from the authority, in its order. */
export type Incoming =
  | { readonly kind: "event"; readonly seq: number; readonly event: ConfirmedEvent }
  | { readonly kind: "ack"; readonly seq: number; readonly storeSessionId: string; readonly n: number }
  /** An own event that the image held from which this state began. */
  | { readonly kind: "included"; readonly seq: number; readonly storeSessionId: string; readonly n: number }
  | { readonly kind: "reject"; readonly storeSessionId: string; readonly n: number; readonly code: RejectCode; readonly message: string }
  | { readonly kind: "reset" };

/** An event of another store's session, where it stands in the log. */
export interface Witnessed {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly seq: number;
  readonly applied: boolean;
}

/** What became of an own event: confirmed at `seq`, or gone. Whether an image applied it, nobody knows (`null`). */
export type Decided =
  | { readonly storeSessionId: string; readonly n: number; readonly seq: number; readonly applied: boolean | null }
  | { readonly storeSessionId: string; readonly n: number; readonly code: RejectCode; readonly message: string };

interface Entry extends PendingEvent {
  applied: boolean;
}

/** The place in the log of what may be an own event, and in whose name it stands there. */
interface Confirmation {
  readonly storeSessionId: string;
  readonly n: number;
  readonly seq: number;
  readonly clientId: string;
}

// Events that stay above the savepoint though confirmed; more make a later rollback dear.
const MOST_SETTLED = 256;

export class Replica {
  /** Number of the last confirmed event. */
  head = 0;
  /** How many confirmed events this version did not know. */
  unknown = 0;
  /** Grows whenever the state may have changed. */
  version = 0;
  /** What changed in the state with pending, and in the confirmed one, since whoever reads them last emptied them. */
  readonly dirty = new Dirty();
  readonly dirtyConfirmed = new Dirty();

  private db: Database;
  private client: string;
  private settled: Entry[] = [];
  private pending: Entry[] = [];
  private readonly sessions = new Set<string>();
  private readonly witnesses = new Map<string, (event: Witnessed) => void>();
  private seen: (() => void)[] = [];
  private savepoint = false;

  /** @param db - the state after event `head`, for 0 an empty database; this closes it */
  constructor(db: Database, clientId: string, head = 0) {
    this.db = db;
    this.client = clientId;
    this.head = head;
    if (head === 0) createState(db);
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
    this.sessions.add(event.storeSessionId);
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
      while (incoming !== undefined && this.settle(incoming, decisions)) incoming = next();
      if (incoming === undefined) return;
      this.beneath(() => {
        for (; incoming !== undefined; incoming = next()) this.take(incoming, decisions);
      });
    } finally {
      this.release();
      decisions.forEach(decided);
      for (const tell of this.seen.splice(0)) tell();
    }
  }

  /** Hear what becomes of a session's events that reach the log by another way than this store; null to hear it no more. */
  witness(storeSessionId: string, hear: ((event: Witnessed) => void) | null): void {
    if (hear === null) this.witnesses.delete(storeSessionId);
    else this.witnesses.set(storeSessionId, hear);
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

  /** Go on from another confirmed state, with the same pending events above it. */
  load(db: Database, head: number): void {
    this.version += 1;
    this.db.close();
    this.db = db;
    this.head = head;
    this.savepoint = false;
    this.settled = [];
    this.dirty.everything();
    this.dirtyConfirmed.everything();
    this.raise();
  }

  /** How large the state is. */
  get sizeBytes(): number {
    return this.db.sizeBytes;
  }

  /** Copy the confirmed state as the bytes of an SQLite database. */
  image(): Uint8Array<ArrayBuffer> {
    this.lower();
    try {
      return this.db.export();
    } finally {
      this.raise();
    }
  }

  close(): void {
    this.db.close();
  }

  private take(incoming: Incoming, decisions: Decided[]): void {
    switch (incoming.kind) {
      case "event": {
        const { event, seq } = incoming;
        if (this.confirmOwn(this.confirmation(incoming), decisions)) return;
        const applied = this.confirm(seq, event, event.clientId);
        const hear = this.witnesses.get(event.storeSessionId);
        if (hear !== undefined) this.seen.push(() => hear({ name: event.name, args: event.args, seq, applied }));
        if (applied) {
          this.dirty.note(event.name, event.args);
          this.dirty.noteMoved(event, this.pending);
          this.dirtyConfirmed.note(event.name, event.args);
        }
        return;
      }
      case "ack":
        this.confirmOwn(this.confirmation(incoming), decisions);
        return;
      case "included": {
        const { storeSessionId, n, seq } = incoming;
        if (this.withdraw(storeSessionId, n)) decisions.push({ storeSessionId, n, seq, applied: null });
        return;
      }
      case "reject": {
        const { storeSessionId, n, code, message } = incoming;
        if (this.withdraw(storeSessionId, n)) decisions.push({ storeSessionId, n, code, message });
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

  /** Confirm the first pending event where it stands, when it is the next of the log. Tells whether that was so. */
  private settle(incoming: Incoming, decisions: Decided[]): boolean {
    const [entry] = this.pending;
    if (entry === undefined || this.settled.length >= MOST_SETTLED || (incoming.kind !== "event" && incoming.kind !== "ack")) return false;
    const { storeSessionId, n, seq, clientId } = this.confirmation(incoming);
    if (entry.n !== n || entry.storeSessionId !== storeSessionId || clientId !== this.client) return false;
    this.pending.shift();
    this.settled.push(entry);
    this.head = seq;
    if (entry.applied) this.dirtyConfirmed.note(entry.name, entry.args);
    decisions.push({ storeSessionId, n, seq, applied: entry.applied });
    return true;
  }

  /** Confirm a pending event beneath the others. Tells whether there was one. */
  private confirmOwn({ storeSessionId, n, seq, clientId }: Confirmation, decisions: Decided[]): boolean {
    const place = this.placeOf(storeSessionId, n);
    const [entry] = this.pending.splice(place, 1);
    if (entry === undefined) return false;
    const before = entry.applied;
    entry.applied = this.confirm(seq, entry, clientId);
    this.notePending(entry, before);
    this.dirty.noteMoved(entry, this.pending.slice(0, place));
    if (entry.applied) this.dirtyConfirmed.note(entry.name, entry.args);
    decisions.push({ storeSessionId, n, seq, applied: entry.applied });
    return true;
  }

  /** Take a pending event away. Tells whether there was one. */
  private withdraw(storeSessionId: string, n: number): boolean {
    const [entry] = this.pending.splice(this.placeOf(storeSessionId, n), 1);
    if (entry === undefined) return false;
    this.dirty.note(entry.name, entry.args, "undone");
    return true;
  }

  private confirmation(incoming: Extract<Incoming, { readonly kind: "event" | "ack" }>): Confirmation {
    if (incoming.kind === "ack") return { ...incoming, clientId: this.client };
    const { storeSessionId, n, clientId } = incoming.event;
    return { storeSessionId, n, seq: incoming.seq, clientId };
  }

  private confirm(seq: number, event: PendingEvent, clientId: string): boolean {
    try {
      const applied = materialize(this.db, event.name, event.args, clientId, event.storeSessionId);
      if (applied === null) this.unknown += 1;
      this.head = seq;
      return applied === true;
    } catch (error) {
      throw new StoreBrokenError(seq, event.name, error);
    }
  }

  private apply(entry: Entry, noise?: "quiet"): void {
    const before = entry.applied;
    entry.applied = materialize(this.db, entry.name, entry.args, this.client, entry.storeSessionId) === true;
    if (noise === undefined) this.notePending(entry, before);
  }

  private notePending(entry: Entry, before: boolean): void {
    if (entry.applied) this.dirty.note(entry.name, entry.args, before ? "again" : "applied");
    else if (before) this.dirty.note(entry.name, entry.args, "undone");
  }

  /** The place among the pending, or, for an event that is not, one behind them. */
  private placeOf(storeSessionId: string, n: number): number {
    const is = (entry: Entry | undefined): boolean => entry?.n === n && entry.storeSessionId === storeSessionId;
    if (is(this.pending[0])) return 0;
    const place = this.sessions.has(storeSessionId) ? this.pending.findIndex(is) : -1;
    return place < 0 ? this.pending.length : place;
  }

  private open(): void {
    if (!this.savepoint) this.db.execute("SAVEPOINT pending");
    this.savepoint = true;
  }

  /** Work on the confirmed state, then put pending above it again. */
  private beneath<T>(work: () => T, noise?: "quiet"): T {
    this.lower();
    this.db.execute("SAVEPOINT base");
    const { head } = this;
    try {
      return work();
    } catch (error) {
      this.db.execute("ROLLBACK TO base");
      this.head = head;
      throw error;
    } finally {
      this.db.execute("RELEASE base");
      this.raise(noise);
    }
  }

  /** Take pending away: what is left is the confirmed state, and no transaction is open. */
  private lower(): void {
    if (!this.savepoint) return;
    this.db.execute("ROLLBACK TO pending");
    for (const entry of this.settled) materialize(this.db, entry.name, entry.args, this.client, entry.storeSessionId);
    this.settled = [];
    this.db.execute("RELEASE pending");
    this.savepoint = false;
  }

  /** Put pending above the confirmed state again. */
  private raise(noise?: "quiet"): void {
    if (this.pending.length > 0) this.open();
    for (const entry of this.pending) this.apply(entry, noise);
  }

  /** Without pending events nothing needs to be rolled back any more. */
  private release(): void {
    if (this.pending.length > 0 || !this.savepoint) return;
    this.db.execute("RELEASE pending");
    this.savepoint = false;
    this.settled = [];
  }
}
