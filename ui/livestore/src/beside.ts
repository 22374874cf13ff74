// What stands beside a LiveStore store and knows what it does not: the authority's word on its events, and other people's
// live messages. Either a store of ours on the same notebook, or, for a store that is alone, nobody.

import type { Json, Query } from "@runt/schema";
import type { LiveHandler, Store, StoreStatus, Unsubscribe, Witnessed } from "@runt/store";

export interface Beside {
  /** Whether the LiveStore store is its own authority. */
  readonly decides: boolean;
  /** Reads confirmed rows; null where all rows are. */
  readonly subscribe: (<R, P>(query: Query<R, P>, params: P, callback: (rows: readonly R[]) => void) => Unsubscribe) | null;
  status(): StoreStatus;
  subscribeStatus(listener: () => void): Unsubscribe;
  onLive(topic: string, handler: LiveHandler): Unsubscribe;
  sendLive(topic: string, data: Json, options?: { readonly to?: string }): Promise<Json>;
  close(): void;
}

/** A store of ours: its witness of the LiveStore store's session holds the lease and hears the log. */
export function besides(side: Store, storeSessionId: string, hear: (event: Witnessed) => void): Beside {
  const witness = side.openWitness(storeSessionId, hear);
  return {
    decides: false,
    subscribe: (query, params, callback) => witness.subscribe(query, params, callback, { confirmed: true }),
    status: () => witness.status,
    subscribeStatus: (listener) => witness.subscribeStatus(listener),
    onLive: (topic, handler) => witness.onLive(topic, handler),
    sendLive: (topic, data, options) => witness.sendLive(topic, data, options),
    close: () => witness.close(),
  };
}

/** Nobody: what the page says to its runtime it says by events. */
export function alone(): Beside {
  return {
    decides: true,
    subscribe: null,
    status: () => ({ connected: true, pending: 0, head: 0, problem: null }),
    subscribeStatus: () => () => {},
    onLive: () => () => {},
    sendLive: () => Promise.resolve(null),
    close: () => {},
  };
}
