// The store of a page: one replica of a notebook, its receipts and subscriptions, and its connection to the backend.
// This is the composition: what is decided stands in replica, protocol and subscriptions; here it meets time and callbacks.

import { checkArgs, type EventArgs, type EventName, type Json, type Query, SERVER_CLIENT_ID, uuid7 } from "@runt/schema";
import { type Clock, type RandomSource, systemClock, systemRandom } from "./clock";
import { Connection, openWebSocket, type SocketFactory, syncUrl } from "./connection";
import { openDatabase, type Wasm } from "./database";
import { RejectedError, StoreBrokenError, StoreClosedError } from "./errors";
import type { ClientFrame, User } from "./frames";
import { LiveChannel, type LiveHandler } from "./live";
import { type Effect, SyncProtocol } from "./protocol";
import { type Applied, PendingReceipts, type Receipt } from "./receipts";
import { type Decided, type Incoming, Replica } from "./replica";
import { type Params, type RowsHandle, Subscriptions, type TextHandle } from "./subscriptions";

export interface StoreOptions {
  readonly storeId: string;
  /** The backend's origin, http(s) or ws(s); without it the store is its own authority. */
  readonly url?: string;
  /** Address or bytes of sql.js's wasm; Node finds it itself. */
  readonly wasm?: Wasm;
  /** The user, until the backend says who we are. */
  readonly clientId?: string;
  readonly clock?: Clock;
  readonly random?: RandomSource;
  readonly socketFactory?: SocketFactory;
}

/** How the store stands to its backend. `head` is the last confirmed number, `pending` the own events without one. */
export interface StoreStatus {
  readonly connected: boolean;
  readonly pending: number;
  readonly head: number;
  /** A sentence for people when something is wrong. */
  readonly problem: string | null;
}

export interface ReadOptions {
  /** Leave out what the authority has not confirmed. */
  readonly confirmed?: boolean;
}

/** Rows for a renderer: `rows` gives the same list until they differ. */
export interface Watched<Row> {
  readonly rows: () => readonly Row[];
  readonly subscribe: (listener: () => void) => Unsubscribe;
}

/** Ends a subscription; calling it again does nothing. */
export type Unsubscribe = () => void;

type Untyped = Query<unknown, never>;

// One frame of a display: work in the background stops in time for it, and callbacks come at most once in it.
const FRAME_MS = 16;
const SLICE_MS = 10;

/** Open a store: an empty state at once, filled as the log arrives. */
export async function createStore(options: StoreOptions): Promise<Store> {
  const store = new Store(await openDatabase(options.wasm), options);
  store.start();
  return store;
}

export class Store {
  readonly storeId: string;
  readonly storeSessionId: string;

  private readonly clock: Clock;
  private readonly random: RandomSource;
  private readonly replica: Replica;
  private readonly protocol: SyncProtocol;
  private readonly connection: Connection | null;
  private readonly subscriptions: Subscriptions;
  private readonly live: LiveChannel;
  private readonly receipts = new PendingReceipts();
  private readonly statusListeners = new Map<(status: StoreStatus) => void, StoreStatus | null>();
  private inbox: Incoming[] = [];
  private draining = false;
  private n = 0;
  private knownUser: User | null = null;
  private shown: StoreStatus = { connected: false, pending: 0, head: 0, problem: null };
  private broken: StoreBrokenError | null = null;
  private closed = false;
  private flushedMs = Number.NEGATIVE_INFINITY;
  private flushAt: "never" | "microtask" | "timer" = "never";
  private cancelFlush = (): void => {};
  private idle: (() => void)[] = [];

  /** @internal Use `createStore`. */
  constructor(db: Awaited<ReturnType<typeof openDatabase>>, options: StoreOptions) {
    this.storeId = options.storeId;
    this.clock = options.clock ?? systemClock();
    this.random = options.random ?? systemRandom;
    this.storeSessionId = this.newId();
    this.replica = new Replica(db, options.clientId ?? "local", this.storeSessionId);
    this.subscriptions = new Subscriptions(this.replica);
    this.protocol = new SyncProtocol(this.storeSessionId);
    this.live = new LiveChannel(
      this.clock,
      () => this.newId(),
      (frame) => this.transmit(frame),
    );
    this.connection =
      options.url === undefined
        ? null
        : new Connection(syncUrl(options.url, options.storeId), this.protocol, {
            clock: this.clock,
            random: this.random,
            openSocket: options.socketFactory ?? openWebSocket,
            perform: (effect) => this.perform(effect),
            changed: () => this.statusMayDiffer(),
          });
  }

