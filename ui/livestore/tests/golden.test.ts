// Every golden log, through a real LiveStore store: pulled from a backend as a log of others, it must leave the same rows.

import { readdirSync, readFileSync } from "node:fs";
import { makeAdapter } from "@livestore/adapter-node";
import { createStorePromise } from "@livestore/livestore";
import { TABLES } from "@runt/schema";
import { expect, test } from "vitest";
import { schema } from "../src/livestore.gen";
import { scriptedBackend } from "./scripted-backend";

interface Golden {
  readonly name: string;
  readonly events: readonly [name: string, args: object, clientId: string, storeSessionId: string, n: number][];
  readonly rows: Readonly<Record<string, readonly Readonly<Record<string, unknown>>[]>>;
}

const FOLDER = new URL("../../../contract/golden/", import.meta.url);
const files = readdirSync(FOLDER).filter((name) => name.endsWith(".json"));

test.each(files)("%s", async (file) => {
  const golden = JSON.parse(readFileSync(new URL(file, FOLDER), "utf-8")) as Golden;
  const log = golden.events.map(([name, args, clientId, sessionId], place) => ({
    name,
    args,
    clientId,
    sessionId,
    seqNum: place + 1,
    parentSeqNum: place,
  }));
  const store = await createStorePromise({
    schema,
    storeId: golden.name,
    adapter: makeAdapter({
      storage: { type: "in-memory" },
      clientId: "reader",
      sync: { backend: scriptedBackend(log), initialSyncOptions: { _tag: "Blocking", timeout: 20_000 } },
    }),
  });
  try {
    for (const table of TABLES) {
      const columns = Object.keys(golden.rows[table]?.[0] ?? {});
      const rows = store.query<Record<string, unknown>[]>({ query: `SELECT * FROM ${table}`, bindValues: {} });
      expect(sorted(rows), table).toEqual(sorted((golden.rows[table] ?? []).map(uptoNul)));
      if (columns.length > 0) expect(Object.keys(rows[0] ?? {}), table).toEqual(columns);
    }
  } finally {
    await store.shutdownPromise();
  }
});

/** LiveStore hands text to SQLite, and takes it back, as C does: what stands behind a NUL is lost there. */
function uptoNul(row: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, typeof value === "string" ? value.split("\0")[0] : value]));
}

/** A WITHOUT ROWID table of ours is an ordinary one there, so that only `ORDER BY` says an order. */
function sorted(rows: readonly Readonly<Record<string, unknown>>[]): readonly Readonly<Record<string, unknown>>[] {
  return rows.toSorted((one, other) => (JSON.stringify(one) < JSON.stringify(other) ? -1 : 1));
}
