// biome-ignore-all lint/suspicious/noControlCharactersInRegex: control characters are what a terminal interprets.
// The text of a stream as a terminal would show it: lines of styled runs, written to incrementally.
// Pure. Colours and cursor moves are interpreted; unknown escapes are dropped. Source: ECMA-48; xterm control sequences.
import { applySgr, type Style } from "./sgr";

/** Consecutive text in one style; `style` is null for plain text. */
export interface Run {
  text: string;
  style: Style | null;
}

/** One line; `length` is the number of UTF-16 units in its runs. */
export interface Line {
  runs: Run[];
  length: number;
}

const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/g;
const CSI = /\u001b\[([0-?]*)[ -/]*([@-~])/y;
const OSC = /\u001b[\]P_^X][^\u0007\u001b]*(?:\u0007|\u001b\\)/y;
const OTHER_ESCAPE = /\u001b[ -/]*[0-OQ-WYZ`-~]/y;
const INCOMPLETE = /\u001b(?:\[[0-?]*[ -/]*|[\]P_^X][^\u0007\u001b]*\u001b?|[ -/]*)$/y;
const LONGEST_HELD = 4096;

/** A screen of unlimited height, without wrapping. */
export class Terminal {
  readonly lines: Line[] = [{ runs: [], length: 0 }];
  #row = 0;
  #column = 0;
  #style: Style | null = null;
  #held = "";
  #dirtyFrom = 0;

  /** Interpret text that follows all text written before; an escape may be split between two writes. */
  write(text: string): void {
    const input = this.#held + text;
    this.#held = "";
    let at = 0;
    while (at < input.length) {
      CONTROL.lastIndex = at;
      const found = CONTROL.exec(input);
      const end = found === null ? input.length : found.index;
      if (end > at) this.#put(input.slice(at, end));
      if (found === null) return;
      if (found[0] === "\u001b") {
        at = this.#escape(input, end);
      } else {
        this.#control(found[0]);
        at = end + 1;
      }
    }
  }

  /** Forget everything: text that follows is the first. */
  clear(): void {
    this.lines.splice(0, this.lines.length, { runs: [], length: 0 });
    this.#row = this.#column = this.#dirtyFrom = 0;
    this.#style = null;
    this.#held = "";
  }

  /** Number of lines with content: a newline at the end opens no further line to show. */
  get lineCount(): number {
    return this.lines.at(-1)?.length === 0 ? this.lines.length - 1 : this.lines.length;
  }

  /** Give the first line changed since the last call, or null when nothing was. */
  takeDirty(): number | null {
    const from = this.#dirtyFrom;
    this.#dirtyFrom = Number.POSITIVE_INFINITY;
    return from === Number.POSITIVE_INFINITY ? null : from;
  }

  #line(): Line {
    while (this.lines.length <= this.#row) this.lines.push({ runs: [], length: 0 });
    if (this.#row < this.#dirtyFrom) this.#dirtyFrom = this.#row;
    return this.lines[this.#row] as Line; // the loop above made it
  }

  #put(text: string): void {
    const line = this.#line();
    const added: Run = { text, style: this.#style };
    if (this.#column > line.length) append(line, { text: " ".repeat(this.#column - line.length), style: null });
    if (this.#column === line.length) {
      append(line, added);
    } else {
      const runs = [...slice(line.runs, 0, this.#column), added, ...slice(line.runs, this.#column + text.length, line.length)];
      line.runs = [];
      line.length = 0;
      for (const run of runs) append(line, run);
    }
    this.#column += text.length;
  }

  #control(char: string): void {
    if (char === "\n") {
      this.#row += 1;
      this.#column = 0;
      this.#line();
    } else if (char === "\r") {
      this.#column = 0;
    } else if (char === "\b") {
      this.#column = Math.max(0, this.#column - 1);
    }
  }

  #escape(input: string, at: number): number {
    CSI.lastIndex = OSC.lastIndex = OTHER_ESCAPE.lastIndex = INCOMPLETE.lastIndex = at;
    const csi = CSI.exec(input);
    if (csi !== null) {
      this.#csi(csi[2] ?? "", csi[1] ?? "");
      return CSI.lastIndex;
    }
    if (OSC.test(input)) return OSC.lastIndex;
    if (INCOMPLETE.test(input) && input.length - at < LONGEST_HELD) {
      this.#held = input.slice(at);
      return input.length;
    }
    return OTHER_ESCAPE.test(input) ? OTHER_ESCAPE.lastIndex : at + 1;
  }

  #csi(final: string, parameters: string): void {
    if (final === "m") {
      this.#style = applySgr(this.#style, parameters);
      return;
    }
    const count = Number.parseInt(parameters, 10);
    const steps = Number.isNaN(count) || count === 0 ? 1 : count;
    if (final === "A" || final === "F") this.#row = Math.max(0, this.#row - steps);
    else if (final === "B" || final === "E") this.#row = Math.min(this.lines.length - 1, this.#row + steps);
    else if (final === "C") this.#column += Math.min(steps, 1000);
    else if (final === "D") this.#column = Math.max(0, this.#column - steps);
    else if (final === "G") this.#column = Math.min(steps, 1000) - 1;
    else if (final === "K") this.#eraseInLine(Number.isNaN(count) ? 0 : count);
    else if (final === "J") this.#eraseBelow(Number.isNaN(count) ? 0 : count);
    if (final === "E" || final === "F") this.#column = 0;
  }

  #eraseInLine(mode: number): void {
    const line = this.#line();
    const kept = mode === 0 ? slice(line.runs, 0, this.#column) : [];
    if (mode === 1 && this.#column < line.length) {
      kept.push({ text: " ".repeat(this.#column), style: null }, ...slice(line.runs, this.#column, line.length));
    }
    line.runs = kept;
    line.length = kept.reduce((length, run) => length + run.text.length, 0);
  }

  #eraseBelow(mode: number): void {
    if (mode >= 2) {
      this.#row = 0;
      this.#column = 0;
    }
    if (mode !== 1) {
      this.#eraseInLine(0);
      this.lines.length = this.#row + 1;
    }
  }
}

/** Interpret a whole text at once. */
export function terminalLines(text: string): readonly Line[] {
  const terminal = new Terminal();
  terminal.write(text);
  return terminal.lines.slice(0, terminal.lineCount);
}

function append(line: Line, run: Run): void {
  const last = line.runs.at(-1);
  if (last !== undefined && last.style === run.style) last.text += run.text;
  else if (run.text !== "") line.runs.push({ ...run });
  line.length += run.text.length;
}

function slice(runs: readonly Run[], from: number, to: number): Run[] {
  const kept: Run[] = [];
  let at = 0;
  for (const run of runs) {
    const text = run.text.slice(Math.max(0, from - at), Math.max(0, to - at));
    if (text !== "") kept.push({ text, style: run.style });
    at += run.text.length;
  }
  return kept;
}
