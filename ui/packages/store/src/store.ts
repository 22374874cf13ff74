// The store of a page: one replica of a notebook, its receipts and subscriptions, its connection to the backend, its guests.
// This is the composition: what is decided stands in replica, protocols and subscriptions; here it meets time and callbacks.

import { type EventArgs, type EventName, type Json, type Query, queries, SERVER_CLIENT_ID, uuid7 } from "@runt/schema";
import { type Beginning, begin } from "./beginning";
import { type Clock, type RandomSource, systemClock, systemRandom } from "./clock";
import { openWebSocket, type SocketFactory, syncUrl } from "./connection";
import type { Wasm } from "./database";
import { EarlierLives } from "./earlier-lives";
import { RejectedError, StoreBrokenError, StoreClosedError } from "./errors";
import type { ImageOffer, User } from "./frames";
import { GuestStore } from "./guest";
import { GuestProtocol } from "./guest-protocol";
import { fetchImage, type ImageSource, openOffered } from "./image";
import { ImageKeeping } from "./image-keeping";
import type { Keeper, Left, OpenKeeper } from "./keeper";
import type { LiveHandler } from "./live";
import { Outbox } from "./outbox";
import { SyncProtocol } from "./protocol";
import type { Receipt } from "./receipts";
import { type Decided, type Incoming, Replica, type Witnessed } from "./replica";
import type { ReadOptions, RuntimeStore, StoreStatus, Unsubscribe } from "./runtime-store";
import { Session, type Shared } from "./session";
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
  readonly imageSource?: ImageSource;
  /** Keeps the state and undecided events on this device, in the name of one user. */
  readonly keep?: OpenKeeper;
  /** Hears of a change of an earlier life that the backend refused. */
  readonly onEarlierRefused?: (error: RejectedError) => void;
}

/** Rows for a renderer: `rows` gives the same list until they differ. */
export interface Watched<Row> {
  readonly rows: () => readonly Row[];
  readonly subscribe: (listener: () => void) => Unsubscribe;
}

type Untyped = Query<unknown, never>;
type Commit = <N extends EventName>(session: Session, name: N, args: EventArgs[N]) => Receipt;

// One frame of a display: work in the background stops in time for it, and callbacks come at most once in it.
const FRAME_MS = 16;
const SLICE_MS = 10;

/** Open a store: at once with what was kept of the state, else an empty one, filled as the log arrives. */
export async function createStore(options: StoreOptions): Promise<Store> {
  const { clock = systemClock(), random = systemRandom } = options;
  const storeSessionId = uuid7(clock.nowMs(), random(10));
  const keep = options.url === undefined ? null : (options.keep ?? null);
  const early: Left[] = [];
  let take = (left: Left): void => void early.push(left);
  const beginning = await begin(options.storeId, storeSessionId, keep, (left) => take(left), options.wasm);
  const store = new Store(beginning, { ...options, clock, random });
  take = (left) => store.takeOver(left);
  early.forEach(take);
  store.start();
  return store;
}

export class Store implements RuntimeStore {
  readonly storeId: string;

  private readonly options: StoreOptions;
  private readonly clock: Clock;
  private readonly random: RandomSource;
  private readonly replica: Replica;
  private readonly protocol: SyncProtocol;
  private readonly own: Session;
  private readonly shared: Shared;
  private readonly subscriptions: Subscriptions;
  private readonly keeper: Keeper | null;
  private readonly images: ImageKeeping | null;
  private readonly earlier: EarlierLives;
  private readonly guests = new Set<GuestStore>();
  /** The own one, and those of guests, also of closed ones while their events are undecided. */
  private readonly sessions = new Map<string, Session>();
  private inbox: Incoming[] = [];
  private draining = false;
  private knownUser: User | null = null;
  private broken: StoreBrokenError | null = null;
  private closed = false;
  private flushedMs = Number.NEGATIVE_INFINITY;
  private flushAt: "never" | "microtask" | "timer" = "never";
  private cancelFlush = (): void => {};
  private promptDue = false;