  /** The user in whose name this store commits. */
  get clientId(): string {
    return this.replica.clientId;
  }

  /** Who the backend takes us for, once it has said so. */
  get user(): User | null {
    return this.knownUser;
  }

  /** The status now; the same object until something in it changes. */
  get status(): StoreStatus {
    return this.shown;
  }

  /** How many events of the log this version does not know. */
  get unknownEvents(): number {
    return this.replica.unknown;
  }

  /** @internal Connect for the first time. */
  start(): void {
    this.connection?.start();
  }

  /** Make an id that nobody else has. */
  newId(): string {
    return uuid7(this.clock.nowMs(), this.random(10));
  }

  /**
   * Apply an event at once, and send it on. Events are recorded in the order of their commits.
   *
   * @returns a receipt; awaiting it gives the confirmed position and whether the guard held there, or RejectedError
   * @throws InvalidEventError - the args do not fit; nothing was applied
   */
  commit<N extends EventName>(name: N, args: EventArgs[N]): Receipt {
    if (this.closed) throw new StoreClosedError(name);
    if (this.broken !== null) throw this.broken;
    checkArgs(name, args);
    const text = JSON.stringify(args);
    const bytes = name.length + new TextEncoder().encode(text).length;
    if (bytes > this.protocol.limits.eventBytes) {
      return this.receipts.refuse(
        new RejectedError(name, "too-large", `it has ${bytes} bytes, at most ${this.protocol.limits.eventBytes} are taken`),
      );
    }
    // A copy, so that what is pushed later is what was applied now.
    const event = { n: this.n + 1, name, args: JSON.parse(text), bytes };
    this.replica.commit(event);
    this.n = event.n;
    const receipt = this.receipts.open(event.n, name);
    if (this.connection !== null) this.connection.perform(this.protocol.offer(event));
    else this.reconcile([{ kind: "ack", seq: this.replica.head + 1, n: event.n }]);
    this.statusMayDiffer();
    this.flushSoon("microtask");
    return receipt;
  }

  /** Read a query's rows now. */
  query<Row, P>(query: Query<Row, P>, params: NoInfer<P>, options?: ReadOptions): readonly Row[] {
    const rows: readonly unknown[] = this.subscriptions.read(query as Untyped, params as Params, options?.confirmed ?? false);
    // The catalogue says which row type its columns make.
    return rows as readonly Row[];
  }

  /** Call back with a query's rows: once soon, then whenever they differ; rows that are equal keep their identity. */
  subscribe<Row, P>(
    query: Query<Row, P>,
    params: NoInfer<P>,
    callback: (rows: readonly Row[]) => void,
    options?: ReadOptions,
  ): Unsubscribe {
    const listener = callback as (rows: readonly unknown[]) => void;
    const stop = this.subscriptions.add(query as Untyped, params as Params, options?.confirmed ?? false, listener);
    this.flushSoon("microtask");
    return stop;
  }

  /** Give a query's rows as a renderer wants them: readable at any time, all changing together. */
  watch<Row, P>(query: Query<Row, P>, params: NoInfer<P>, options?: ReadOptions): Watched<Row> {
    const handle: RowsHandle = this.subscriptions.handle(query as Untyped, params as Params, options?.confirmed ?? false);
    return handle as Watched<Row>;
  }

  /** Follow the text of a stream or markdown output: what was added, or all of it when it began anew. */
  subscribeText(outputId: string, onAppend: (text: string, fromStart: boolean) => void): Unsubscribe {
    const stop = this.subscriptions.addText(outputId, onAppend);
    this.flushSoon("microtask");
    return stop;
  }

  /** Give a text as a renderer wants it. */
  watchText(outputId: string): TextHandle {
    return this.subscriptions.handleText(outputId);
  }

  /** Call back with the status: once soon, then on every change. */
  subscribeStatus(callback: (status: StoreStatus) => void): Unsubscribe {
    const own = (status: StoreStatus): void => callback(status);
    this.statusListeners.set(own, null);
    this.flushSoon("microtask");
    return () => this.statusListeners.delete(own);
  }

  /** Send a live message to all others, or to one store session; the answer of that one, else null. */
  sendLive(topic: string, data: Json, options?: { readonly to?: string }): Promise<Json> {
    return this.live.send(topic, data, options?.to);
  }

  /** Answer live messages of one topic; a later handler of the same topic replaces an earlier one. */
  onLive(topic: string, handler: LiveHandler): Unsubscribe {
    return this.live.on(topic, handler);
  }

