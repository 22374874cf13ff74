// The supervisor of a notebook's runtime in its page: it starts a worker, watches it, and speaks for it when it cannot.
// The agent in the worker shares its thread with people's code; everything that must happen anyway happens here.

import type { Json } from "@runt/schema";
import { type Clock, type LiveMessage, type RuntimeGuest, type RuntimeStore, systemClock } from "@runt/store";
import { type Distribution, fetchBootFiles, fetchDistribution, fetchFile } from "./files";
import { downloadInWords, OFF, type RuntimeState } from "./state";
import { type ArtifactUploads, HttpUploads } from "./uploads";
import type { OpenWorker } from "./worker-handle";
import { type Finish, type RunEnd, WorkerRun } from "./worker-run";

export type RuntimeKind = "python" | "echo" | "html";

/** What the supervisor needs of the page's store: ours is one, @runt/livestore makes one of a LiveStore store. */
export interface RuntimeHome extends Pick<RuntimeStore, "commit" | "newId"> {
  /** Open a store session for a runtime. What is thrown says why this store cannot have one. */
  openGuest(): RuntimeGuest;
}

export interface BrowserRuntimeOptions {
  readonly notebookId: string;
  /** Makes frames; `openFrame` in a page. */
  readonly openWorker: OpenWorker;
  /** Stays the same over reloads of one tab, so that a reload may replace its own session. */
  readonly runtimeId?: string;
  /** Where the distribution's index is. */
  readonly distribution?: string;
  /** How long a cancelled execution may take before its worker is ended; without isolation at most 1 s. */
  readonly cancelGraceMs?: number;
  readonly bootTimeoutMs?: number;
  readonly clock?: Clock;
  readonly uploads?: ArtifactUploads;
  readonly fetch?: typeof fetch;
  /** Where `pagehide` is heard, and what the worker's settings are read from. */
  readonly page?: PageSurroundings;
}

/** The page around the runtime. */
export interface PageSurroundings {
  readonly events: EventTarget;
  /** The page's address. */
  readonly href: string;
  /** Settings that this browser keeps, by key. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface StartOptions {
  readonly kind?: RuntimeKind;
  /** Whether another active runtime is replaced: a person's wish, never an automatic start's. */
  readonly takeover?: boolean;
}

const DRAWN_BYTES = 1024 * 1024;
const UNISOLATED_GRACE_MS = 1_000;
const STOP_GRACE_MS = 5_000;
const DEATHS = 3;
const DEATHS_WITHIN_MS = 60_000;

/** Ends of a session that are nobody's fault. */
const SESSION_ENDS: ReadonlySet<string> = new Set(["shutdown", "displaced", "refused", "evicted", "lost", "restart"]);
const CANCELLED: Finish = { status: "cancelled" };
const RESTARTED: Finish = { status: "error", errorName: "RuntimeRestarted", errorValue: "the runtime was restarted" };

/** What lives from a start to the next stop: one guest of the store, and one worker after another. */
interface Tenure {
  readonly kind: RuntimeKind;
  readonly guest: RuntimeGuest;
  readonly abort: AbortController;
  readonly release: () => void;
  distribution: Distribution | null;
  run: WorkerRun | null;
}

export class BrowserRuntime {
  readonly #store: RuntimeHome;
  readonly #options: BrowserRuntimeOptions;
  readonly #clock: Clock;
  readonly #uploads: ArtifactUploads;
  readonly #fetch: typeof fetch;
  readonly #page: PageSurroundings;
  readonly #runtimeId: string;
  readonly #listeners = new Set<() => void>();
  #state = OFF;
  #tenure: Tenure | null = null;
  #deaths: number[] = [];
  #settled: (() => void)[] = [];

  constructor(store: RuntimeHome, options: BrowserRuntimeOptions) {
    this.#store = store;
    this.#options = options;
    this.#clock = options.clock ?? systemClock();
    this.#uploads = options.uploads ?? new HttpUploads({ notebookId: options.notebookId, clock: this.#clock });
    this.#fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init));
    this.#page = options.page ?? thisPage();
    this.#runtimeId = options.runtimeId ?? store.newId();
  }

  /** The state now; the same object until something in it changes. */
  get state(): RuntimeState {
    return this.#state;
  }

  /** Call back on every change of the state. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Become the notebook's runtime. Settles when it is ready, or when that will not be; the state says which. */
  start(options: StartOptions = {}): Promise<void> {
    if (this.#tenure === null) {
      let guest: RuntimeGuest;
      try {
        guest = this.#store.openGuest();
      } catch (error) {
        this.#set({ ...OFF, status: "failed", error: error instanceof Error ? error.message : String(error) });
        return Promise.resolve();
      }
      const abort = new AbortController();
      this.#tenure = { kind: options.kind ?? "python", guest, abort, release: this.#listen(guest), distribution: null, run: null };
      this.#deaths = [];
      this.#set({ ...OFF, status: "loading", progress: { text: "Downloading Python", fraction: null }, isolated: this.#state.isolated });
      void this.#launch(this.#tenure, options.takeover ?? true);
    }
    return this.#untilSettled();
  }

