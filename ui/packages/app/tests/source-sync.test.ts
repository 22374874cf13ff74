import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { COMMIT_DELAY_MS, minimalChange, SourceDraft } from "../src/model/source-sync";

describe("minimalChange", () => {
  it.each([
    ["abc", "abc", null],
    ["abc", "abXc", { from: 2, to: 2, insert: "X" }],
    ["abc", "ac", { from: 1, to: 2, insert: "" }],
    ["aaa", "aa", { from: 2, to: 3, insert: "" }],
    ["", "x", { from: 0, to: 0, insert: "x" }],
    ["one two", "one 2", { from: 4, to: 7, insert: "2" }],
  ])("from %j to %j", (before, after, change) => {
    expect(minimalChange(before, after)).toEqual(change);
  });

  it("never cuts a surrogate pair", () => {
    expect(minimalChange("a😀b", "a😁b")).toEqual({ from: 1, to: 3, insert: "😁" });
  });
});

describe("SourceDraft", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function make(source: string) {
    const committed: string[] = [];
    return { committed, draft: new SourceDraft(source, (text) => committed.push(text)) };
  }

  it("commits after a pause, once", () => {
    const { committed, draft } = make("a");
    draft.edit("ab");
    vi.advanceTimersByTime(COMMIT_DELAY_MS - 1);
    draft.edit("abc");
    vi.advanceTimersByTime(COMMIT_DELAY_MS - 1);
    expect(committed).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(committed).toEqual(["abc"]);
  });

  it("commits at once on flush and nothing afterwards", () => {
    const { committed, draft } = make("a");
    draft.edit("ab");
    draft.flush();
    draft.flush();
    vi.advanceTimersByTime(COMMIT_DELAY_MS);
    expect(committed).toEqual(["ab"]);
  });

  it("commits nothing when the edit was taken back", () => {
    const { committed, draft } = make("a");
    draft.edit("ab");
    draft.edit("a");
    vi.advanceTimersByTime(COMMIT_DELAY_MS);
    expect(committed).toEqual([]);
  });

  it("takes over a remote source while no edit waits", () => {
    const { draft } = make("a");
    expect(draft.receive("remote")).toBe("remote");
    expect(draft.receive("remote")).toBeNull();
    expect(draft.text).toBe("remote");
  });

  it("keeps the local text while an edit waits, and commits it as the last writer", () => {
    const { committed, draft } = make("a");
    draft.edit("mine");
    expect(draft.receive("theirs")).toBeNull();
    expect(draft.text).toBe("mine");
    vi.advanceTimersByTime(COMMIT_DELAY_MS);
    expect(committed).toEqual(["mine"]);
  });

  it("takes over the next remote source after its own commit", () => {
    const { draft } = make("a");
    draft.edit("mine");
    draft.flush();
    expect(draft.receive("mine")).toBeNull();
    expect(draft.receive("theirs")).toBe("theirs");
  });

  it("commits the old text when it was typed back over a remote change", () => {
    const { committed, draft } = make("a");
    draft.edit("ab");
    draft.receive("theirs");
    draft.edit("a");
    draft.flush();
    expect(committed).toEqual(["a"]);
  });

  it("drops the edit that equals what came in", () => {
    const { committed, draft } = make("a");
    draft.edit("same");
    expect(draft.receive("same")).toBeNull();
    vi.advanceTimersByTime(COMMIT_DELAY_MS);
    expect(committed).toEqual([]);
  });
});
