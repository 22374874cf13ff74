// A LiveStore store as the home of a runtime in its page: what @runt/runtime-browser asks of a page's store.
//
// LiveStore tells nobody what became of an event at the backend: `isSynced` ends at the leader. So a store that syncs needs a
// second connection, a store of ours on the same notebook. It hears the log in its order, which gives receipts and confirmed
// rows, and its socket is the lease of LiveStore's session. A store that does not sync is its own authority.

import { type Store as LiveStore, type LiveStoreEvent, queryDb, Schema } from "@livestore/livestore";
import { Effect } from "@livestore/utils/effect";
import {
  checkArgs,
  DEFAULT_LIMITS,
  type EventArgs,
  type EventName,
  type Json,
  type Query,
  queries,
  type SqlValue,
  uuid7,
} from "@runt/schema";
import {
  type LiveHandler,
  PendingReceipts,
  type ReadOptions,
  type Receipt,
  RejectedError,
  type RuntimeGuest,
  type Store,
  StoreClosedError,
  type StoreStatus,
  type Unsubscribe,
} from "@runt/store";
import { alone, type Beside, besides } from "./beside";
import { type Author, authorOf } from "./envelope";
import type { schema } from "./livestore.gen";
import { dollars, guardHolds, pick } from "./rule";

/** A LiveStore store of a notebook. */
export type NotebookLiveStore = LiveStore<typeof schema>;

export interface HomeOptions {
  /** A store of ours on the same notebook, for a LiveStore store that syncs with our server. Whoever opened it closes it. */
  readonly side?: Store;
  /** Says that the LiveStore store syncs with nobody, and so decides for itself. */
  readonly alone?: boolean;
}

/** Why a LiveStore store cannot have a runtime. */
export class NoAuthorityError extends Error {
  override readonly name = "NoAuthorityError";
}

type Row = Readonly<Record<string, SqlValue>>;
type FromLog = NonNullable<Beside["subscribe"]>;

// LiveStore's cost is by the event, not by the byte.
const TEXT_INTERVAL_MS = 100;
/** So often it is looked whether LiveStore has pulled what the side connection has heard. */
const LOOK_MS = 10;
/** A LiveStore store that is behind for so long, or has no connection, is not waited for. */
const MOST_BEHIND_MS = 5_000;
const Rows = Schema.Array(Schema.Any);

export class LiveStoreHome {
  readonly #store: NotebookLiveStore;
  readonly #options: HomeOptions;
  readonly #author: Author;

  constructor(store: NotebookLiveStore, options: HomeOptions) {
    this.#store = store;
    this.#options = options;
    this.#author = authorOf(store);
  }

