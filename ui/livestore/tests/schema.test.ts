// What a LiveStore schema of notebooks takes and refuses, and how rules reach LiveStore's SQLite.

import { Schema } from "@livestore/livestore";
import { MATERIALIZERS } from "@runt/schema";
import { expect, test } from "vitest";
import { authorOf } from "../src/envelope";
import { events } from "../src/livestore.gen";
import { dollars } from "../src/rule";

test("args that the server refuses do not become an event", () => {
  expect(() => events.cellMoved({ cellId: "no id", position: "a0" })).toThrow(/Invalid event args/);
  expect(() => events.cellMoved({ cellId: "c1", position: "a00" })).toThrow(/Invalid event args/);
  expect(() => events.executionCancelRequested({ reason: "person" })).toThrow(/Invalid event args/);
});

test("args that the server takes are encoded as they are", () => {
  const bundle = {
    "text/plain": { type: "inline", data: "é" },
    "image/png": { type: "artifact", sha256: "0".repeat(64), sizeBytes: 7 },
  } as const;
  const args = { outputId: "o1", executionId: "e1", sessionId: "R1", bundle, metadata: "{}" };
  expect(Schema.encodeSync(events.displayAdded.schema)(args)).toEqual(args);
  expect(events.executionCancelRequested({ all: true, reason: "person" }).args).toEqual({ all: true, reason: "person" });
});

test("a device stands before its session", () => {
  expect(authorOf({ clientId: "ada", sessionId: "s1" })).toEqual({ clientId: "ada", storeSessionId: "s1" });
  expect(authorOf({ clientId: "ada/laptop", sessionId: "s1" })).toEqual({ clientId: "ada", storeSessionId: "laptop__s1" });
});

test("parameters are named as LiveStore binds them, and text in quotes stays", () => {
  expect(dollars("SELECT ':a' || :b, 'it''s :c', :d")).toBe("SELECT ':a' || $b, 'it''s :c', $d");
  for (const { guard, statements } of Object.values(MATERIALIZERS)) {
    for (const { sql, params } of guard === null ? statements : [guard, ...statements]) {
      expect(new Set(dollars(sql).match(/\$\w+/g) ?? [])).toEqual(new Set(params.map((name) => `$${name}`)));
    }
  }
});
