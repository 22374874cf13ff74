// React's view of a store: hooks over its watches, without state of their own, so that all components show one state.

import type { Query } from "@runt/schema";
import { createContext, createElement, type ReactNode, useCallback, useContext, useMemo, useSyncExternalStore } from "react";
import type { ReadOptions, StoreStatus } from "./runtime-store";
import type { Store } from "./store";

const StoreContext = createContext<Store | null>(null);

/** Lend a store to the components below; whoever opened it closes it. */
export function StoreProvider(props: { readonly store: Store; readonly children?: ReactNode }): ReactNode {
  return createElement(StoreContext.Provider, { value: props.store }, props.children);
}

/** The store of the nearest StoreProvider. */
export function useStore(): Store {
  const store = useContext(StoreContext);
  if (store === null) throw new Error("useStore: no StoreProvider stands above this component");
  return store;
}

interface QueryOptions extends ReadOptions {
  /** False: as it was when it was last followed, or else first read; for what nobody sees. */
  readonly follow?: boolean;
}

/** A query's rows; the same list, and the same row objects, until they differ. */
export function useQuery<Row, P>(query: Query<Row, P>, params: NoInfer<P>, options?: QueryOptions): readonly Row[] {
  const store = useStore();
  const confirmed = options?.confirmed ?? false;
  // Params are new objects at every render; their text is not.
  const key = JSON.stringify(params);
  const watched = useMemo(() => {
    const stable: P = JSON.parse(key);
    const { rows, subscribe } = store.watch<Row, P>(query, stable as NoInfer<P>, { confirmed });
    let last: readonly Row[] | null = null;
    const followed = (): readonly Row[] => (last = rows());
    return { subscribe, followed, kept: (): readonly Row[] => last ?? followed() };
  }, [store, query, key, confirmed]);
  const follow = options?.follow ?? true;
  const read = follow ? watched.followed : watched.kept;
  return useSyncExternalStore(follow ? watched.subscribe : followNothing, read, read);
}

function followNothing(): () => void {
  return () => {};
}

/** The store's status. */
export function useStatus(): StoreStatus {
  const store = useStore();
  const subscribe = useCallback((listener: () => void) => store.subscribeStatus(listener), [store]);
  const read = useCallback(() => store.status, [store]);
  return useSyncExternalStore(subscribe, read, read);
}

/** The text of a stream or markdown output so far. */
export function useText(outputId: string): string {
  const store = useStore();
  const watched = useMemo(() => store.watchText(outputId), [store, outputId]);
  return useSyncExternalStore(watched.subscribe, watched.text, watched.text);
}
