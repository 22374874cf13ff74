// Args are checked as Python checks them: the same verdict and the same words, case by case.
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkArgs, InvalidEventError } from "../src/index";

const { cases }: { cases: [string, unknown, string | null][] } = JSON.parse(
  readFileSync(new URL("../../../../contract/args.json", import.meta.url), "utf8"),
);

function verdict(name: string, args: unknown): string | null {
  try {
    checkArgs(name, args);
    return null;
  } catch (error) {
    if (error instanceof InvalidEventError) return error.message;
    throw error;
  }
}

describe("checkArgs", () => {
  it.each(cases.map(([name, args, problem], place) => ({ place, name, args, problem })))(
    "agrees on case $place, $name",
    ({ name, args, problem }) => {
      const said = verdict(name, args);
      if (problem?.endsWith("JSON: ")) expect(said?.slice(0, problem.length)).toBe(problem);
      else expect(said).toBe(problem);
    },
  );

  it("takes an undefined optional field as absent", () => {
    expect(verdict("v1.CellCreated", { cellId: "a", cellType: "code", position: "a0", source: "", metadata: undefined })).toBeNull();
    expect(verdict("v1.CellSourceSet", { cellId: "a", source: undefined })).toBe("v1.CellSourceSet.source: missing");
  });
});
