// The golden logs give their rows here as they do in Python.
import { readdirSync, readFileSync } from "node:fs";
import { checkArgs, isEventName, type LogEvent, type SqlValue } from "@runt/schema";
import { describe, expect, it } from "vitest";
import { openDatabase } from "../src/database";
import { Replica } from "../src/replica";
import { createState, materialize } from "../src/state";
import { allRows, sorted, type TableRows } from "./rows";

interface GoldenLog {
  readonly events: readonly LogEvent[];
  readonly applied: readonly (boolean | null)[];
  readonly facts: readonly (readonly [place: number, sql: string, rows: SqlValue[][]])[];
  readonly rows: TableRows;
}

const folder = new URL("../../../../contract/golden/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".json"));

describe.each(names)("golden log %s", (name) => {
  const log: GoldenLog = JSON.parse(readFileSync(new URL(name, folder), "utf8"));
  const expected = Object.fromEntries(Object.entries(log.rows).map(([table, rows]) => [table, sorted(rows)]));

  it("gives the same flags, facts and rows", async () => {
    const db = await openDatabase();
    createState(db);
    log.events.forEach(([event, args, clientId, storeSessionId], place) => {
      if (isEventName(event)) checkArgs(event, args);
      expect(materialize(db, event, args, clientId, storeSessionId)).toBe(log.applied[place]);
      for (const [at, sql, rows] of log.facts) if (at === place + 1) expect(db.rows({ sql, params: [] }, {})).toEqual(rows);
    });
    expect(allRows(db)).toEqual(expected);
    db.close();
  });

  it("gives the same rows below and above pending events", async () => {
    const db = await openDatabase();
    const replica = new Replica(db, "ada");
    replica.commit({ storeSessionId: "mine", n: 1, name: "v1.ActorSet", args: { actorId: "me", kind: "human", name: "Me" } });
    const incoming = log.events.map(([event, args, clientId, storeSessionId, n], place) => ({
      kind: "event" as const,
      seq: place + 1,
      event: { n, name: event, args, clientId, storeSessionId },
    }));
    for (const item of incoming) replica.reconcile(once(item), () => {});
    expect(replica.unknown).toBe(log.applied.filter((flag) => flag === null).length);
    replica.reconcile(once({ kind: "reject", storeSessionId: "mine", n: 1, code: "forbidden", message: "" }), () => {});
    expect(allRows(db)).toEqual(expected);
    replica.close();
  });
});

function once<T>(item: T): () => T | undefined {
  let given = false;
  return () => {
    if (given) return undefined;
    given = true;
    return item;
  };
}
