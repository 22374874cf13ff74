// The runtime of one notebook in this tab, before and after there is one: its code is fetched at the first start, and a
// reload of the tab starts again what ran. It knows no framework.

import type { BrowserRuntime, RuntimeHome, RuntimeKind } from "./runtime";
import { OFF, type RuntimeState } from "./state";

/** What is kept over a reload, and by nothing longer than the tab. */
interface Remembered {
  readonly runtimeId: string;
  readonly kind: RuntimeKind;
  readonly running: boolean;
}

export interface TabRuntimeOptions {
  readonly notebookId: string;
  /** Makes the supervisor; fetches its code by default. */
  readonly load?: (options: { readonly notebookId: string; readonly runtimeId: string }) => Promise<BrowserRuntime>;
  readonly storage?: Storage;
  /** Whether this page was reloaded, and not opened. */
  readonly reloaded?: boolean;
}

const LOADING: RuntimeState = { ...OFF, status: "loading", progress: { text: "Loading", fraction: null } };

export class TabRuntime {
  readonly #store: RuntimeHome;
  readonly #options: TabRuntimeOptions;
  readonly #storage: Storage;
  readonly #key: string;
  readonly #listeners = new Set<() => void>();
  #state = OFF;
  #runtime: BrowserRuntime | null = null;
  /** The load that is wanted; a later wish replaces it. */
  #load: symbol | null = null;

  constructor(store: RuntimeHome, options: TabRuntimeOptions) {
    this.#store = store;
    this.#options = options;
    this.#storage = options.storage ?? sessionStorage;
    this.#key = `runt.page-runtime.${options.notebookId}`;
  }

  readonly state = (): RuntimeState => this.#state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Start, as a person's wish: another active runtime is replaced. Settles when that is done or was given up. */
  readonly start = (kind: RuntimeKind = "python"): Promise<void> => this.#start(kind, true);

  /** Stop, or give a start up. */
  readonly stop = async (): Promise<void> => {
    this.#giveUpLoading();
    await this.#runtime?.stop();
  };

  readonly restart = async (): Promise<void> => {
    if (this.#runtime === null) await this.#start(this.#remembered().kind, true);
    else await this.#runtime.restart();
  };

  readonly interrupt = (): void => this.#runtime?.interrupt();

  /** Start again what ran in this tab before it was reloaded, unless another runtime is active by now. */
  resume(): void {
    const { kind, running } = this.#remembered();
    // A duplicated tab begins with a copy of another's storage: a reload of it must not take that one's place.
    if (!(this.#options.reloaded ?? wasReloaded())) this.#storage.removeItem(this.#key);
    else if (running) void this.#start(kind, false);
  }

  /** The notebook is closed in this tab, which stays. */
  leave(): void {
    this.#giveUpLoading();
    this.#runtime?.dispose();
    this.#runtime = null;
    if (this.#state !== OFF) this.#remember({ running: false });
    this.#set(OFF);
  }

  async #start(kind: RuntimeKind, takeover: boolean): Promise<void> {
    if (this.#load !== null) return;
    this.#remember({ kind, running: true });
    const runtime = this.#runtime ?? (await this.#loaded());
    await runtime?.start({ kind, takeover });
  }

  async #loaded(): Promise<BrowserRuntime | null> {
    const load = Symbol("load");
    this.#load = load;
    this.#set(LOADING);
    const { notebookId } = this.#options;
    const options = { notebookId, runtimeId: this.#remembered().runtimeId };
    try {
      const runtime = await (this.#options.load?.(options) ?? loadRuntime(this.#store, options));
      if (this.#load !== load) return null;
      runtime.subscribe(() => this.#follow(runtime));
      this.#runtime = runtime;
      return runtime;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const problem = `The part of this page that runs Python could not be loaded: ${why}. Reload the page and try again.`;
      if (this.#load === load) this.#set({ ...OFF, status: "failed", error: problem });
      return null;
    } finally {
      if (this.#load === load) this.#load = null;
    }
  }

  #giveUpLoading(): void {
    if (this.#load === null) return;
    this.#load = null;
    this.#remember({ running: false });
    this.#set(OFF);
  }

  #follow(runtime: BrowserRuntime): void {
    if (runtime !== this.#runtime) return;
    const { state } = runtime;
    // A page that is left may be one that is reloaded.
    if (state.status === "off" && state.endedReason !== "left") this.#remember({ running: false });
    this.#set(state);
  }

  #set(state: RuntimeState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }

  #remembered(): Remembered {
    const known = parse(this.#storage.getItem(this.#key));
    return known ?? { runtimeId: this.#store.newId(), kind: "python", running: false };
  }

  #remember(change: Partial<Remembered>): void {
    this.#storage.setItem(this.#key, JSON.stringify({ ...this.#remembered(), ...change }));
  }
}

async function loadRuntime(
  store: RuntimeHome,
  options: { readonly notebookId: string; readonly runtimeId: string },
): Promise<BrowserRuntime> {
  const [{ BrowserRuntime: Runtime }, { openFrame }] = await Promise.all([import("./runtime"), import("./open-frame")]);
  return new Runtime(store, { ...options, openWorker: openFrame });
}

function wasReloaded(): boolean {
  const [navigation] = performance.getEntriesByType("navigation");
  return navigation !== undefined && "type" in navigation && navigation.type === "reload";
}

function parse(text: string | null): Remembered | null {
  if (text === null) return null;
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return null;
    const { runtimeId, kind, running } = value as Record<string, unknown>;
    const known = kind === "python" || kind === "html" || kind === "echo";
    return typeof runtimeId === "string" && known && typeof running === "boolean" ? { runtimeId, kind, running } : null;
  } catch {
    return null;
  }
}
