// An in-memory SQLite: sql.js with prepared statements kept, parameters bound by place, and text that survives the way.
// It knows no table; the state is built on it.

import type { SqlValue, Statement } from "@runt/schema";
import initSqlJs, { type Database as SqlJsDatabase, type Statement as SqlJsStatement, type SqlJsStatic } from "sql.js";

/** Where sql.js's wasm is: its address, or its bytes. Node needs neither. */
export type Wasm = string | ArrayBuffer;

// @types/sql.js does not know this method, which sql.js documents and exports.
interface BlobReader {
  getBlob(column: number): Uint8Array;
}

const BYTE_ORDER_MARK = 0xfeff;
// For each table, the query that finds a text with a mark in front.
const MARK_SEARCHES = `
  SELECT 'SELECT 1 FROM "' || t.name || '" WHERE ' || group_concat('unicode("' || c.name || '") = ${BYTE_ORDER_MARK}', ' OR ') || ' LIMIT 1'
  FROM sqlite_schema AS t, pragma_table_info(t.name) AS c WHERE t.type = 'table' AND c.type = 'TEXT' GROUP BY t.name`;
const SIZE = { sql: "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", params: [] };
const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

// SQLite plans a statement anew whenever a parameter that its planner has looked at is bound, which costs ten times the run
// of a small guard. It does not look behind a unary plus, which changes neither value nor affinity of a parameter.
// A quoted text matches as a whole, so that nothing inside it counts as a parameter.
const PARAMETER = /('[^']*')|:(\w+)/g;

const loading = new Map<Wasm | undefined, Promise<SqlJsStatic>>();

/** Load SQLite (once for each `wasm`) and open an empty database, or one with this content, which is not checked. */
export async function openDatabase(wasm?: Wasm, content?: Uint8Array): Promise<Database> {
  let loaded = loading.get(wasm);
  if (loaded === undefined) {
    loaded = initSqlJs(wasm === undefined ? {} : typeof wasm === "string" ? { locateFile: () => wasm } : { wasmBinary: wasm });
    loading.set(wasm, loaded);
    loaded.catch(() => loading.delete(wasm));
  }
  const db = new (await loaded).Database(content);
  try {
    return new Database(db, content !== undefined);
  } catch (error) {
    db.close();
    throw error;
  }
}

export class Database {
  private readonly db: SqlJsDatabase;
  private readonly prepared = new Map<string, SqlJsStatement>();
  private readonly scratch: SqlValue[] = [];
  // sql.js decodes text with a TextDecoder that drops a leading byte order mark. No rule makes text, so a mark can only
  // come out after it went in; from then on text is read as bytes.
  private holdsMark = false;

  /** @param filled - it has content, of which nobody here has seen what went in */
  constructor(db: SqlJsDatabase, filled = false) {
    this.db = db;
    // sql.js keeps the database as a file of its own file system: no other process locks it, no power cut needs a journal.
    for (const pragma of ["journal_mode = MEMORY", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -65536"]) {
      db.run(`PRAGMA ${pragma}`);
    }
    if (filled) this.holdsMark = this.findMark();
  }

  /** Run a statement that gives no rows. */
  run(statement: Statement, bindings: Readonly<Record<string, SqlValue>>): void {
    const prepared = this.bind(statement, bindings);
    try {
      prepared.step();
    } finally {
      prepared.reset();
    }
  }

  /** Run a statement of fixed SQL without parameters, such as DDL or SAVEPOINT. */
  execute(sql: string): void {
    this.run({ sql, params: [] }, {});
  }

  /** Read all rows, each a list of its columns. */
  rows(statement: Statement, bindings: Readonly<Record<string, SqlValue>>): SqlValue[][] {
    const prepared = this.bind(statement, bindings);
    const made: SqlValue[][] = [];
    try {
      while (prepared.step()) made.push(this.read(prepared));
    } finally {
      prepared.reset();
    }
    return made;
  }

  /** Read the first column of the first row of a statement that always has one. */
  value(statement: Statement, bindings: Readonly<Record<string, SqlValue>>): SqlValue {
    return this.rows(statement, bindings)[0]?.[0] ?? null;
  }

  /** Copy it as the bytes of a file. Statements and pragmas stay as they are; it fails while a transaction is open. */
  export(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.db.export());
  }

  /** How many bytes it has. */
  get sizeBytes(): number {
    return Number(this.value(SIZE, {}));
  }

  close(): void {
    this.prepared.clear();
    this.db.close();
  }

  private findMark(): boolean {
    const searches = this.rows({ sql: MARK_SEARCHES, params: [] }, {});
    return searches.some(([sql]) => this.rows({ sql: String(sql), params: [] }, {}).length > 0);
  }

  private bind(statement: Statement, bindings: Readonly<Record<string, SqlValue>>): SqlJsStatement {
    let prepared = this.prepared.get(statement.sql);
    if (prepared === undefined) {
      prepared = this.db.prepare(statement.sql.replace(PARAMETER, (found, quoted) => (quoted === undefined ? `+${found}` : found)));
      this.prepared.set(statement.sql, prepared);
    }
    const values = this.scratch;
    values.length = 0;
    for (const param of statement.params) {
      const value = bindings[param] ?? null;
      if (typeof value === "string" && value.charCodeAt(0) === BYTE_ORDER_MARK) this.holdsMark = true;
      values.push(value);
    }
    // SQLite numbers named parameters by their first appearance, which is the order of `params`.
    prepared.bind(values);
    return prepared;
  }

  private read(prepared: SqlJsStatement): SqlValue[] {
    // Columns are TEXT or INTEGER in this schema, never a blob.
    const row = prepared.get() as SqlValue[];
    if (this.holdsMark) {
      const bytes = prepared as SqlJsStatement & BlobReader;
      for (let column = 0; column < row.length; column += 1) {
        if (typeof row[column] === "string") row[column] = UTF8.decode(bytes.getBlob(column));
      }
    }
    return row;
  }
}
