// How events and queries meet the state: SQL parameters of an event, and whether an event can change a query's rows.

import { EVENTS, type EventName, type Query } from "./schema.gen";

/** What SQLite takes and gives in this schema. */
export type SqlValue = string | number | null;
/** SQL parameters by name. */
export type Bindings = Readonly<Record<string, SqlValue>>;

/**
 * Bind checked wire args as SQL parameters: every field of the event, absent ones null, lists and bundles as JSON text.
 * A list of items (a batch) is not bound: the materializer runs once for each with that item's fields.
 */
export function bindArgs(name: EventName, args: Readonly<Record<string, unknown>>): Record<string, SqlValue> {
  const bound: Record<string, SqlValue> = {};
  for (const { name: field, kind } of EVENTS[name]) {
    const value = args[field];
    if (value === undefined) bound[field] = null;
    else if (typeof value === "string" || typeof value === "number") bound[field] = value;
    else if (typeof value === "boolean") bound[field] = Number(value);
    else if (!(typeof kind === "object" && "list" in kind && kind.list === "batchItem")) bound[field] = JSON.stringify(value);
  }
  return bound;
}

/**
 * Tell whether an applied event can have changed a query's rows.
 *
 * @param reads - the tables that the query reads, each with the parameter that names its rows, or null
 * @param writes - the tables that the event's materializer writes, each with the arg that names the rows, or null
 */
export function isStale(
  reads: Query<unknown, never>["reads"],
  params: Readonly<Record<string, unknown>>,
  writes: Readonly<Record<string, string | null>>,
  args: Readonly<Record<string, unknown>>,
): boolean {
  for (const table in reads) {
    const key = reads[table] ?? null;
    if (table in writes && (key === null || writes[table] !== key || args[key] === params[key])) return true;
  }
  return false;
}
