// React's view of the runtime in this tab: one for each open notebook, and a boundary for what shows it.

import { useStore } from "@runt/store/react";
import { Component, createContext, createElement, type ReactNode, useContext, useEffect, useMemo, useSyncExternalStore } from "react";
import type { RuntimeKind } from "./runtime";
import type { RuntimeState } from "./state";
import { TabRuntime } from "./tab-runtime";

export type { RuntimeKind } from "./runtime";
export type { RuntimeProgress, RuntimeState, RuntimeStatus } from "./state";

const TabRuntimeContext = createContext<TabRuntime | null>(null);

/** Keep a notebook's runtime for the components below; it ends when this leaves the page. Needs a StoreProvider above. */
export function BrowserRuntimeProvider(props: { readonly notebookId: string; readonly children?: ReactNode }): ReactNode {
  const store = useStore();
  const { notebookId } = props;
  const tab = useMemo(() => new TabRuntime(store, { notebookId }), [store, notebookId]);
  useEffect(() => {
    let shown = true;
    // Not for a component that React only tries out.
    queueMicrotask(() => {
      if (shown) tab.resume();
    });
    return () => {
      shown = false;
      tab.leave();
    };
  }, [tab]);
  return createElement(TabRuntimeContext.Provider, { value: tab }, props.children);
}

export interface BrowserRuntimeView extends RuntimeState {
  /** Become the notebook's runtime, in place of any other. Settles when it is ready, or when that will not be. */
  readonly start: (kind?: RuntimeKind) => Promise<void>;
  readonly stop: () => Promise<void>;
  /** Cancel all open executions. */
  readonly interrupt: () => void;
  readonly restart: () => Promise<void>;
}

/** The runtime of the nearest BrowserRuntimeProvider; the same object until its state changes. */
export function useBrowserRuntime(): BrowserRuntimeView {
  const tab = useContext(TabRuntimeContext);
  if (tab === null) throw new Error("useBrowserRuntime: no BrowserRuntimeProvider stands above this component");
  const state = useSyncExternalStore(tab.subscribe, tab.state, tab.state);
  const { start, stop, interrupt, restart } = tab;
  return useMemo(() => ({ ...state, start, stop, interrupt, restart }), [state, start, stop, interrupt, restart]);
}

interface BoundaryProps {
  readonly children?: ReactNode;
  /** Shown in place of the children; `retry` shows them again. */
  readonly fallback?: (error: Error, retry: () => void) => ReactNode;
}

/** Keeps a fault of what shows the runtime from the rest of the page. */
export class BrowserRuntimeBoundary extends Component<BoundaryProps, { readonly error: Error | null }> {
  override state: { readonly error: Error | null } = { error: null };

  static getDerivedStateFromError(error: unknown): { readonly error: Error } {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    const retry = (): void => this.setState({ error: null });
    if (this.props.fallback !== undefined) return this.props.fallback(error, retry);
    return createElement("p", { role: "alert" }, `The runtime in this browser cannot be shown: ${error.message}`);
  }
}
