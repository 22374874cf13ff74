// The small pieces: ids, MIME types, JSON text, SQL parameters, staleness, and that the rules bind what their SQL names.
import { describe, expect, it } from "vitest";
import { bindArgs, decodeJsonText, EVENTS, isJsonMime, isStale, isTextMime, MATERIALIZERS, queries, uuid7 } from "../src/index";

describe("uuid7", () => {
  it("is the one of RFC 9562's example", () => {
    const random = new Uint8Array([0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f]);
    expect(uuid7(0x017f22e279b0, random)).toBe("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
  });
});

describe("MIME types", () => {
  it("say what their values are", () => {
    expect(["application/json; x=1", "application/vnd.plotly.v1+json", "text/plain", "image/png"].map(isJsonMime)).toEqual([
      true,
      true,
      false,
      false,
    ]);
    expect(["image/svg+xml", "text/html", "application/javascript", "image/png"].map(isTextMime)).toEqual([true, true, true, false]);
  });
});

describe("JSON text", () => {
  it("is parsed when both languages agree on it", () => {
    expect(decodeJsonText(' {"a":[1,2.5,true,false,null,"\\u0041"]} ')).toEqual({ a: [1, 2.5, true, false, null, "A"] });
  });
});

describe("bindArgs", () => {
  it("binds absent fields as null, flags as 0 and 1, lists and bundles as JSON text, and no items", () => {
    expect(bindArgs("v1.CellVisibilitySet", { cellId: "a", output: false })).toEqual({
      cellId: "a",
      source: null,
      output: 0,
      aiContext: null,
    });
    const bundle = { "text/plain": { type: "inline", data: "é" } };
    expect(bindArgs("v1.DisplayUpdated", { displayId: "d", executionId: "e", sessionId: "s", bundle, metadata: "{}" }).bundle).toBe(
      '{"text/plain":{"type":"inline","data":"é"}}',
    );
    expect(bindArgs("v1.ExecutionBatchRequested", { batchId: "b", stopOnError: true, items: [], requestedMs: 1 })).toEqual({
      batchId: "b",
      stopOnError: 1,
      requestedMs: 1,
    });
  });
});

describe("isStale", () => {
  it("looks at tables and at the keys that both sides name", () => {
    const { reads } = queries.outputs;
    const { writes } = MATERIALIZERS["v1.ResultAdded"];
    expect(isStale(reads, { executionId: "e" }, writes, { executionId: "e" })).toBe(true);
    expect(isStale(reads, { executionId: "e" }, writes, { executionId: "f" })).toBe(false);
    expect(isStale(reads, { executionId: "e" }, MATERIALIZERS["v1.CellDeleted"].writes, { cellId: "c" })).toBe(true);
    expect(isStale(queries.files.reads, {}, writes, { executionId: "e" })).toBe(false);
  });
});

describe("the generated rules", () => {
  it("bind only what an event, its items and its envelope have", () => {
    for (const [name, rule] of Object.entries(MATERIALIZERS)) {
      const known = new Set(["clientId", "storeSessionId", ...EVENTS[name as keyof typeof EVENTS].map((field) => field.name)]);
      if (rule.each !== null) for (const field of ["executionId", "cellId", "source"]) known.add(field);
      const named = [...(rule.guard === null ? [] : [rule.guard]), ...rule.statements].flatMap((statement) => statement.params);
      expect(named.filter((param) => !known.has(param))).toEqual([]);
    }
  });

  it("give every query the columns of its rows", () => {
    for (const query of Object.values(queries)) expect(query.sql.split(" FROM ")[0]?.split(",").length).toBe(query.columns.length);
  });
});
