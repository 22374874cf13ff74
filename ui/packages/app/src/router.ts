// Where the app is: the list at `/`, a notebook at `/nb/{id}`. The one-time start code is taken from the fragment.
import { useSyncExternalStore } from "react";

export type Route = { readonly page: "list" } | { readonly page: "notebook"; readonly id: string } | { readonly page: "unknown" };

/** Tell which page a path names. */
export function parseRoute(path: string): Route {
  if (path === "/" || path === "") return { page: "list" };
  const id = /^\/nb\/([A-Za-z0-9_-]{1,64})\/?$/.exec(path)?.[1];
  return id === undefined ? { page: "unknown" } : { page: "notebook", id };
}

const FRESH = "fresh";
const listeners = new Set<() => void>();

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener("popstate", listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener("popstate", listener);
  };
}

export function usePath(): string {
  return useSyncExternalStore(subscribe, () => window.location.pathname);
}

/** Go to a page. A `fresh` notebook was made for this visit and gets its first cell there. */
export function navigate(path: string, fresh = false): void {
  window.history.pushState(fresh ? FRESH : null, "", path);
  for (const listener of listeners) listener();
}

/** Tell once whether this page was opened as a fresh notebook. */
export function takeFresh(): boolean {
  const fresh = window.history.state === FRESH;
  if (fresh) window.history.replaceState(null, "");
  return fresh;
}

function startCode(): string | null {
  return new URLSearchParams(window.location.hash.slice(1)).get("t");
}

/** Take the start code out of `#t=CODE`, so that it stays neither in the address bar nor in the history. */
export function takeStartCode(): string | null {
  const code = startCode();
  if (code !== null) window.history.replaceState(null, "", window.location.pathname + window.location.search);
  return code;
}

/** A start link opened in a tab that shows the app already changes only the fragment: start again with it. */
export function restartOnStartLink(): void {
  window.addEventListener("hashchange", () => {
    if (startCode() !== null) window.location.reload();
  });
}
