// Strict JSON text: accepts exactly what runtime_schema/json_text.py accepts, so that both languages read one value.
// Syntax is JSON.parse's business; what it is silent about (keys given twice, range, depth, surrogates) is looked for here.

import { InvalidJsonError } from "./errors";
import { MAX_DEPTH, MAX_INTEGER } from "./schema.gen";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

const LONE_SURROGATE = /\p{Surrogate}/u;
const STRING = /"(?:[^"\\]|\\.)*"/y;
const NUMBER = /-?\d+(\.\d+)?([eE][+-]?\d+)?/y;

/**
 * Parse one JSON value strictly.
 *
 * @throws InvalidJsonError - not JSON, or JSON on which Python and JavaScript would disagree
 */
export function decodeJsonText(text: string): Json {
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InvalidJsonError(error instanceof Error ? error.message : String(error));
  }
  new Scanner(text).scan(0);
  return value;
}

/** Tell what is wrong with JSON text, or null. */
export function jsonTextProblem(text: string): string | null {
  try {
    decodeJsonText(text);
    return null;
  } catch (error) {
    if (error instanceof InvalidJsonError) return error.message;
    throw error;
  }
}

/** Tell where a string holds a lone surrogate, which neither SQLite nor UTF-8 can carry, or null. */
export function stringProblem(text: string): string | null {
  const found = LONE_SURROGATE.exec(text);
  return found === null ? null : `lone surrogate at character ${[...text.slice(0, found.index)].length}`;
}

/** Quote a string as Python's `repr` does, so that messages are the same in both languages. */
export function quote(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  let made = "";
  for (const char of text) {
    if (char === mark || char === "\\") made += `\\${char}`;
    else if (char === " " || !/[\p{C}\p{Z}]/u.test(char)) made += char;
    else made += escapeChar(char);
  }
  return mark + made + mark;
}

function escapeChar(char: string): string {
  const short = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }[char];
  if (short !== undefined) return short;
  const hex = (char.codePointAt(0) ?? 0).toString(16);
  if (hex.length <= 2) return `\\x${hex.padStart(2, "0")}`;
  return hex.length <= 4 ? `\\u${hex.padStart(4, "0")}` : `\\U${hex.padStart(8, "0")}`;
}

/** Walks over text that JSON.parse has accepted, so it needs to recognise no syntax error. */
class Scanner {
  private at = 0;
  private readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  scan(depth: number): void {
    if (depth > MAX_DEPTH) throw new InvalidJsonError(`nested deeper than ${MAX_DEPTH}`);
    const head = this.peek();
    if (head === "{") this.scanObject(depth);
    else if (head === "[") this.scanList(depth);
    else if (head === '"') this.scanString();
    else if (head === "-" || (head >= "0" && head <= "9")) this.scanNumber();
    else this.at += head === "f" ? 5 : 4;
  }

  private scanObject(depth: number): void {
    const seen = new Set<string>();
    this.at += 1;
    while (this.peek() !== "}") {
      if (this.peek() === ",") this.at += 1;
      this.peek();
      const key = this.scanString();
      if (seen.has(key)) throw new InvalidJsonError(`duplicate key ${quote(key)}`);
      seen.add(key);
      this.peek();
      this.at += 1;
      this.scan(depth + 1);
    }
    this.at += 1;
  }

  private scanList(depth: number): void {
    this.at += 1;
    while (this.peek() !== "]") {
      if (this.peek() === ",") this.at += 1;
      this.scan(depth + 1);
    }
    this.at += 1;
  }

  private scanString(): string {
    const value: string = JSON.parse(this.take(STRING));
    const problem = stringProblem(value);
    if (problem !== null) throw new InvalidJsonError(problem);
    return value;
  }

  private scanNumber(): void {
    const text = this.take(NUMBER);
    if (/[.eE]/.test(text)) {
      if (!Number.isFinite(Number(text))) throw new InvalidJsonError("number is not finite");
    } else if (Math.abs(Number(text)) > MAX_INTEGER) {
      throw new InvalidJsonError(`integer beyond ±${MAX_INTEGER}`);
    }
  }

  private take(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? "";
    this.at += found.length;
    return found;
  }

  private peek(): string {
    while (" \t\n\r".includes(this.text.charAt(this.at)) && this.at < this.text.length) this.at += 1;
    return this.text.charAt(this.at);
  }
}
