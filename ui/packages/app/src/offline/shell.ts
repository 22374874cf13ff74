// Which requests the service worker answers, and from where. All others go to the server as if there were none: above all its API.

/** A file of the app. What its name says nothing of must have this hash. */
export interface ShellFile {
  readonly path: string;
  readonly sha256: string | null;
  /** It is large, and kept only when a page has used it. */
  readonly whenUsed: boolean;
}

/** What a request is for. */
export type Wanted =
  /** The app's page: the server's, so that nobody is kept on an old version; the kept one when it does not answer. */
  | { readonly from: "server, else kept"; readonly path: string }
  /** A file whose name is its content. */
  | { readonly from: "kept"; readonly path: string };

interface Asked {
  readonly method: string;
  readonly mode: string;
  readonly url: string;
}

export const PAGE = "/";
const NOTEBOOK = /^\/nb\/[A-Za-z0-9_-]{1,64}\/?$/;

/** Tell what a request is for; null for what the service worker does not touch. */
export function wanted({ method, mode, url }: Asked, origin: string, files: ReadonlySet<string>): Wanted | null {
  const { origin: asked, pathname: path, search } = new URL(url);
  if (method !== "GET" || asked !== origin) return null;
  if (mode === "navigate" && (path === PAGE || NOTEBOOK.test(path))) return { from: "server, else kept", path: PAGE };
  if (search !== "" || path === PAGE || !files.has(path)) return null;
  return { from: path.startsWith("/assets/") ? "kept" : "server, else kept", path };
}

/** Tell whether what stands before a server says that it does not answer. */
export function isAway(status: number): boolean {
  return status >= 502 && status <= 504;
}
