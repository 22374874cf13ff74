/// <reference types="vite/client" />
// In a page of the server: lends stores to Python in a worker, as the app does, but lets a test say which stores and which Python.

import { createStore, type RuntimeStore, type Store, systemClock } from "@runt/store";
import wasmUrl from "sql.js/dist/sql-wasm.wasm?url";
import { fetchBootFiles, fetchDistribution, fetchFile } from "../../src/files";
import { openFrame } from "../../src/open-frame";
import { PortHost } from "../../src/port";
import { HttpUploads } from "../../src/uploads";
import { splitPort } from "./split-port";

interface Check {
  readonly notebook: string;
  /** Whether a server orders events, or each page store does so itself. */
  readonly authority: "server" | "page";
  /** What the worker is lent: a page store of its own, or a guest of the first page store. */
  readonly lend: readonly ("store" | "guest")[];
  /** Python source; it ends with the port's message `ended`. */
  readonly main: string;
}

interface Verdict {
  readonly reason: string;
  readonly problem: string | null;
  /** What the page's ends of the ports found wrong. */
  readonly faults: readonly string[];
  readonly isolated: boolean | null;
}

declare global {
  /** Run a check to its end. */
  var conform: (check: Check) => Promise<Verdict>;
}

globalThis.conform = async ({ notebook, authority, lend, main }) => {
  const clock = systemClock();
  const stores: Store[] = [];
  const open = async (): Promise<Store> => {
    const remote = authority === "server" ? { url: location.origin } : {};
    const store = await createStore({ storeId: notebook, wasm: wasmUrl, ...remote });
    stores.push(store);
    return store;
  };
  const lent: RuntimeStore[] = [];
  for (const what of lend) lent.push(what === "store" ? await open() : (stores[0] ?? (await open())).openGuest());
  await Promise.all(lent.map(connected));

  const distribution = await fetchDistribution(new URL("/pyodide/index.json", location.href).href, { fetch });
  const files = await fetchBootFiles(distribution, { fetch, onProgress: () => {} });
  const uploads = new HttpUploads({ notebookId: notebook, clock });
  const faults: string[] = [];
  let isolated: boolean | null = null;
  let end: (reason: string, problem: string | null) => void = () => {};
  const ended = new Promise<Pick<Verdict, "reason" | "problem">>((resolve) => {
    end = (reason, problem) => resolve({ reason, problem });
  });
  const worker = openFrame({
    started: (shares) => {
      isolated = shares;
    },
    failed: (problem) => end("failed", problem),
  });
  const hosts = splitPort(worker.port, lent.length).flatMap((port, place) => {
    const store = lent[place];
    if (store === undefined) return [];
    return new PortHost(port, store, {
      policy: "trusted",
      clock,
      uploads,
      file: (name) => fetchFile(distribution, name, { fetch }),
      welcome: { config: {} },
      onTaken: (units) => worker.taken(units),
      onInputReply: (id, text, problem) => worker.reply(id, text, problem),
      onProblem: (fault) => faults.push(fault),
      onEnded: (reason, problem) => end(reason, problem),
    });
  });
  worker.boot(files, main);
  try {
    return { ...(await ended), faults, isolated };
  } finally {
    for (const host of hosts) host.close();
    worker.close();
    for (const store of stores) store.close();
  }
};

function connected(store: RuntimeStore): Promise<void> {
  return new Promise((resolve) => {
    store.subscribeStatus((status) => {
      if (status.connected) resolve();
    });
  });
}
