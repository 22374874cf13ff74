// Comm messages on the live channel, which takes small messages only: as pieces of JSON text; runtime_schema/live.py has the rules.
// Pure.
import type { Json } from "@runt/schema";
import { parseJson } from "./mime";

/** As JSON inside JSON a character of ASCII text takes up to 2 bytes; 64 KiB are allowed. */
export const PIECE_CHARACTERS = 30_000;
const MOST_PIECES = 4_096;

export interface Piece {
  readonly part: number;
  readonly parts: number;
  readonly text: string;
}

/** Cut a list of messages into pieces. Text is ASCII, so that no cut parts what belongs together. */
export function piecesOf(messages: readonly unknown[]): readonly Piece[] {
  const text = JSON.stringify(messages).replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const parts = Math.ceil(text.length / PIECE_CHARACTERS);
  return Array.from({ length: parts }, (_, part) => ({
    part,
    parts,
    text: text.slice(part * PIECE_CHARACTERS, (part + 1) * PIECE_CHARACTERS),
  }));
}

/** Joins the pieces of one sender. */
export class Joiner {
  #texts: string[] = [];

  /** Take a piece; gives the list of messages with the last one. Part 0 begins anew; what misses its beginning is nothing. */
  add(data: Readonly<Record<string, Json>>): readonly Json[] | null {
    const { part, parts, text } = data;
    if (typeof part !== "number" || typeof parts !== "number" || typeof text !== "string" || parts > MOST_PIECES) return null;
    if (part === 0) this.#texts = [];
    if (part !== this.#texts.length) {
      this.#texts = [];
      return null;
    }
    this.#texts.push(text);
    if (part + 1 < parts) return null;
    const whole = parseJson(this.#texts.join(""));
    this.#texts = [];
    return Array.isArray(whole) ? whole : null;
  }
}
