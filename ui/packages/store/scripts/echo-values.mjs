// Send texts through the store's SQLite and print what comes back, for tests in other languages.
//
// stdin: one JSON string literal a line. Each text is bound into a STRICT TEXT column and read again by the store's own
// code; its JSON string literal is printed, a line each. With `--values` the texts are JSON texts, and what is printed is
// the value that this language understands by what it read, as compact JSON.
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const source = (path) => fileURLToPath(new URL(path, import.meta.url));
const { module: store } = await runnerImport(source("../src/database.ts"));
const { module: schema } = await runnerImport(source("../../schema/src/index.ts"));

const asValues = process.argv.includes("--values");
const db = await store.openDatabase();
db.execute("CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT");
const insert = { sql: "INSERT INTO texts (id, text) VALUES (:id, :text)", params: ["id", "text"] };
let count = 0;
for await (const line of createInterface({ input: process.stdin })) {
  count += 1;
  db.run(insert, { id: count, text: JSON.parse(line) });
}
const lines = db
  .rows({ sql: "SELECT text FROM texts ORDER BY id", params: [] }, {})
  .map(([text]) => JSON.stringify(asValues ? schema.decodeJsonText(text) : text));
db.close();
process.stdout.write(lines.map((line) => `${line}\n`).join(""));