  /** @internal Use `createStore`. */
  constructor({ storeSessionId, keeper, found, db, from }: Beginning, options: StoreOptions) {
    const { storeId, url } = options;
    this.storeId = storeId;
    this.options = options;
    this.clock = options.clock ?? systemClock();
    this.random = options.random ?? systemRandom;
    this.replica = new Replica(db, keeper?.userId ?? options.clientId ?? "local", from?.head);
    this.keeper = keeper;
    this.subscriptions = new Subscriptions(this.replica);
    this.shared = {
      clock: this.clock,
      random: this.random,
      replica: this.replica,
      keeper,
      backend: url === undefined ? null : { url: syncUrl(url, storeId), openSocket: options.socketFactory ?? openWebSocket },
      newId: () => this.newId(),
      reconcile: (incoming) => this.reconcile(incoming),
      offered: (offer) => void this.beginFrom(offer),
      welcomed: (user) => this.welcomed(user),
      changed: (session) => this.changed(session),
    };
    this.protocol = new SyncProtocol(storeSessionId, from);
    this.images = keeper && new ImageKeeping(keeper, this.replica, () => this.protocol.log, this.clock);
    this.own = new Session(storeSessionId, this.protocol, this.shared);
    this.sessions.set(storeSessionId, this.own);
    this.earlier = new EarlierLives(keeper, this.protocol, this.replica, (ended) => this.endRuntimes(ended));
    this.earlier.take(found);
  }

  get storeSessionId(): string {
    return this.own.storeSessionId;
  }

  /** The user in whose name this store commits. */
  get clientId(): string {
    return this.replica.clientId;
  }

  /** Who the backend takes us for, once it has said so. */
  get user(): User | null {
    return this.knownUser;
  }

  /** The status now; the same object until something in it changes. What is pending of guests counts too. */
  get status(): StoreStatus {
    return this.own.status.shown;
  }

  /** Whether undecided events are kept on this device, so that they survive this page. */
  get keeps(): boolean {
    return this.keeper?.works ?? false;
  }

  /** How many events of the log this version does not know. */
  get unknownEvents(): number {
    return this.replica.unknown;
  }

  /** @internal Connect for the first time. */
  start(): void {
    this.own.connect();
    this.statusMayDiffer();
  }

  /** @internal Look after what a life left that has ended. */
  takeOver(left: Left): void {
    if (this.closed || this.broken !== null) return;
    this.earlier.take(left);
    this.own.push();
    this.statusMayDiffer();
    this.flushSoon("microtask");
  }

  /** Make an id that nobody else has. */
  newId(): string {
    return uuid7(this.clock.nowMs(), this.random(10));
  }

  /**
   * Open a second store session on the same state, for a runtime that lives in this page.
   *
   * Its socket is its lease: open it when the runtime starts, close it when the runtime is gone.
   */
  openGuest(): GuestStore {
    if (this.closed) throw new StoreClosedError("openGuest");
    return this.guestOf(this.newId(), (session, name, args) => this.commitAs(session, name, args, this.own.n));
  }

  /**
   * Stand by a store of another kind in this page, whose events reach the backend by a way of its own: the guest's socket
   * is the lease of that store's session, live messages for it come here, and `hear` is told of its events where they stand
   * in the log. The guest itself commits nothing.
   */
  openWitness(storeSessionId: string, hear: (event: Witnessed) => void): GuestStore {
    if (this.closed) throw new StoreClosedError("openWitness");
    this.replica.witness(storeSessionId, hear);
    return this.guestOf(storeSessionId, (_, name) => {
      throw new StoreClosedError(name);
    });
  }

  private guestOf(storeSessionId: string, commit: Commit): GuestStore {
    const outbox = new Outbox(storeSessionId);
    const session = new Session(outbox.storeSessionId, new GuestProtocol(outbox, this.protocol), this.shared);
    this.protocol.attach(outbox);
    this.sessions.set(session.storeSessionId, session);
    this.keeper?.began(session.storeSessionId);
    const guest = new GuestStore(session, this, {
      commit: (name, args) => commit(session, name, args),
      subscribe: (query, params, callback, options) => this.listen(query, params, callback, options, true),
      statusAsked: () => this.flushSoon("microtask"),
      left: () => this.left(guest, session, outbox),
    });
    this.guests.add(guest);
    if (this.broken === null) session.connect();
    this.statusMayDiffer();
    return guest;
  }

