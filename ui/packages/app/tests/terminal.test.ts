import { describe, expect, it } from "vitest";
import { Terminal, terminalLines } from "../src/model/terminal";

const text = (terminal: Terminal) => terminal.lines.map((line) => line.runs.map((run) => run.text).join(""));

function written(...chunks: string[]): string[] {
  const terminal = new Terminal();
  for (const chunk of chunks) terminal.write(chunk);
  return text(terminal);
}

describe("Terminal", () => {
  it("keeps lines and opens one after a newline", () => {
    expect(written("a\nb\n")).toEqual(["a", "b", ""]);
    expect(terminalLines("a\nb\n")).toHaveLength(2);
  });

  it("overwrites from the start of the line after a carriage return", () => {
    expect(written("10%\r", "20%\r", "100%\n")).toEqual(["100%", ""]);
    expect(written("abcdef\rXY")).toEqual(["XYcdef"]);
  });

  it("treats CRLF as a line end", () => {
    expect(written("a\r\nb")).toEqual(["a", "b"]);
    expect(written("a\r", "\nb")).toEqual(["a", "b"]);
  });

  it("steps back for a backspace", () => {
    expect(written("abc\b\bX")).toEqual(["aXc"]);
  });

  it("erases lines and moves up, as nested progress bars do", () => {
    expect(written("one\ntwo\u001b[A\r\u001b[2KONE")).toEqual(["ONE", "two"]);
    expect(written("abcdef\u001b[3D\u001b[K")).toEqual(["abc"]);
  });

  it("clears the screen", () => {
    expect(written("a\nb\u001b[2J\u001b[Hc")).toEqual(["c"]);
  });

  it("holds an escape that is split between chunks", () => {
    const terminal = new Terminal();
    terminal.write("a\u001b[3");
    terminal.write("1mred");
    expect(terminal.lines[0]?.runs).toEqual([
      { text: "a", style: null },
      { text: "red", style: { fg: 1, bg: null, decorations: [] } },
    ]);
  });

  it("drops hyperlink and title sequences but keeps their text", () => {
    expect(written("\u001b]8;;https://example.org\u001b\\link\u001b]8;;\u0007!\u001b]0;title\u0007")).toEqual(["link!"]);
  });

  it("drops unknown escapes and control characters", () => {
    expect(written("a\u0007\u001b[?25lb\u001b(Bc\u0000d")).toEqual(["abcd"]);
  });

  it("pads when the cursor was moved beyond the end", () => {
    expect(written("a\u001b[3Cb")).toEqual(["a   b"]);
  });

  it("tells the first changed line once", () => {
    const terminal = new Terminal();
    terminal.write("a\nb\nc");
    expect(terminal.takeDirty()).toBe(0);
    expect(terminal.takeDirty()).toBeNull();
    terminal.write("d");
    expect(terminal.takeDirty()).toBe(2);
    terminal.write("\u001b[A!");
    expect(terminal.takeDirty()).toBe(1);
  });

  it("starts anew when cleared", () => {
    const terminal = new Terminal();
    terminal.write("a\n\u001b[31mb\u001b[");
    terminal.clear();
    terminal.write("c");
    expect(terminal.lines).toEqual([{ runs: [{ text: "c", style: null }], length: 1 }]);
    expect(terminal.takeDirty()).toBe(0);
  });

  it("gives the same lines however the text is cut", () => {
    const whole = "\u001b[1;31mA\u001b[0m 10%\r\u001b[32mB\u001b[38;5;208mC\u001b[0m\nlast\b\bXY\u001b]0;t\u0007Z\n";
    const expected = terminalLines(whole);
    for (let cut = 1; cut < whole.length; cut += 1) {
      const terminal = new Terminal();
      terminal.write(whole.slice(0, cut));
      terminal.write(whole.slice(cut));
      expect(terminal.lines.slice(0, terminal.lineCount)).toEqual(expected);
    }
  });

  it("takes 100,000 lines in well under a second", () => {
    const terminal = new Terminal();
    for (let n = 0; n < 100; n += 1) terminal.write("some ordinary line of text\n".repeat(1000));
    expect(terminal.lineCount).toBe(100_000);
  });
});
