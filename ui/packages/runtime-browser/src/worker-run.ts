// One worker from its frame to its end: its port is served, cancels are carried out on it, and its session is watched. It
// reports one end, whatever happens, and leaves to the supervisor what to tell the notebook then.

import { type FinishStatus, type Json, queries, type TerminationReason } from "@runt/schema";
import type { Clock, RuntimeStore, Unsubscribe } from "@runt/store";
import { Cancels } from "./cancels";
import { BootTimeoutError } from "./errors";
import type { BootFiles } from "./files";
import { PortHost } from "./port";
import type { ArtifactUploads } from "./uploads";
import type { OpenWorker, WorkerHandle } from "./worker-handle";

/** How a worker's time was over. */
export type RunEnd =
  /** The agent is over, or its session, for a reason of a session's end. */
  | { readonly how: "ended"; readonly reason: string; readonly problem: string | null }
  | { readonly how: "died"; readonly message: string }
  /** What was to be cancelled did not end. */
  | { readonly how: "stuck" }
  /** The agent asks for a fresh worker. */
  | { readonly how: "restart" };

/** What is told on the execution that a worker leaves behind. */
export interface Finish {
  readonly status: FinishStatus;
  readonly errorName?: string;
  readonly errorValue?: string;
  readonly note?: string;
}

export interface RunOptions {
  readonly store: RuntimeStore;
  readonly clock: Clock;
  readonly openWorker: OpenWorker;
  readonly uploads: ArtifactUploads;
  /** Gives a file of the distribution. */
  readonly file: (name: string) => Promise<ArrayBuffer>;
  readonly config: Readonly<Record<string, Json>>;
  /** How long a cancel may take, by whether the worker can be interrupted while it is busy. */
  readonly graceMs: (isolated: boolean) => number;
  readonly bootTimeoutMs: number;
}

export interface RunEvents {
  readonly isolated: (isolated: boolean) => void;
  /** What is being done; "" when it is done. */
  readonly progress: (text: string) => void;
  readonly ready: () => void;
  /** Called at most once, and not after `end`. */
  readonly over: (end: RunEnd) => void;
}

// A session that somebody else ended: the agent may say goodbye for so long.
const GOODBYE_MS = 1_000;

export class WorkerRun {
  /** Whether the agent was ready once. */
  ready = false;
  readonly #options: RunOptions;
  readonly #events: RunEvents;
  readonly #worker: WorkerHandle;
  readonly #cancels: Cancels;
  readonly #timers = new Set<() => void>();
  #host: PortHost | null = null;
  #isolated = false;
  #followed: string | null = null;
  #unfollow: Unsubscribe = () => {};
  #over = false;

  /** Opens the frame. */
  constructor(options: RunOptions, events: RunEvents) {
    this.#options = options;
    this.#events = events;
    this.#cancels = new Cancels(options.store, options.clock, () => options.graceMs(this.#isolated), {
      interrupt: (number) => {
        // Shared memory reaches a busy thread, the message one that waits on its event loop.
        this.#worker.interrupt(number);
        this.#host?.interrupt(number);
      },
      stuck: () => this.#report({ how: "stuck" }),
    });
    this.#worker = options.openWorker({
      started: (isolated) => {
        this.#isolated = isolated;
        events.isolated(isolated);
      },
      failed: (message) => this.#report({ how: "died", message }),
    });
    this.#after(options.bootTimeoutMs, () => {
      if (!this.ready) this.#report({ how: "died", message: new BootTimeoutError(options.bootTimeoutMs).message });
    });
  }

  get sessionId(): string | null {
    return this.#host?.sessionId ?? null;
  }

  /** Start the worker with these files, and serve it. */
  boot(files: BootFiles): void {
    const { store, clock, uploads, file, config } = this.#options;
    this.#host = new PortHost(this.#worker.port, store, {
      policy: "runtime",
      clock,
      uploads,
      file,
      welcome: { config },
      onTaken: (units) => this.#worker.taken(units),
      onInputReply: (id, text, problem) => this.#worker.reply(id, text, problem),
      onProgress: (text) => this.#events.progress(text),
      onRestartWanted: () => this.#report({ how: "restart" }),
      onEnded: (reason, problem) => this.#report({ how: "ended", reason, problem }),
      onIdle: () => this.#cancels.idle(),
      onBusy: (busy) => {
        this.#follow();
        this.#cancels.busy(busy);
      },
      onPhase: (phase) => {
        this.#follow();
        if (phase !== "ready" || this.#over) return;
        this.ready = true;
        this.#events.ready();
      },
    });
    this.#worker.boot(files);
  }

  /** Ask the agent to end, and cancel what runs, so that it can. It ends by itself, or `late` is called. */
  stop(graceMs: number, late: () => void): void {
    this.#host?.stop();
    this.#cancels.cancelRunning();
    this.#after(graceMs, late);
  }

  /**
   * End the worker at once, and free all that belongs to it. Calling it again does nothing.
   *
   * @param finish - how its running execution is finished, if there is one
   * @param reason - told as its session's end, unless the session is over
   */
  end(finish: Finish, reason: TerminationReason): void {
    this.#over = true;
    this.#unfollow();
    this.#cancels.close();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
    this.#host?.finishFor(finish.status, finish.errorName, finish.errorValue, finish.note);
    this.#host?.terminate(reason);
    this.#host?.close();
    this.#host = null;
    this.#worker.close();
  }

  /** Watch the session that the agent has now: it may begin another one. */
  #follow(): void {
    const sessionId = this.sessionId;
    if (sessionId === null || sessionId === this.#followed) return;
    this.#followed = sessionId;
    this.#cancels.follow(sessionId);
    this.#unfollow();
    const see = (reason: string | null): void => {
      // The agent begins anew after a loss, as soon as it has its thread back.
      if (reason === "lost") this.#cancels.cancelRunning();
      else if (reason !== null) this.#after(GOODBYE_MS, () => this.#report({ how: "ended", reason, problem: null }));
    };
    this.#unfollow = this.#options.store.subscribe(
      queries.session,
      { sessionId },
      ([row]) => see(row?.status === "terminated" ? (row.endedReason ?? "shutdown") : null),
      { confirmed: true },
    );
  }

  #after(ms: number, act: () => void): void {
    const cancel = this.#options.clock.setTimer(ms, () => {
      this.#timers.delete(cancel);
      act();
    });
    this.#timers.add(cancel);
  }

  #report(end: RunEnd): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.over(end);
  }
}