  /** Wait until nothing is pending. */
  settled(): Promise<void> {
    return this.replica.pendingCount === 0 ? Promise.resolve() : new Promise((resolve) => this.idle.push(resolve));
  }

  /** Try to connect now, without waiting for the next attempt; for when the network is back. */
  reconnect(): void {
    this.connection?.start();
  }

  /** End: open receipts fail, nobody is called back any more. Calling it again does nothing. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.connection?.stop();
    this.cancelFlush();
    this.live.close();
    this.receipts.failAll((name) => new StoreClosedError(name));
    this.statusListeners.clear();
    this.inbox = [];
    this.replica.close();
  }

  private perform(effect: Exclude<Effect, { do: "send" | "close" | "resume" }>): void {
    switch (effect.do) {
      case "apply":
        this.reconcile(effect.incoming);
        return;
      case "deliver":
        this.live.received(effect.message);
        return;
      case "welcome":
        this.knownUser = effect.user;
        if (effect.user.id !== SERVER_CLIENT_ID) this.replica.rename(effect.user.id);
        this.flushSoon("timer");
        return;
    }
  }

  private transmit(frame: ClientFrame): boolean {
    if (!this.protocol.connected || this.closed) return false;
    this.connection?.perform([{ do: "send", frame }]);
    return true;
  }

  private reconcile(incoming: readonly Incoming[]): void {
    for (const item of incoming) this.inbox.push(item);
    if (!this.draining) this.drain();
  }

  /** Fold in what came, for as long as a frame of the display allows; the rest after the page had its turn. */
  private drain(): void {
    this.draining = false;
    if (this.closed || this.broken !== null || this.inbox.length === 0) return;
    const untilMs = this.clock.monotonicMs() + SLICE_MS;
    let place = 0;
    const next = (): Incoming | undefined => {
      if (place > 0 && this.clock.monotonicMs() >= untilMs) return undefined;
      const item = this.inbox[place];
      if (item !== undefined) place += 1;
      return item;
    };
    try {
      this.replica.reconcile(next, (decision) => this.decided(decision));
    } catch (error) {
      if (!(error instanceof StoreBrokenError)) throw error;
      this.broken = error;
      this.connection?.stop();
    } finally {
      this.inbox.splice(0, place);
    }
    this.statusMayDiffer();
    this.flushSoon("timer");
    if (this.inbox.length > 0 && this.broken === null) {
      this.draining = true;
      this.clock.soon(() => this.drain());
    }
  }

  private decided(decision: Decided): void {
    if ("seq" in decision) {
      const applied: Applied = { seq: decision.seq, applied: decision.applied };
      this.receipts.settle(decision.n, applied);
    } else {
      this.receipts.fail(decision.n, (name) => new RejectedError(name, decision.code, decision.message));
    }
  }

  private statusMayDiffer(): void {
    const now: StoreStatus = {
      connected: this.connection !== null && this.broken === null && this.protocol.connected,
      pending: this.replica.pendingCount,
      head: this.replica.head,
      problem: this.broken !== null ? `${this.broken.message}; reload this page` : this.protocol.problem,
    };
    const { shown } = this;
    const same =
      now.connected === shown.connected && now.pending === shown.pending && now.head === shown.head && now.problem === shown.problem;
    if (same) return;
    this.shown = now;
    if (now.pending === 0) for (const resolve of this.idle.splice(0)) resolve();
    this.flushSoon("timer");
  }

  /** Call subscribers at the end of this turn, or, where much may come, at most once in a frame. */
  private flushSoon(when: "microtask" | "timer"): void {
    if (this.closed || this.flushAt === "microtask" || this.flushAt === when) return;
    const waitMs = this.flushedMs + FRAME_MS - this.clock.monotonicMs();
    this.cancelFlush();
    this.flushAt = waitMs > 0 ? when : "microtask";
    if (this.flushAt === "microtask") queueMicrotask(() => this.flushAt === "microtask" && this.flush());
    else this.cancelFlush = this.clock.setTimer(waitMs, () => this.flushAt === "timer" && this.flush());
  }

  private flush(): void {
    this.flushAt = "never";
    if (this.closed) return;
    this.flushedMs = this.clock.monotonicMs();
    const calls = this.subscriptions.flush(this.replica.dirty.take(), this.replica.dirtyConfirmed.take());
    const status = this.shown;
    for (const [listener, told] of this.statusListeners) {
      if (told === status) continue;
      this.statusListeners.set(listener, status);
      calls.push(() => this.statusListeners.has(listener) && listener(status));
    }
    for (const call of calls) {
      try {
        call();
      } catch (error) {
        // A subscriber's fault is its own: the others are called, and the platform reports it.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
