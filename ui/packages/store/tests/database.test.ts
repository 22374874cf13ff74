// What goes into SQLite comes out of it: every character, every integer of the schema's range.
import { expect, it } from "vitest";
import { openDatabase } from "../src/database";

const insert = { sql: "INSERT INTO t (a, i) VALUES (:a, :i)", params: ["a", "i"] };
const select = { sql: "SELECT a, i, length(CAST(a AS BLOB)) FROM t", params: [] };

async function roundTrip(a: string | null, i: number | null): Promise<unknown> {
  const db = await openDatabase();
  db.execute("CREATE TABLE t (a TEXT, i INTEGER) STRICT");
  db.run(insert, { a, i });
  const [row] = db.rows(select, {});
  db.close();
  return row;
}

it.each([
  ["nothing", ""],
  ["NUL alone", "\0"],
  ["NUL in the middle of a long text", `${"x".repeat(100)}\0${"y".repeat(100)}`],
  ["a byte order mark in front", "\ufeffabc"],
  ["a byte order mark in front of a long text", `\ufeff${"é".repeat(100)}`],
  ["two byte order marks", "\ufeff\ufeff"],
  ["characters of all lengths", "a\u007f\u0080é\u07ff\u0800\u2028\uffff😀\u{10ffff}"],
])("keeps %s", async (_, text) => {
  expect(await roundTrip(text, null)).toEqual([text, null, new TextEncoder().encode(text).length]);
});

it.each([0, -1, 2 ** 31, -(2 ** 31) - 1, 1_792_000_000_000, 2 ** 51, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER])(
  "keeps %d",
  async (i) => {
    expect(await roundTrip(null, i)).toEqual([null, i, null]);
  },
);

it("reads text with a mark although it was bound by another statement", async () => {
  const db = await openDatabase();
  db.execute("CREATE TABLE t (a TEXT, i INTEGER) STRICT");
  db.run(insert, { a: "plain", i: 1 });
  db.run({ sql: "UPDATE t SET a = :text", params: ["text"] }, { text: "\ufeffmarked" });
  expect(db.value(select, {})).toBe("\ufeffmarked");
  db.close();
});

it("goes on after a statement that failed", async () => {
  const db = await openDatabase();
  db.execute("CREATE TABLE t (a TEXT NOT NULL, i INTEGER) STRICT");
  expect(() => db.run(insert, { a: null, i: 1 })).toThrow("NOT NULL");
  db.run(insert, { a: "x", i: 1 });
  expect(db.rows(select, {})).toEqual([["x", 1, 1]]);
  db.close();
});

it("takes nothing in a quoted text for a parameter", async () => {
  const db = await openDatabase();
  expect(db.value({ sql: "SELECT ':a it''s :b' || :a", params: ["a"] }, { a: "!" })).toBe(":a it's :b!");
  db.close();
});