  /** End it: what runs is cancelled, the session is over. Settles when nothing of it is left. */
  stop(): Promise<void> {
    const run = this.#tenure?.run;
    if (this.#tenure === null) return Promise.resolve();
    if (this.#state.status === "ready" && run) {
      this.#set({ status: "stopping", progress: null });
      run.stop(STOP_GRACE_MS, () => this.#off("shutdown"));
    } else if (this.#state.status !== "stopping") this.#off("shutdown");
    return this.#untilSettled();
  }

  /** Cancel all open executions, as a person's wish: what runs is interrupted. */
  interrupt(): void {
    void this.#store.commit("v1.ExecutionCancelRequested", { all: true, reason: "person" });
  }

  /** Begin anew with a fresh worker; from off or failed it is a start. Settles like one. */
  restart(): Promise<void> {
    const tenure = this.#tenure;
    if (tenure === null) return this.start();
    if (this.#state.status === "ready") this.#relaunch(tenure, RESTARTED, "restart");
    return this.#untilSettled();
  }

  /** End it at once, because its page or its notebook is being left. */
  dispose(): void {
    if (this.#tenure !== null) this.#off("left");
  }

  // --- starting workers

  async #launch(tenure: Tenure, takeover: boolean): Promise<void> {
    const { abort, guest } = tenure;
    const { signal } = abort;
    const run = new WorkerRun(
      {
        store: guest,
        clock: this.#clock,
        openWorker: this.#options.openWorker,
        uploads: this.#uploads,
        file: (name) => this.#file(tenure, name),
        config: this.#config(tenure.kind, takeover),
        graceMs: (isolated) => this.#graceMs(isolated),
        bootTimeoutMs: this.#options.bootTimeoutMs ?? 5 * 60_000,
      },
      {
        isolated: (isolated) => this.#set({ isolated }),
        progress: (text) => this.#set({ progress: text === "" ? null : { text, fraction: null } }),
        ready: () => this.#set({ status: "ready", progress: null }),
        over: (end) => this.#over(tenure, end),
      },
    );
    tenure.run = run;
    try {
      const index = new URL(this.#options.distribution ?? "/pyodide/index.json", this.#page.href).href;
      const options = { fetch: this.#fetch, signal };
      const distribution = await fetchDistribution(index, options);
      let told = -DRAWN_BYTES;
      const onProgress = (loaded: number, total: number | null): void => {
        // Chunks come by the hundred, and drawing each would take its time from the start itself.
        if (tenure.run !== run || (loaded - told < DRAWN_BYTES && loaded !== total)) return;
        told = loaded;
        this.#set({ progress: downloadInWords(loaded, total) });
      };
      const files = await fetchBootFiles(distribution, { ...options, onProgress });
      if (tenure.run !== run) return;
      tenure.distribution = distribution;
      this.#set({
        status: this.#state.status === "loading" ? "starting" : this.#state.status,
        progress: { text: "Starting Python", fraction: null },
      });
      run.boot(files);
    } catch (error) {
      if (tenure.run === run) this.#fail(tenure, error instanceof Error ? error.message : String(error));
    }
  }

  #config(kind: RuntimeKind, takeover: boolean): Readonly<Record<string, Json>> {
    const defaults = { runtime: kind, "runtime-id": this.#runtimeId, takeover };
    return { search: new URL(this.#page.href).search, storage: this.#page.settings, defaults };
  }

  #graceMs(isolated: boolean): number {
    const graceMs = this.#options.cancelGraceMs ?? 5_000;
    return isolated ? graceMs : Math.min(graceMs, UNISOLATED_GRACE_MS);
  }

  #file(tenure: Tenure, name: string): Promise<ArrayBuffer> {
    if (tenure.distribution === null) return Promise.reject(new Error(`${name}: the distribution is not known yet`));
    return fetchFile(tenure.distribution, name, { fetch: this.#fetch, signal: tenure.abort.signal });
  }

  /** End this worker, tell how it left its execution, and begin with a fresh one: a new session of the same guest. */
  #relaunch(tenure: Tenure, finish: Finish, reason: "restart" | "crashed"): void {
    const run = tenure.run;
    tenure.run = null;
    run?.end(finish, reason);
    this.#set({ status: "restarting", progress: { text: "Starting Python anew", fraction: null } });
    void this.#launch(tenure, false);
  }

  // --- how workers end

  #over(tenure: Tenure, end: RunEnd): void {
    if (this.#state.status === "stopping") this.#off("shutdown");
    else if (end.how === "restart") this.#relaunch(tenure, RESTARTED, "restart");
    else if (end.how === "stuck") this.#relaunch(tenure, { ...CANCELLED, note: this.#stuckNote() }, "restart");
    else if (end.how === "died") this.#died(tenure, end.message);
    else if (SESSION_ENDS.has(end.reason)) this.#off(end.reason);
    else if (end.reason === "crashed" || end.reason === "failed") this.#died(tenure, end.problem ?? "the runtime ended by itself");
    else this.#fail(tenure, end.problem ?? `The runtime ended: ${end.reason}`);
  }

  #stuckNote(): string {
    const isolated = this.#state.isolated ?? false;
    const waited = `this did not stop within ${this.#graceMs(isolated) / 1000} s`;
    const why = isolated ? "" : " (this page is not cross-origin isolated, so busy code in it cannot be interrupted)";
    return `${waited}${why}: Python was started anew and its variables are gone`;
  }

  #died(tenure: Tenure, message: string): void {
    const nowMs = this.#clock.monotonicMs();
    this.#deaths = [...this.#deaths.filter((atMs) => nowMs - atMs < DEATHS_WITHIN_MS), nowMs];
    if (tenure.run?.ready !== true) this.#fail(tenure, message);
    else if (this.#deaths.length >= DEATHS) this.#fail(tenure, `Python died ${DEATHS} times within a minute. The last time: ${message}`);
    else this.#relaunch(tenure, crashed(message), "crashed");
  }

  #fail(tenure: Tenure, error: string): void {
    this.#free(tenure, crashed(error), "crashed");
    this.#set({ status: "failed", progress: null, error });
  }

  #off(reason: string): void {
    if (this.#tenure !== null) this.#free(this.#tenure, CANCELLED, "shutdown");
    this.#set({ status: "off", progress: null, endedReason: reason });
  }

  #free(tenure: Tenure, finish: Finish, reason: "shutdown" | "crashed"): void {
    const { run } = tenure;
    this.#tenure = null;
    tenure.run = null;
    tenure.abort.abort();
    tenure.release();
    run?.end(finish, reason);
    tenure.guest.close();
  }

  // --- what others want

  #listen(guest: RuntimeGuest): () => void {
    const leave = (): void => this.dispose();
    this.#page.events.addEventListener("pagehide", leave);
    const stops = [
      guest.onLive("runtime.restart", (message) => this.#hear(message, "restart")),
      guest.onLive("runtime.stop", (message) => this.#hear(message, "stop")),
    ];
    return () => {
      this.#page.events.removeEventListener("pagehide", leave);
      for (const stop of stops) stop();
    };
  }

  #hear({ data }: LiveMessage, wish: "restart" | "stop"): Json {
    const wanted = typeof data === "object" && data !== null && "sessionId" in data ? data.sessionId : null;
    const sessionId = this.#tenure?.run?.sessionId ?? null;
    if (sessionId === null || wanted !== sessionId) return { ok: false, problem: `this runtime's session is ${sessionId ?? "not begun"}` };
    const { status } = this.#state;
    if (wish === "restart" && status !== "ready") return { ok: false, problem: `the runtime is ${status}` };
    // After the answer is on its way.
    queueMicrotask(() => void (wish === "restart" ? this.restart() : this.stop()));
    return { ok: true };
  }

  // --- the state

  #set(change: Partial<RuntimeState>): void {
    this.#state = { ...this.#state, ...change };
    const { status } = this.#state;
    if (status === "ready" || status === "off" || status === "failed") for (const settle of this.#settled.splice(0)) settle();
    for (const listener of [...this.#listeners]) listener();
  }

  #untilSettled(): Promise<void> {
    const { status } = this.#state;
    if (status === "ready" || status === "off" || status === "failed") return Promise.resolve();
    return new Promise((resolve) => this.#settled.push(resolve));
  }
}

function crashed(message: string): Finish {
  return { status: "error", errorName: "RuntimeCrashed", errorValue: `the runtime died, and its variables are gone: ${message}` };
}

const SETTINGS_PREFIX = "runt.runtime.";

function thisPage(): PageSurroundings {
  const keys = Array.from(localStorage, (_, place) => localStorage.key(place) ?? "").filter((key) => key.startsWith(SETTINGS_PREFIX));
  const settings = Object.fromEntries(keys.map((key) => [key, localStorage.getItem(key) ?? ""]));
  return { events: window, href: location.href, settings };
}
