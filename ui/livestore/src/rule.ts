// How a rule of the notebook runs in LiveStore: its guard is read once, before any of its statements, by the query that a
// materializer is given; then the statements that it tells are handed over, or none.

import type { LiveStoreEvent, State } from "@livestore/livestore";
import { bindArgs, type EventName, MATERIALIZERS, type SqlValue, type Statement } from "@runt/schema";
import { authorOf } from "./envelope";

type MaterializerContext = Parameters<State.SQLite.Materializer>[1];
type Result = { readonly sql: string; readonly bindValues: Record<string, SqlValue>; readonly writeTables: ReadonlySet<string> };

/** Make the materializer of an event. */
export function rule(name: EventName): (args: object, context: Pick<MaterializerContext, "query" | "event">) => Result[] {
  const { guard, statements, rare, each, writes } = MATERIALIZERS[name];
  const guardSql = guard && dollars(guard.sql);
  const texts = statements.map((statement) => ({ sql: dollars(statement.sql), params: statement.params }));
  const writeTables = new Set(Object.keys(writes));
  return (args, { query, event }) => {
    const fields = args as Readonly<Record<string, unknown>>;
    const bound: Record<string, SqlValue> = { ...bindArgs(name, fields), ...authorOf(event) };
    const held = guard === null || guardSql === null ? 1 : value(query({ query: guardSql, bindValues: pick(guard, bound) }));
    if (held === 0) return [];
    const run = held === 1 ? texts.slice(rare) : texts;
    const items = each === null ? [{}] : (fields[each] as readonly Record<string, SqlValue>[]);
    return items.flatMap((item) =>
      run.map((statement) => ({ sql: statement.sql, bindValues: pick(statement, { ...bound, ...item }), writeTables })),
    );
  };
}

/** Tell whether an event's guard holds on a state. */
export function guardHolds(
  name: EventName,
  args: object,
  event: Pick<LiveStoreEvent.Client.Decoded, "clientId" | "sessionId">,
  query: MaterializerContext["query"],
): boolean {
  const { guard } = MATERIALIZERS[name];
  if (guard === null) return true;
  const bound = { ...bindArgs(name, args as Readonly<Record<string, unknown>>), ...authorOf(event) };
  return value(query({ query: dollars(guard.sql), bindValues: pick(guard, bound) })) !== 0;
}

/** Give what a guard says. */
function value(rows: readonly unknown[]): unknown {
  const [row] = rows;
  return typeof row === "object" && row !== null ? Object.values(row)[0] : 0;
}

/** LiveStore binds `$name`; SQLite takes a parameter that the statement does not have for a mistake. */
export function pick({ params }: Pick<Statement, "params">, bound: Readonly<Record<string, SqlValue>>): Record<string, SqlValue> {
  return Object.fromEntries(params.map((param) => [param, bound[param] ?? null]));
}

/** Write parameters as LiveStore binds them; text in quotes stays. */
export function dollars(sql: string): string {
  return sql
    .split("'")
    .map((part, place) => (place % 2 === 0 ? part.replace(/:(\w+)/g, "$$$1") : part))
    .join("'");
}
