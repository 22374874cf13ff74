// A page for tests: a notebook of one cell on a real LiveStore store, with a runtime in the page that is the store's guest.
// Its address says how: ?store=ID, and `mode` is `alone` (no server), `synced`, or `without` (synced, no side connection).

import { makeInMemoryAdapter } from "@livestore/adapter-web";
import { queryDb, Schema, StoreRegistry, storeOptions } from "@livestore/livestore";
import { StoreRegistryProvider, useStore } from "@livestore/react";
import { makeWsSync } from "@livestore/sync-cf/client";
import { BrowserRuntime, openFrame, type RuntimeKind } from "@runt/runtime-browser";
import { createStore, type Store } from "@runt/store";
import { type ReactNode, StrictMode, Suspense, use, useMemo, useState, useSyncExternalStore } from "react";
import { unstable_batchedUpdates as batchUpdates } from "react-dom";
import { createRoot } from "react-dom/client";
import wasm from "sql.js/dist/sql-wasm.wasm?url";
import { events, LiveStoreHome, schema, syncPayload } from "../src";

const asked = new URLSearchParams(location.search);
const storeId = asked.get("store") ?? "alone";
const mode = asked.get("mode") ?? "alone";
const tab = crypto.randomUUID().slice(0, 8);

const options = storeOptions({
  storeId,
  schema,
  adapter: makeInMemoryAdapter({
    clientId: `local/${tab}`,
    sessionId: "page",
    ...(mode === "alone" ? {} : { sync: { backend: makeWsSync({ url: `${location.origin.replace("http", "ws")}/livestore` }) } }),
  }),
  syncPayload,
});
const side: Promise<Store | null> = mode === "synced" ? createStore({ storeId, url: location.origin, wasm }) : Promise.resolve(null);
const registry = new StoreRegistry({ defaultOptions: { batchUpdates } });

const cells$ = queryDb({
  query: "SELECT id, source FROM cells",
  bindValues: {},
  schema: Schema.Array(Schema.Any),
  queriedTables: new Set(["cells"]),
});
const text$ = queryDb({
  query:
    "SELECT coalesce(group_concat(coalesce(c.text, json_extract(o.bundle, '$.\"text/plain\".data')), ''), '') AS text FROM outputs o" +
    " LEFT JOIN output_chunks c ON c.output_id = o.id ORDER BY o.ord, c.n",
  bindValues: {},
  schema: Schema.Array(Schema.Any),
  queriedTables: new Set(["outputs", "output_chunks"]),
});
const executions$ = queryDb({
  query: "SELECT status, session_id FROM executions ORDER BY ord DESC LIMIT 1",
  bindValues: {},
  schema: Schema.Array(Schema.Any),
  queriedTables: new Set(["executions"]),
});

function Notebook(): ReactNode {
  const store = useStore(options);
  const beside = use(side);
  const runtime = useMemo(() => {
    const home = new LiveStoreHome(store, beside === null ? { alone: mode === "alone" } : { side: beside });
    return new BrowserRuntime(home, { notebookId: storeId, openWorker: openFrame });
  }, [store, beside]);
  const state = useSyncExternalStore(
    (listener) => runtime.subscribe(listener),
    () => runtime.state,
  );
  const [source, setSource] = useState("hello");
  const cells = store.useQuery(cells$) as readonly { id: string; source: string }[];
  const [shown] = store.useQuery(text$) as readonly { text: string }[];
  const [execution] = store.useQuery(executions$) as readonly { status: string }[];

  const start = (kind: RuntimeKind): void => void runtime.start({ kind });
  const run = (): void => {
    const [cell] = cells;
    const cellId = cell?.id ?? "c1";
    if (cell === undefined) store.commit(events.cellCreated({ cellId, cellType: "code", position: "a0", source }));
    else if (cell.source !== source) store.commit(events.cellSourceSet({ cellId, source }));
    store.commit(events.executionRequested({ executionId: crypto.randomUUID(), cellId, source, requestedMs: Date.now() }));
  };

  return (
    <main>
      <button type="button" onClick={() => start("echo")}>
        Start echo
      </button>
      <button type="button" onClick={() => start("python")}>
        Start Python
      </button>
      <button type="button" onClick={() => void runtime.stop()}>
        Stop
      </button>
      <button type="button" onClick={() => runtime.interrupt()}>
        Interrupt
      </button>
      <output data-testid="runtime">{state.status}</output>
      <output data-testid="problem">{state.error}</output>
      <textarea aria-label="Source" value={source} onChange={(event) => setSource(event.target.value)} />
      <button type="button" onClick={run}>
        Run
      </button>
      <output data-testid="execution">{execution?.status}</output>
      <pre data-testid="text">{shown?.text}</pre>
    </main>
  );
}

const root = document.getElementById("root");
if (root === null) throw new Error("the page has no root");
createRoot(root).render(
  <StrictMode>
    <StoreRegistryProvider storeRegistry={registry}>
      <Suspense fallback={<p>Opening the store</p>}>
        <Notebook />
      </Suspense>
    </StoreRegistryProvider>
  </StrictMode>,
);
