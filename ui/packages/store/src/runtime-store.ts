// What a runtime needs of a page's store, and the words of it that all stores share.

import type { EventArgs, EventName, Json, Query } from "@runt/schema";
import type { LiveHandler } from "./live";
import type { Receipt } from "./receipts";

/** How a store stands to its backend. `head` is the last confirmed number, `pending` the own events without one. */
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

/** Ends a subscription; calling it again does nothing. */
export type Unsubscribe = () => void;

/** A store as a runtime sees it; `Store` and `GuestStore` both are one. @runt/livestore makes one of a LiveStore store. */
export interface RuntimeStore {
  readonly storeSessionId: string;
  readonly clientId: string;
  readonly status: StoreStatus;
  commit<N extends EventName>(name: N, args: EventArgs[N]): Receipt;
  subscribe<Row, P>(query: Query<Row, P>, params: NoInfer<P>, callback: (rows: readonly Row[]) => void, options?: ReadOptions): Unsubscribe;
  subscribeStatus(callback: (status: StoreStatus) => void): Unsubscribe;
  onLive(topic: string, handler: LiveHandler): Unsubscribe;
  sendLive(topic: string, data: Json, options?: { readonly to?: string }): Promise<Json>;
  newId(): string;
  /** How long text is gathered at least, where each event costs this store much. */
  readonly textIntervalMs?: number;
}

/** A runtime's own store session on the store of its page; open while the runtime lives. */
export interface RuntimeGuest extends RuntimeStore {
  close(): void;
}
