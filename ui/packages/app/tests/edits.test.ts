import { describe, expect, it } from "vitest";
import { type CellFacts, createCell, moveCell, neighbourOf, runAll, runCell, splitSource } from "../src/model/edits";

const cell = (id: string, position: string, source = "1", cellType = "code"): CellFacts => ({ id, cellType, source, position });
const counter = () => {
  let n = 0;
  return () => {
    n += 1;
    return `id${n}`;
  };
};

describe("runAll", () => {
  it("is one batch of the code cells in order that stops on an error", () => {
    const cells = [cell("a", "a0"), cell("m", "a1", "# text", "markdown"), cell("e", "a2", "  \n"), cell("b", "a3", "2")];
    expect(runAll(cells, counter(), 7)).toEqual([
      {
        name: "v1.ExecutionBatchRequested",
        args: {
          batchId: "id3",
          stopOnError: true,
          items: [
            { executionId: "id1", cellId: "a", source: "1" },
            { executionId: "id2", cellId: "b", source: "2" },
          ],
          requestedMs: 7,
        },
      },
    ]);
  });

  it("requests nothing when nothing can run", () => {
    expect(runAll([cell("m", "a0", "x", "markdown")], counter(), 0)).toEqual([]);
  });

  it("spreads long sources over several events of one batch", () => {
    const long = "x".repeat(50_000);
    const events = runAll([cell("a", "a0", long), cell("b", "a1", long), cell("c", "a2", "y")], counter(), 0);
    const batches = events.flatMap((event) => (event.name === "v1.ExecutionBatchRequested" ? [event.args] : []));
    expect(batches.map((batch) => batch.items.map((item) => item.cellId))).toEqual([["a"], ["b", "c"]]);
    expect(new Set(batches.map((batch) => batch.batchId)).size).toBe(1);
  });
});

describe("runCell", () => {
  it("requests the source that is shown", () => {
    expect(runCell(cell("a", "a0", "x = 1"), counter(), 5)).toEqual([
      { name: "v1.ExecutionRequested", args: { executionId: "id1", cellId: "a", source: "x = 1", requestedMs: 5 } },
    ]);
  });

  it("clears the outputs of an empty cell and leaves markdown alone", () => {
    expect(runCell(cell("a", "a0", " "), counter(), 0)).toEqual([{ name: "v1.CellOutputsCleared", args: { cellId: "a" } }]);
    expect(runCell(cell("a", "a0", "x", "markdown"), counter(), 0)).toEqual([]);
  });
});

describe("createCell", () => {
  const cells = [cell("a", "a0"), cell("b", "a1")];
  it.each([
    [0, "Zz"],
    [1, "a0V"],
    [2, "a2"],
  ])("at %i stands at %s", (index, position) => {
    expect(createCell(cells, index, { cellId: "n", cellType: "code", source: "" }).args).toEqual({
      cellId: "n",
      cellType: "code",
      source: "",
      position,
    });
  });

  it("keeps metadata and attachments", () => {
    const made = createCell([], 0, { cellId: "n", cellType: "markdown", source: "x", metadata: "{}", attachments: "{}" });
    expect(made.args).toMatchObject({ metadata: "{}", attachments: "{}", position: "a0" });
  });
});

describe("moveCell", () => {
  const cells = [cell("a", "a0"), cell("b", "a1"), cell("c", "a2")];
  it("goes between its new neighbours", () => {
    expect(moveCell(cells, "a", 1)?.args).toEqual({ cellId: "a", position: "a1V" });
    expect(moveCell(cells, "c", -1)?.args).toEqual({ cellId: "c", position: "a0V" });
    expect(moveCell(cells, "b", 1)?.args).toEqual({ cellId: "b", position: "a3" });
  });

  it("stays at the ends", () => {
    expect(moveCell(cells, "a", -1)).toBeNull();
    expect(moveCell(cells, "c", 1)).toBeNull();
  });
});

describe("splitSource", () => {
  it("leaves the line break at the caret to neither half", () => {
    expect(splitSource("a\nb", 1)).toEqual(["a", "b"]);
    expect(splitSource("a\nb", 2)).toEqual(["a", "b"]);
    expect(splitSource("ab", 1)).toEqual(["a", "b"]);
  });
});

describe("neighbourOf", () => {
  it("is the next cell, at the end the one before", () => {
    const cells = [cell("a", "a0"), cell("b", "a1")];
    expect(neighbourOf(cells, "a")).toBe("b");
    expect(neighbourOf(cells, "b")).toBe("a");
    expect(neighbourOf([cell("a", "a0")], "a")).toBeNull();
  });
});
