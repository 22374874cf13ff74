// A guest: a runtime that lives in this page, on the page's own state, in the name of its own store session.
// Its commits show at once to the page's readers; its socket, open while it lives, is what vouches for its runtime session.

import type { EventArgs, EventName, Json, Query } from "@runt/schema";
import { StoreClosedError } from "./errors";
import type { LiveHandler } from "./live";
import type { Receipt } from "./receipts";
import type { ReadOptions, RuntimeGuest, RuntimeStore, StoreStatus, Unsubscribe } from "./runtime-store";
import type { Session } from "./session";

/** What a guest asks of the store that it is a guest of. */
interface Host {
  commit<N extends EventName>(name: N, args: EventArgs[N]): Receipt;
  /** Call back with rows, without waiting for the next frame of the display. */
  subscribe: RuntimeStore["subscribe"];
  /** Somebody wants to hear of the status soon. */
  statusAsked(): void;
  /** It is closed. */
  left(): void;
}

export class GuestStore implements RuntimeGuest {
  private readonly session: Session;
  private readonly store: RuntimeStore;
  private readonly host: Host;
  private readonly subscriptions = new Set<Unsubscribe>();
  private closed = false;

  /** @internal Use `Store.openGuest`. */
  constructor(session: Session, store: RuntimeStore, host: Host) {
    this.session = session;
    this.store = store;
    this.host = host;
  }

  get storeSessionId(): string {
    return this.session.storeSessionId;
  }

  /** The user in whose name the page commits, and so this guest. */
  get clientId(): string {
    return this.store.clientId;
  }

  /** `connected` when both its own socket and the page's stand: the one is its lease, the other brings what is confirmed. */
  get status(): StoreStatus {
    return this.session.status.shown;
  }

  /**
   * Apply an event to the page's state at once, and send it on. This guest's events are recorded in the order of their
   * commits, each after all that the page committed before it.
   *
   * @returns a receipt, which is settled also after `close`
   * @throws InvalidEventError - the args do not fit; nothing was applied
   */
  commit<N extends EventName>(name: N, args: EventArgs[N]): Receipt {
    if (this.closed) throw new StoreClosedError(name);
    return this.host.commit(name, args);
  }

  /** Call back with a query's rows until this guest is closed; the page's store waits for a frame between calls, this does not. */
  subscribe<Row, P>(
    query: Query<Row, P>,
    params: NoInfer<P>,
    callback: (rows: readonly Row[]) => void,
    options?: ReadOptions,
  ): Unsubscribe {
    if (this.closed) return () => {};
    const end = this.host.subscribe(query, params, callback, options);
    const stop = (): void => {
      this.subscriptions.delete(stop);
      end();
    };
    this.subscriptions.add(stop);
    return stop;
  }

  /** Call back with the status: once soon, then on every change, until this guest is closed. */
  subscribeStatus(callback: (status: StoreStatus) => void): Unsubscribe {
    if (this.closed) return () => {};
    const stop = this.session.status.subscribe(callback);
    this.host.statusAsked();
    return stop;
  }

  /** Answer live messages of one topic that are for all or for this guest's store session. */
  onLive(topic: string, handler: LiveHandler): Unsubscribe {
    return this.session.onLive(topic, handler);
  }

  /** Send a live message to all others, or to one store session; the answer of that one, else null. */
  sendLive(topic: string, data: Json, options?: { readonly to?: string }): Promise<Json> {
    return this.session.sendLive(topic, data, options?.to);
  }

  newId(): string {
    return this.store.newId();
  }

  /** Wait until nothing of this guest is pending. */
  settled(): Promise<void> {
    return this.session.status.settled();
  }

  /**
   * End: the socket closes, nobody is called back any more. What is undecided the page pushes on, under this guest's
   * session, from within this call where it is connected. Calling it again does nothing.
   */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    for (const stop of this.subscriptions) stop();
    this.host.left();
  }
}