  /**
   * Apply an event at once, and send it on. Events are recorded in the order of their commits.
   *
   * @returns a receipt; awaiting it gives the confirmed position and whether the guard held there, or RejectedError
   * @throws InvalidEventError - the args do not fit; nothing was applied
   */
  commit<N extends EventName>(name: N, args: EventArgs[N]): Receipt {
    return this.commitAs(this.own, name, args, 0);
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
    return this.listen(query, params, callback, options, false);
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
    const stop = this.own.status.subscribe(callback);
    this.flushSoon("microtask");
    return stop;
  }

  /** Send a live message to all others, or to one store session; the answer of that one, else null. */
  sendLive(topic: string, data: Json, options?: { readonly to?: string }): Promise<Json> {
    return this.own.sendLive(topic, data, options?.to);
  }

  /** Answer live messages of one topic; a later handler of the same topic replaces an earlier one. */
  onLive(topic: string, handler: LiveHandler): Unsubscribe {
    return this.own.onLive(topic, handler);
  }

  /** Wait until nothing is pending. */
  settled(): Promise<void> {
    return this.own.status.settled();
  }

  /** Try to connect now, without waiting for the next attempt; for when the network is back. */
  reconnect(): void {
    for (const session of this.sessions.values()) session.connect();
  }

  /** Keep the state as it is, now that this page may go away. */
  keepNow(): void {
    if (!this.closed && this.broken === null) this.images?.now();
  }

  /**
   * End, and all guests too: open receipts fail, nobody is called back any more. What is undecided is kept, if anything is, for the
   * next life. Calling it again does nothing.
   */
  close(): void {
    if (this.closed) return;
    for (const guest of this.guests) guest.close();
    this.keepNow();
    this.closed = true;
    this.images?.stop();
    this.keeper?.close();
    this.cancelFlush();
    for (const session of this.sessions.values()) session.close();
    this.sessions.clear();
    this.inbox = [];
    this.replica.close();
  }

  private listen<Row, P>(
    query: Query<Row, P>,
    params: NoInfer<P>,
    callback: (rows: readonly Row[]) => void,
    options: ReadOptions | undefined,
    prompt: boolean,
  ): Unsubscribe {
    const listener = callback as (rows: readonly unknown[]) => void;
    const stop = this.subscriptions.add(query as Untyped, params as Params, options?.confirmed ?? false, listener, prompt);
    this.flushSoon("microtask");
    return stop;
  }

  private commitAs<N extends EventName>(session: Session, name: N, args: EventArgs[N], after: number): Receipt {
    if (this.closed) throw new StoreClosedError(name);
    if (this.broken !== null) throw this.broken;
    const receipt = session.commit(name, args, after);
    this.statusMayDiffer();
    this.flushSoon("microtask");
    return receipt;
  }

  /** A guest has closed: what it left undecided is pushed over the own connection. */
  private left(guest: GuestStore, session: Session, outbox: Outbox): void {
    this.guests.delete(guest);
    this.replica.witness(session.storeSessionId, null);
    session.leave();
    this.own.run(this.protocol.adopt(outbox));
    this.statusMayDiffer();
  }

  /** Begin from the image that the backend offers; when that fails, from nothing. */
  private async beginFrom(offer: ImageOffer): Promise<void> {
    const { url = "", imageSource = fetchImage, wasm } = this.options;
    const opened = await openOffered(offer, url, imageSource, wasm).catch((error: unknown) => {
      console.warn(`image ${offer.sha256} at ${offer.seq} is left out: ${error instanceof Error ? error.message : error}`);
      return null;
    });
    if (this.closed || !this.protocol.awaits(offer)) {
      opened?.close();
      return;
    }
    if (opened !== null) this.replica.load(opened, offer.seq);
    this.own.run(this.protocol.imaged(offer, opened !== null));
    this.flushSoon("timer");
  }

