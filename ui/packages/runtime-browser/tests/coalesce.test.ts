// When text is sent on.
import { describe, expect, it } from "vitest";
import { TextCoalescer } from "../src/coalesce";

function texts(chunks: readonly { readonly key: string; readonly text: string }[]): string[] {
  return chunks.map(({ key, text }) => `${key}:${text}`);
}

describe("TextCoalescer", () => {
  it("gives the first text at once and gathers what follows", () => {
    const coalescer = new TextCoalescer<string>();
    expect(texts(coalescer.add("out", "a", 0))).toEqual(["out:a"]);
    expect(coalescer.add("out", "b", 1)).toEqual([]);
    expect(coalescer.add("out", "c", 2)).toEqual([]);
    expect(coalescer.waitingUnits).toBe(2);
    expect(coalescer.dueMs).toBe(16);
    expect(coalescer.tick(15)).toEqual([]);
    expect(texts(coalescer.tick(16))).toEqual(["out:bc"]);
    expect(coalescer.dueMs).toBeNull();
  });

  it("slows down while text goes on, and is fast again after a pause", () => {
    const coalescer = new TextCoalescer<string>();
    let now = 0;
    const gaps: number[] = [];
    coalescer.add("out", "x", now);
    for (let round = 0; round < 7; round += 1) {
      coalescer.add("out", "x", now);
      const due = coalescer.dueMs ?? 0;
      gaps.push(due - now);
      now = due;
      coalescer.tick(now);
    }
    expect(gaps).toEqual([16, 24, 36, 54, 81, 100, 100]);
    now += 500;
    expect(texts(coalescer.add("out", "y", now))).toEqual(["out:y"]);
    coalescer.add("out", "z", now);
    expect(coalescer.dueMs).toBe(now + 16);
  });

  it("gathers longer from the beginning where each event costs much", () => {
    const coalescer = new TextCoalescer<string>(100);
    expect(texts(coalescer.add("out", "a", 0))).toEqual(["out:a"]);
    for (const round of [1, 2, 3]) {
      coalescer.add("out", "b", round * 100 - 50);
      expect(coalescer.dueMs).toBe(round * 100);
      coalescer.tick(round * 100);
    }
  });

  it("keeps the order of several keys", () => {
    const coalescer = new TextCoalescer<string>();
    coalescer.add("out", "0", 0);
    for (const [key, text] of ["out a", "out b", "err c", "out d"].map((write) => write.split(" "))) {
      coalescer.add(key ?? "", text ?? "", 1);
    }
    expect(texts(coalescer.flush(1))).toEqual(["out:ab", "err:c", "out:d"]);
  });

  it("sends a full event's text without waiting", () => {
    const coalescer = new TextCoalescer<string>();
    coalescer.add("out", "0", 0);
    expect(coalescer.add("out", "x".repeat(64 * 1024 - 1), 1)).toEqual([]);
    expect(coalescer.add("out", "yy", 2).map(({ sizeBytes }) => sizeBytes)).toEqual([64 * 1024, 1]);
  });

  it("joins a pair that was written in two halves, and replaces a half that stays alone", () => {
    const coalescer = new TextCoalescer<string>();
    expect(coalescer.add("out", "\ud83d", 0)).toEqual([]);
    expect(coalescer.waitingUnits).toBe(1);
    expect(texts(coalescer.add("out", "\ude00", 0))).toEqual(["out:😀"]);
    coalescer.add("out", "a\ud83d", 1);
    coalescer.add("err", "b", 1);
    expect(texts(coalescer.flush(1))).toEqual(["out:a\ufffd", "err:b"]);
  });
});
