// What one worker's half of the page commits: in order, counted until it is decided, and nothing any more once it is closed.

import { type EventArgs, type EventName, InvalidEventError, type RejectCode } from "@runt/schema";
import { type Receipt, RejectedError, type RuntimeStore } from "@runt/store";

/** An event that will never be recorded. */
export interface Refusal {
  readonly code: RejectCode;
  readonly message: string;
}

/** What became of an event. */
export type Decision = { readonly seq: number; readonly applied: boolean } | Refusal;

/** How much of what one worker sent may be on its way, in bytes. */
export interface Bounds {
  /** Above so much undecided output a worker is told to wait: whatever comes after it waits until it has been sent. */
  readonly wait: number;
  /** The same while there is no connection: so much waits here, and the cell runs on. */
  readonly waitOffline: number;
  /** Above so much, undecided or waiting for an upload, more output is not taken. */
  readonly output: number;
  /** Above so much nothing is taken: what ends executions and sessions has room even when output has none. */
  readonly total: number;
}

const MIB = 1024 * 1024;

export const BOUNDS: Bounds = { wait: MIB, waitOffline: 8 * MIB, output: 64 * MIB, total: 72 * MIB };

// Estimate of an event's names and ids, so that many empty events count too.
const EVENT_OVERHEAD_BYTES = 256;

export class Outbox {
  /** Estimated size of what the authority has not decided. */
  undecidedBytes = 0;
  readonly bounds: Bounds;

  private readonly store: RuntimeStore;
  private readonly onDecided: () => void;
  private closed = false;

  /** @param onDecided - called after each decision, when `undecidedBytes` may be less; not after `close` */
  constructor(store: RuntimeStore, bounds: Bounds, onDecided: () => void) {
    this.store = store;
    this.bounds = bounds;
    this.onDecided = onDecided;
  }

  /** Whether the worker is to wait. */
  get isFull(): boolean {
    const { wait, waitOffline } = this.bounds;
    return this.undecidedBytes > (this.store.status.connected ? wait : waitOffline);
  }

  /**
   * Commit an event; whoever commits for user code looks at the bounds before.
   *
   * @returns a refusal when nothing was committed, else what the authority will decide; it never throws or fails
   */
  commit<N extends EventName>(name: N, args: EventArgs[N], sizeBytes: number): Promise<Decision> | Refusal {
    if (this.closed) return { code: "forbidden", message: "this runtime is over" };
    let receipt: Receipt;
    try {
      receipt = this.store.commit(name, args);
    } catch (error) {
      return refusalOf(error);
    }
    const bytes = sizeBytes + EVENT_OVERHEAD_BYTES;
    this.undecidedBytes += bytes;
    const decided = <D extends Decision>(decision: D): D => {
      this.undecidedBytes -= bytes;
      if (!this.closed) this.onDecided();
      return decision;
    };
    return Promise.resolve(receipt.then<Decision, Decision>(decided, (error: unknown) => decided(refusalOf(error))));
  }

  /** Commit nothing from now on; what was committed is the store's. */
  close(): void {
    this.closed = true;
  }
}

/** The refusal of what would be one too many on the way. */
export const TOO_MUCH: Refusal = { code: "too-large", message: "too much is on its way to the server" };

/** Tell a refusal from a decision under way. */
export function isRefusal(sent: Promise<Decision> | Refusal | Decision): sent is Refusal {
  return "code" in sent;
}

function refusalOf(error: unknown): Refusal {
  if (error instanceof RejectedError) return { code: error.code, message: error.message };
  const message = error instanceof Error ? error.message : String(error);
  // What else the store throws is about itself: it is closed or broken.
  return { code: error instanceof InvalidEventError ? "invalid" : "forbidden", message };
}
