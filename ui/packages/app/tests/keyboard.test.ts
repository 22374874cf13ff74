import { describe, expect, it } from "vitest";
import { BINDINGS, interpretKey, keyCaps, type Mode, type Pending, type Stroke, strokeName } from "../src/model/keyboard";

const stroke = (key: string, change: Partial<Stroke> = {}): Stroke => ({
  key,
  code: "",
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  repeat: false,
  ...change,
});

function press(mode: Mode, ...strokes: [Stroke, number?][]) {
  let pending: Pending | null = null;
  let command = null;
  for (const [one, atMs] of strokes) ({ command, pending } = interpretKey(pending, mode, one, atMs ?? 0));
  return command;
}

describe("interpretKey", () => {
  it.each([
    ["Enter", {}, "edit"],
    ["Enter", { shiftKey: true }, "runAndAdvance"],
    ["Enter", { ctrlKey: true }, "runInPlace"],
    ["Enter", { metaKey: true }, "runInPlace"],
    ["Enter", { altKey: true }, "runAndInsert"],
    ["a", {}, "insertAbove"],
    ["b", {}, "insertBelow"],
    ["m", {}, "toMarkdown"],
    ["y", {}, "toCode"],
    ["x", {}, "cut"],
    ["c", {}, "copy"],
    ["v", {}, "paste"],
    ["V", { shiftKey: true }, "pasteAbove"],
    ["z", {}, "undoDelete"],
    ["k", {}, "selectPrevious"],
    ["ArrowUp", {}, "selectPrevious"],
    ["j", {}, "selectNext"],
    ["h", {}, "help"],
    ["?", { shiftKey: true }, "help"],
  ] as const)("in command mode %s %j is %s", (key, change, command) => {
    expect(press("command", [stroke(key, change)])).toBe(command);
  });

  it("leaves the browser its own keys", () => {
    expect(press("command", [stroke("c", { ctrlKey: true })])).toBeNull();
    expect(press("command", [stroke("A", { shiftKey: true })])).toBeNull();
  });

  it.each([
    ["d", "delete"],
    ["i", "interrupt"],
    ["0", "restart"],
  ] as const)("needs %s twice within a second", (key, command) => {
    expect(press("command", [stroke(key)])).toBeNull();
    expect(press("command", [stroke(key), 0], [stroke(key), 900])).toBe(command);
    expect(press("command", [stroke(key), 0], [stroke(key), 1100])).toBeNull();
    expect(press("command", [stroke(key)], [stroke("q")], [stroke(key)])).toBeNull();
  });

  it("a held key repeats movement but deletes nothing", () => {
    expect(press("command", [stroke("j", { repeat: true })])).toBe("selectNext");
    expect(press("command", [stroke("d")], [stroke("d", { repeat: true })])).toBeNull();
    expect(press("command", [stroke("b", { repeat: true })])).toBeNull();
  });

  it("in edit mode takes only running, splitting, moving and Escape", () => {
    expect(press("edit", [stroke("Escape")])).toBe("leaveEdit");
    expect(press("edit", [stroke("Enter", { shiftKey: true })])).toBe("runAndAdvance");
    expect(press("edit", [stroke("d")], [stroke("d")])).toBeNull();
    expect(press("edit", [stroke("Enter")])).toBeNull();
    expect(press("edit", [stroke("_", { ctrlKey: true, shiftKey: true })])).toBe("split");
  });

  it("uses the physical key on a layout without Latin letters", () => {
    expect(strokeName(stroke("ф", { code: "KeyA" }))).toBe("a");
  });
});

describe("BINDINGS", () => {
  it("gives no key two meanings in one mode", () => {
    for (const mode of ["command", "edit"] as const) {
      const keys = BINDINGS.filter((binding) => binding.modes.includes(mode)).flatMap((binding) => binding.keys);
      expect(new Set(keys).size).toBe(keys.length);
    }
  });
});

describe("keyCaps", () => {
  const texts = (key: string, mac: boolean) => keyCaps(key, mac).map((cap) => cap.text);
  it("writes keys for people", () => {
    expect(texts("d d", false)).toEqual(["D", "D"]);
    expect(texts("Mod-Shift-ArrowUp", false)).toEqual(["Ctrl", "Shift", "↑"]);
    expect(texts("Mod-Shift--", true)).toEqual(["⌘", "⇧", "-"]);
  });
});