  /** A runtime of a page that is gone has nobody who speaks for it. */
  private endRuntimes(ended: ReadonlySet<string>): void {
    for (const { sessionId, storeSessionId } of this.query(queries.activeSession, {})) {
      if (ended.has(storeSessionId)) this.commit("v1.RuntimeSessionTerminated", { sessionId, reason: "crashed" });
    }
  }

  private decided(decision: Decided): void {
    const { storeSessionId, n } = decision;
    this.keeper?.decided(storeSessionId, n);
    const session = this.sessions.get(storeSessionId);
    if (session !== undefined) session.decided(decision);
    else if ("code" in decision) {
      const error = new RejectedError("a change of an earlier visit", decision.code, decision.message);
      console.warn(error.message);
      this.options.onEarlierRefused?.(error);
    }
  }

  private welcomed(user: User): void {
    this.knownUser = user;
    if (user.id !== SERVER_CLIENT_ID) this.replica.rename(user.id);
    this.flushSoon("timer");
  }

  private changed(session: Session): void {
    // Guests wait for what this store's own connection hears.
    if (session === this.own && !this.closed) for (const other of this.sessions.values()) if (other !== session) other.push();
    this.statusMayDiffer();
  }

  private reconcile(incoming: readonly Incoming[]): void {
    for (const item of incoming) {
      if (item.kind === "reset") this.keeper?.dropImage();
      this.inbox.push(item);
    }
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
      for (const session of this.sessions.values()) session.disconnect();
    } finally {
      this.inbox.splice(0, place);
    }
    this.images?.moved();
    this.statusMayDiffer();
    this.flushSoon("timer");
    if (this.inbox.length > 0 && this.broken === null) {
      this.draining = true;
      this.clock.soon(() => this.drain());
    }
  }

  private statusMayDiffer(): void {
    if (this.closed) return;
    if (this.inbox.length === 0) this.earlier.look();
    const own: StoreStatus = {
      connected: this.broken === null && this.own.connected,
      pending: this.replica.pendingCount,
      head: this.replica.head,
      problem: this.broken !== null ? `${this.broken.message}; reload this page` : this.own.problem,
    };
    let differs = this.own.status.show(own);
    for (const session of this.sessions.values()) {
      if (session === this.own) continue;
      const { pending } = session;
      const connected = own.connected && session.connected;
      differs = session.status.show({ ...own, connected, pending, problem: own.problem ?? session.problem }) || differs;
      if (session.over && pending === 0) this.sessions.delete(session.storeSessionId);
    }
    if (differs) this.flushSoon("timer");
  }

  /** Call subscribers at the end of this turn, or, where much may come, at most once in a frame. */
  private flushSoon(when: "microtask" | "timer"): void {
    if (this.closed || this.flushAt === "microtask") return;
    if (when === "timer") this.flushPromptSoon();
    if (this.flushAt === when) return;
    const waitMs = this.flushedMs + FRAME_MS - this.clock.monotonicMs();
    this.cancelFlush();
    this.flushAt = waitMs > 0 ? when : "microtask";
    if (this.flushAt === "microtask") queueMicrotask(() => this.flushAt === "microtask" && this.flush());
    else this.cancelFlush = this.clock.setTimer(waitMs, () => this.flushAt === "timer" && this.flush());
  }

  /** Guests' runtimes take several steps for a cell: waiting for a frame at each would be most of a short one's time. */
  private flushPromptSoon(): void {
    if (this.guests.size === 0 || this.promptDue) return;
    this.promptDue = true;
    queueMicrotask(() => {
      this.promptDue = false;
      if (!this.closed && this.flushAt !== "never")
        this.call(this.subscriptions.flushPrompt(this.replica.dirty, this.replica.dirtyConfirmed));
    });
  }

  private flush(): void {
    this.flushAt = "never";
    if (this.closed) return;
    this.flushedMs = this.clock.monotonicMs();
    const calls = this.subscriptions.flush(this.replica.dirty.take(), this.replica.dirtyConfirmed.take());
    for (const session of this.sessions.values()) calls.push(...session.status.calls());
    this.call(calls);
  }

  private call(calls: readonly (() => void)[]): void {
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
