// Sees cancels through: a wish is remembered for its execution, carried out as soon as that execution is known to run, and
// never upon another one. Whoever does not end within the grace time is reported as stuck.

import { queries } from "@runt/schema";
import type { Clock, RuntimeStore, Unsubscribe } from "@runt/store";
import type { Busy } from "./life";

export interface CancelActions {
  /** Interrupt what runs under this number. */
  readonly interrupt: (number: number) => void;
  /** What was to be cancelled did not end in time. */
  readonly stuck: () => void;
}

interface Wish {
  readonly forget: () => void;
  /** Comes from the session's rows, and ends with them; others end when the execution does. */
  readonly ofRows: boolean;
}

export class Cancels {
  readonly #store: RuntimeStore;
  readonly #clock: Clock;
  readonly #graceMs: () => number;
  readonly #actions: CancelActions;
  readonly #wishes = new Map<string, Wish>();
  #running: Busy | null = null;
  #unsubscribe: Unsubscribe = () => {};

  constructor(store: RuntimeStore, clock: Clock, graceMs: () => number, actions: CancelActions) {
    this.#store = store;
    this.#clock = clock;
    this.#graceMs = graceMs;
    this.#actions = actions;
  }

  /** Watch this session's work, before it is confirmed too: a person who presses stop does not wait for the server. */
  follow(sessionId: string): void {
    this.#unsubscribe();
    this.#unsubscribe = this.#store.subscribe(queries.sessionWork, { sessionId }, (rows) => {
      const cancelling = new Set(rows.filter((row) => row.status === "cancelling").map((row) => row.id));
      for (const [id, wish] of this.#wishes) if (wish.ofRows && !cancelling.has(id)) this.#forget(id);
      for (const id of cancelling) this.#wish(id, true);
    });
  }

  /** User code of this execution may run from now on. */
  busy(running: Busy): void {
    this.#running = running;
    if (this.#wishes.has(running.execution)) this.#actions.interrupt(running.number);
  }

  /** It no longer runs; one that is cancelled still has to be finished. */
  idle(): void {
    const execution = this.#running?.execution;
    this.#running = null;
    if (execution !== undefined && this.#wishes.get(execution)?.ofRows === false) this.#forget(execution);
  }

  /** Cancel what runs, whatever its row says. */
  cancelRunning(): void {
    if (this.#running !== null) this.#wish(this.#running.execution, false);
  }

  close(): void {
    this.#unsubscribe();
    for (const id of [...this.#wishes.keys()]) this.#forget(id);
  }

  #wish(execution: string, ofRows: boolean): void {
    if (this.#wishes.has(execution)) return;
    const forget = this.#clock.setTimer(this.#graceMs(), () => this.#actions.stuck());
    this.#wishes.set(execution, { forget, ofRows });
    if (this.#running?.execution === execution) this.#actions.interrupt(this.#running.number);
  }

  #forget(execution: string): void {
    this.#wishes.get(execution)?.forget();
    this.#wishes.delete(execution);
  }
}
