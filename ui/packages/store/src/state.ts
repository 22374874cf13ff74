// The derived state: an empty one, one event of the log applied to it, and reads of the catalogue as row objects.

import { bindArgs, DDL, isEventName, MATERIALIZERS, type Query, type SqlValue } from "@runt/schema";
import type { Database } from "./database";

export type Args = Readonly<Record<string, unknown>>;
export type Row = Readonly<Record<string, SqlValue>>;

/** Make the tables and indexes of an empty state. */
export function createState(db: Database): void {
  for (const sql of DDL) db.execute(sql);
}

/** Tell whether a database has the tables and indexes of a state, each made by the same words. */
export function isState(db: Database): boolean {
  const made = new Set(db.rows({ sql: "SELECT sql FROM sqlite_schema", params: [] }, {}).map(([sql]) => sql));
  return DDL.every((sql) => made.has(sql));
}

/** Forget every row. */
export function clearState(db: Database, tables: readonly string[]): void {
  for (const table of tables) db.execute(`DELETE FROM ${table}`);
}

/**
 * Apply one event of the log.
 *
 * @param args - checked wire args
 * @returns whether its guard held and its statements ran; null for an event that this version does not know
 */
export function materialize(db: Database, name: string, args: Args, clientId: string, storeSessionId: string): boolean | null {
  if (!isEventName(name)) return null;
  const rule = MATERIALIZERS[name];
  const bindings = bindArgs(name, args);
  bindings.clientId = clientId;
  bindings.storeSessionId = storeSessionId;
  const held = rule.guard === null ? 1 : db.value(rule.guard, bindings);
  if (held === 0) return false;
  const statements = held === 1 ? rule.statements.slice(rule.rare) : rule.statements;
  // Any list of items was checked to be one, with fields that are strings.
  const items = rule.each === null ? [{}] : (args[rule.each] as readonly Readonly<Record<string, string>>[]);
  for (const item of items) {
    const bound = rule.each === null ? bindings : { ...bindings, ...item };
    for (const statement of statements) db.run(statement, bound);
  }
  return true;
}

/** Read a query's rows as objects with its columns as keys. */
export function readRows(db: Database, query: Query<unknown, never>, params: Readonly<Record<string, SqlValue>>): Row[] {
  return db.rows(query, params).map((values) => {
    const row: Record<string, SqlValue> = {};
    query.columns.forEach((column, place) => {
      row[column] = values[place] ?? null;
    });
    return row;
  });
}
