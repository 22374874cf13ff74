// The runtime in this tab as panel, cells and commands see it; browser-host.tsx keeps it.
import type { useBrowserRuntime } from "@runt/runtime-browser/react";
import { createContext, useContext, useSyncExternalStore } from "react";

export type BrowserRuntime = ReturnType<typeof useBrowserRuntime>;

/** Where the runtime in this tab is found, by components and commands alike; null while there is none to start. */
export class BrowserRuntimeSlot {
  #runtime: BrowserRuntime | null = null;
  readonly #listeners = new Set<() => void>();

  readonly get = (): BrowserRuntime | null => this.#runtime;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  put(runtime: BrowserRuntime | null): void {
    this.#runtime = runtime;
    for (const listener of this.#listeners) listener();
  }
}

export const BrowserRuntimeContext = createContext(new BrowserRuntimeSlot());

/** The runtime in this tab, whether it was started or not; null where a page cannot have one. */
export function useBrowser(): BrowserRuntime | null {
  const slot = useContext(BrowserRuntimeContext);
  return useSyncExternalStore(slot.subscribe, slot.get);
}

/** Tell whether the runtime of this tab lost its place to another one. */
export function isDisplaced(runtime: BrowserRuntime | null): boolean {
  return runtime?.status === "off" && runtime.endedReason === "displaced";
}
