// What the traffic tells of a worker's life: its runtime session, the execution it started, the code that runs now.

import { type EventArgs, type EventName, queries, type TerminationReason } from "@runt/schema";
import type { RuntimeStore, Unsubscribe } from "@runt/store";
import type { Fields, Phase } from "./messages";
import { type Decision, isRefusal } from "./outbox";
import { allows, type Policy } from "./policy";

/** User code runs: the execution, and its number in this worker, which an interrupt names. */
export interface Busy {
  readonly execution: string;
  readonly number: number;
}

/** An execution whose start was sent, and not refused so far. */
export interface Started {
  readonly execution: string;
  readonly session: string;
}

const MOST_REQUESTS = 1024;

export class WorkerLife {
  /** The execution that was started and is not finished. */
  started: Started | null = null;
  busy: Busy | null = null;
  phase: Phase = "new";

  private readonly store: RuntimeStore;
  private readonly requests = new Set<string>();
  private session: { readonly id: string; proven: boolean; ended: boolean } | null = null;
  private stopWatching: Unsubscribe = () => {};

  constructor(store: RuntimeStore) {
    this.store = store;
  }

  /** The session that this worker began; null when there is none, or it is another's. */
  get sessionId(): string | null {
    return this.session?.id ?? null;
  }

  /** Give the reason for the session's end that may be committed now; null when it is over. */
  endReason(wanted: TerminationReason): TerminationReason | null {
    if (this.session === null || this.session.ended) return null;
    // A crash may be told of any session of this user: only of one that is known to be this worker's.
    return wanted === "crashed" && !this.session.proven ? "shutdown" : wanted;
  }

  /** Say why an event may not be committed under a policy, or give null. */
  objection(policy: Policy, name: string, args: Fields): string | null {
    if (!allows(policy.events, name)) return `this runtime may not commit ${name}`;
    if (name === "v1.RuntimeSessionTerminated" && !this.mayEnd(policy, args.reason)) {
      return "this runtime may not end its session for that reason";
    }
    if (!policy.ownSessionOnly || name === "v1.RuntimeSessionStarted") return null;
    const own = name === "v1.InputReplied" ? this.requests.has(String(args.requestId)) : this.owns(args.sessionId);
    return own ? null : `${name} is not about this runtime's session`;
  }

  /** Tell whether a session is this worker's. */
  owns(sessionId: unknown): boolean {
    return this.session !== null && this.session.id === sessionId;
  }

  /** Learn from an event that was committed. */
  committed(name: EventName, args: EventArgs[EventName], decision: Promise<Decision>): void {
    const fields: Fields = args;
    if (name === "v1.RuntimeSessionStarted") this.begin(String(fields.sessionId));
    else if (name === "v1.RuntimeSessionTerminated" && this.session !== null) this.session.ended ||= this.session.id === fields.sessionId;
    else if (name === "v1.ExecutionStarted") this.start(fields, decision);
    else if (name === "v1.ExecutionFinished" && this.started?.execution === fields.executionId) this.started = null;
    else if (name === "v1.InputRequested" && this.requests.size < MOST_REQUESTS) this.requests.add(String(fields.requestId));
  }

  close(): void {
    this.stopWatching();
  }

  private mayEnd(policy: Policy, reason: unknown): boolean {
    if (!allows(policy.terminations, String(reason))) return false;
    return !policy.ownSessionOnly || reason !== "crashed" || this.session?.proven === true;
  }

  private begin(id: string): void {
    if (this.session?.id === id) return;
    this.stopWatching();
    const session = { id, proven: false, ended: false };
    this.session = session;
    this.stopWatching = this.store.subscribe(queries.session, { sessionId: id }, ([row]) => {
      if (row === undefined || this.session !== session) return;
      session.proven = row.storeSessionId === this.store.storeSessionId;
      // Somebody else had that id before: its session is not this worker's to speak for.
      if (!session.proven) this.session = null;
    });
  }

  private start(fields: Fields, decision: Promise<Decision>): void {
    const started = { execution: String(fields.executionId), session: String(fields.sessionId) };
    this.started = started;
    void decision.then((made) => {
      if (this.started === started && (isRefusal(made) || !made.applied)) this.started = null;
    });
  }
}
