// The service worker: keeps the files of one version of the app, and gives them when the server does not answer.
//
// A page is always asked of the server first, so a new version shows at once; its files come from the server too, until its own
// service worker has kept them. The version before stays for pages that are still open and load a part of it only now.
// Answers are kept whole, with the headers that isolate pages and frames.

import { isAway, type ShellFile, wanted } from "./shell";

// TypeScript's types of workers and of pages exclude each other.
interface Extendable extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface Fetching extends Extendable {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}
declare const self: {
  readonly location: Location;
  readonly clients: { claim(): Promise<void> };
  skipWaiting(): Promise<void>;
  addEventListener(type: "install" | "activate", listener: (event: Extendable) => void): void;
  addEventListener(type: "fetch", listener: (event: Fetching) => void): void;
};
/** The build puts in what it made. */
declare const SHELL: { readonly version: string; readonly files: readonly ShellFile[] };

const PREFIX = "runt-shell-";
const NAME = PREFIX + SHELL.version;
const FILES: ReadonlySet<string> = new Set(SHELL.files.map(({ path }) => path));
/** A network that swallows what is sent is as good as none. */
const PATIENCE_MS = 4_000;

self.addEventListener("install", (event) => event.waitUntil(keep().then(() => self.skipWaiting())));
self.addEventListener("activate", (event) => event.waitUntil(forget().then(() => self.clients.claim())));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const what = wanted(request, self.location.origin, FILES);
  if (what !== null) event.respondWith(what.from === "kept" ? keptFirst(request, what.path) : serverFirst(request, what.path));
});

async function keep(): Promise<void> {
  const cache = await caches.open(NAME);
  await Promise.all(
    SHELL.files.map(async ({ path, sha256, whenUsed }) => {
      if (whenUsed) return;
      const response = await fetch(path, { cache: sha256 === null ? "default" : "no-cache" });
      if (!response.ok) throw new Error(`${path} was answered with ${response.status}`);
      // While the server changes to another version, its page may be of that one already.
      if (sha256 !== null && (await hash(response.clone())) !== sha256) throw new Error(`${path} is not of this version`);
      await cache.put(path, response);
    }),
  );
}

/** Forget what is older than the version before this one. */
async function forget(): Promise<void> {
  const others = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);
  await Promise.all(others.slice(0, -1).map((name) => caches.delete(name)));
}

async function keptFirst(request: Request, path: string): Promise<Response> {
  const kept = await caches.match(path);
  if (kept !== undefined) return kept;
  const response = await fetch(request);
  if (response.ok) void keepUsed(path, response.clone());
  return response;
}

async function keepUsed(path: string, response: Response): Promise<void> {
  try {
    await (await caches.open(NAME)).put(path, response);
  } catch {
    // There is no room for it: it comes from the server the next time.
  }
}

async function serverFirst(request: Request, path: string): Promise<Response> {
  const kept = await (await caches.open(NAME)).match(path);
  const asked = fetch(request);
  if (kept === undefined) return asked;
  const tired = new Promise<Response>((give) => {
    setTimeout(() => give(kept), PATIENCE_MS);
  });
  const answered = asked.then(
    (response) => (isAway(response.status) ? kept : response),
    () => kept,
  );
  return Promise.race([answered, tired]);
}

async function hash(response: Response): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
