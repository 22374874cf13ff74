// The whole state of a database as plain rows, for comparing two of them.
import { type SqlValue, TABLES } from "@runt/schema";
import type { Database } from "../src/database";

export type TableRows = Readonly<Record<string, readonly Readonly<Record<string, SqlValue>>[]>>;

/** Read every table; rows are sorted by their text, because tables have no order of their own. */
export function allRows(db: Database): TableRows {
  return Object.fromEntries(TABLES.map((table) => [table, sorted(tableRows(db, table))]));
}

export function sorted<T>(rows: readonly T[]): T[] {
  return [...rows].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function tableRows(db: Database, table: string): Record<string, SqlValue>[] {
  const columns = db.rows({ sql: `SELECT name FROM pragma_table_info('${table}')`, params: [] }, {}).map(([name]) => String(name));
  const values = db.rows({ sql: `SELECT ${columns.join(", ")} FROM ${table}`, params: [] }, {});
  return values.map((row) => Object.fromEntries(columns.map((column, place) => [column, row[place] ?? null])));
}