  /** Commit as the page itself does; only a guest's receipts are ever settled. */
  commit<N extends EventName>(name: N, args: EventArgs[N]): Receipt {
    commitTo(this.#store, name, args);
    return new PendingReceipts().open(0, name);
  }

  newId(): string {
    return newId();
  }

  /**
   * Open the session of a runtime.
   *
   * @throws NoAuthorityError - nobody could tell it what becomes of its events
   */
  openGuest(): LiveStoreGuest {
    const { side, alone: isAlone } = this.#options;
    const { storeSessionId } = this.#author;
    if (side !== undefined) {
      if (side.user?.role === "viewer") throw new NoAuthorityError("Who may only look at a notebook cannot run it.");
      return new LiveStoreGuest(this.#store, this.#author, (hear) => besides(side, storeSessionId, hear));
    }
    if (isAlone !== true) {
      const what = "This page's LiveStore store may sync, and then nobody tells it whether a cell may start";
      throw new NoAuthorityError(`${what}. Give it a side connection to the notebook's server, or say that it is alone.`);
    }
    if (syncs(this.#store)) {
      const what = "This page's LiveStore store syncs with a server, so it cannot decide for itself whether a cell may start";
      throw new NoAuthorityError(`${what}. Give it a side connection to that server.`);
    }
    this.#endEarlierLives();
    return new LiveStoreGuest(this.#store, this.#author, () => alone());
  }

  /** An authority ends the sessions of its earlier lives: nobody else would. */
  #endEarlierLives(): void {
    for (const { sessionId, storeSessionId } of read(this.#store, queries.activeSession, {}) as readonly Row[]) {
      if (storeSessionId !== this.#author.storeSessionId) {
        commitTo(this.#store, "v1.RuntimeSessionTerminated", { sessionId: String(sessionId), reason: "crashed" });
      }
    }
  }
}

/** What waits for its place in the log: events of one session keep their order, so only the first can be the next. */
interface Waiting {
  readonly n: number;
  readonly name: string;
  readonly args: string;
}

export class LiveStoreGuest implements RuntimeGuest {
  readonly textIntervalMs = TEXT_INTERVAL_MS;

  readonly #store: NotebookLiveStore;
  readonly #author: Author;
  readonly #beside: Beside;
  readonly #receipts = new PendingReceipts();
  readonly #waiting: Waiting[] = [];
  readonly #subscriptions = new Set<Unsubscribe>();
  readonly #listeners = new Set<(status: StoreStatus) => void>();
  #n = 0;
  #closed = false;

  /** @internal Use `LiveStoreHome.openGuest`. */
  constructor(store: NotebookLiveStore, author: Author, stand: (hear: (event: Confirmed) => void) => Beside) {
    this.#store = store;
    this.#author = author;
    this.#beside = stand((event) => this.#confirmed(event));
    this.#subscriptions.add(this.#beside.subscribeStatus(() => this.#tell()));
  }

  get storeSessionId(): string {
    return this.#author.storeSessionId;
  }

  get clientId(): string {
    return this.#author.clientId;
  }

  get status(): StoreStatus {
    return { ...this.#beside.status(), pending: this.#receipts.size };
  }

  commit<N extends EventName>(name: N, args: EventArgs[N]): Receipt {
    if (this.#closed) throw new StoreClosedError(name);
    checkArgs(name, args);
    const text = canonical(args);
    const bytes = name.length + new TextEncoder().encode(text).length;
    // The server would refuse it, and LiveStore would then push nothing else for ever.
    if (bytes > DEFAULT_LIMITS.eventBytes) {
      const why = `it has ${bytes} bytes, at most ${DEFAULT_LIMITS.eventBytes} are taken`;
      return this.#receipts.refuse(new RejectedError(name, "too-large", why));
    }
    const store = this.#store;
    const event = { clientId: store.clientId, sessionId: store.sessionId };
    const applied = this.#beside.decides && guardHolds(name, args, event, (query: unknown) => rowsOf(store, query));
    commitTo(store, name, args);
    this.#n += 1;
    const receipt = this.#receipts.open(this.#n, name);
    if (this.#beside.decides) this.#receipts.settle(this.#n, { seq: this.#n, applied });
    else this.#waiting.push({ n: this.#n, name, args: text });
    queueMicrotask(() => this.#tell());
    return receipt;
  }

  subscribe<R, P>(query: Query<R, P>, params: NoInfer<P>, callback: (rows: readonly R[]) => void, options?: ReadOptions): Unsubscribe {
    if (this.#closed) return () => {};
    const fromLog = options?.confirmed === true ? this.#beside.subscribe : null;
    const end = fromLog !== null ? this.#follow(fromLog, query, params, callback) : this.#watch(query, params, callback);
    const stop = (): void => {
      this.#subscriptions.delete(stop);
      end();
    };
    this.#subscriptions.add(stop);
    return stop;
  }

  subscribeStatus(callback: (status: StoreStatus) => void): Unsubscribe {
    this.#listeners.add(callback);
    queueMicrotask(() => this.#listeners.has(callback) && callback(this.status));
    return () => this.#listeners.delete(callback);
  }

  onLive(topic: string, handler: LiveHandler): Unsubscribe {
    return this.#beside.onLive(topic, handler);
  }

  sendLive(topic: string, data: Json, options?: { readonly to?: string }): Promise<Json> {
    return this.#beside.sendLive(topic, data, options);
  }

  newId(): string {
    return newId();
  }

  /** End: the lease is given up, nobody is called back. What was committed is LiveStore's to push. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const stop of [...this.#subscriptions]) stop();
    this.#listeners.clear();
    this.#beside.close();
    this.#receipts.failAll((name) => new StoreClosedError(name));
  }

  /**
   * Confirmed rows, when LiveStore has the events behind them, too: the answer to an event that it has yet to pull would be rebased
   * over that event, and what 0.4.0 is given during a rebase it sends but may leave out of its own tables.
   */
  #follow<R, P>(fromLog: FromLog, query: Query<R, P>, params: P, callback: (rows: readonly R[]) => void): Unsubscribe {
    let held: { readonly rows: readonly R[]; readonly head: number; readonly untilMs: number } | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = (): void => {
      if (held === null) return;
      if (pulledBy(this.#store) < held.head && performance.now() < held.untilMs) {
        timer = setTimeout(look, LOOK_MS);
        return;
      }
      const { rows } = held;
      held = null;
      callback(rows);
    };
    const end = fromLog(query, params, (rows: readonly R[]) => {
      held = { rows, head: this.#beside.status().head, untilMs: held?.untilMs ?? performance.now() + MOST_BEHIND_MS };
      clearTimeout(timer);
      look();
    });
    return () => {
      clearTimeout(timer);
      end();
    };
  }

  #watch<R, P>(query: Query<R, P>, params: P, callback: (rows: readonly R[]) => void): Unsubscribe {
    const bindValues = pick(query, params as Row);
    const raw = { query: dollars(query.sql), bindValues, schema: Rows, queriedTables: new Set(Object.keys(query.reads)) };
    let shown = "";
    let over = false;
    const show = (found: readonly Row[]): void => {
      const rows = named(query, found);
      const text = JSON.stringify(rows);
      if (text === shown) return;
      shown = text;
      // Not from within LiveStore's own refresh, in which nothing may be committed.
      queueMicrotask(() => over || callback(rows as readonly R[]));
    };
    const stop = this.#store.subscribe(queryDb(raw, { deps: [query.name, JSON.stringify(bindValues)] }), show);
    return () => {
      over = true;
      stop();
    };
  }

  #confirmed({ name, args, seq, applied }: Confirmed): void {
    const [first] = this.#waiting;
    // Others of this session are the page's own.
    if (first === undefined || first.name !== name || first.args !== canonical(args)) return;
    this.#waiting.shift();
    this.#receipts.settle(first.n, { seq, applied });
    this.#tell();
  }

  #tell(): void {
    if (this.#closed) return;
    const { status } = this;
    for (const listener of [...this.#listeners]) listener(status);
  }
}

/** An event of this session where it stands in the log. */
export interface Confirmed {
  readonly name: string;
  readonly args: object;
  readonly seq: number;
  readonly applied: boolean;
}

function commitTo<N extends EventName>(store: NotebookLiveStore, name: N, args: EventArgs[N]): void {
  store.commit({ name, args } as unknown as LiveStoreEvent.Input.ForSchema<typeof schema>);
}

function rowsOf(store: NotebookLiveStore, query: unknown): never {
  return store.query(query as { query: string; bindValues: Record<string, SqlValue> }) as never;
}

function read(store: NotebookLiveStore, query: Query<unknown, never>, params: Row): readonly Row[] {
  return named(query, store.query<Row[]>({ query: dollars(query.sql), bindValues: pick(query, params) }));
}

/** Name columns as the catalogue does, by their place. */
function named(query: Pick<Query<unknown, never>, "columns">, rows: readonly Row[]): readonly Row[] {
  return rows.map((row) => {
    const values = Object.values(row);
    return Object.fromEntries(query.columns.map((column, place) => [column, values[place] ?? null]));
  });
}

/** Write JSON with sorted keys: LiveStore writes an event's fields in the order of its schema. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)))
      : part,
  );
}

/** How far into the notebook's log this store is. */
function pulledBy(store: NotebookLiveStore): number {
  return Number(/^e(\d+)/.exec(store.syncStatus().upstreamHead)?.[1] ?? 0);
}

function syncs(store: NotebookLiveStore): boolean {
  return Effect.runSync(store.networkStatus).isConnected;
}

function newId(): string {
  return uuid7(Date.now(), crypto.getRandomValues(new Uint8Array(10)));
}
