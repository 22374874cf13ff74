// From many small writes to few events: when text is sent on. Pure; time is passed in. As runtime_core/coalesce.py.
//
// The first text after a pause goes at once, so nobody waits for a first line. What follows is gathered for an interval
// that grows while the text goes on. Text of several keys keeps its order.

import { cleanText, encodedSize, isHighSurrogate, splitText } from "./text";

const MIN_INTERVAL_MS = 16;
const MAX_INTERVAL_MS = 100;
const QUIET_MS = 500;

/** Bound of the text of one event, as JSON. */
export const CHUNK_BYTES = 64 * 1024;

/** Text for one event; `sizeBytes` is its size as JSON. */
export interface Chunk<Key> {
  readonly key: Key;
  readonly text: string;
  readonly sizeBytes: number;
}

/** Gathers text until it is due. Whoever adds asks `dueMs` afterwards, and calls `tick` then. Keys are compared by identity. */
export class TextCoalescer<Key> {
  private pending: { readonly key: Key; readonly parts: string[] }[] = [];
  private units = 0;
  private half: { readonly key: Key; readonly unit: string } | null = null;
  private readonly leastMs: number;
  private intervalMs: number;
  private sentMs: number | null = null;

  /** @param leastMs - the shortest interval, for where an event costs much */
  constructor(leastMs = MIN_INTERVAL_MS) {
    this.leastMs = leastMs;
    this.intervalMs = leastMs;
  }

  /** When `tick` must be called, on the clock of `nowMs`; null when nothing waits. */
  get dueMs(): number | null {
    return this.pending.length === 0 ? null : (this.sentMs ?? Number.NEGATIVE_INFINITY) + this.intervalMs;
  }

  /** How many UTF-16 units wait. */
  get waitingUnits(): number {
    return this.units + (this.half === null ? 0 : 1);
  }

  /** Take a write; gives what is to be sent at once, in order. */
  add(key: Key, text: string, nowMs: number): Chunk<Key>[] {
    const whole = this.whole(key, text);
    if (whole !== "") this.gather(key, whole);
    const due = this.dueMs;
    return due !== null && (nowMs >= due || this.units >= CHUNK_BYTES) ? this.take(nowMs) : [];
  }

  /** Give out what is due. */
  tick(nowMs: number): Chunk<Key>[] {
    const due = this.dueMs;
    return due !== null && nowMs >= due ? this.take(nowMs) : [];
  }

  /** Give out everything that waits, because something else must come after it. */
  flush(nowMs: number): Chunk<Key>[] {
    this.breakHalf();
    return this.take(nowMs);
  }

  /** Hold back the first half of a surrogate pair that was written in two. */
  private whole(key: Key, text: string): string {
    if (text === "") return "";
    let joined = text;
    if (this.half?.key === key) {
      joined = this.half.unit + text;
      this.half = null;
    } else this.breakHalf();
    if (isHighSurrogate(joined.charCodeAt(joined.length - 1))) {
      this.half = { key, unit: joined.slice(-1) };
      joined = joined.slice(0, -1);
    }
    return cleanText(joined);
  }

  private breakHalf(): void {
    if (this.half === null) return;
    const { key, unit } = this.half;
    this.half = null;
    this.gather(key, cleanText(unit));
  }

  private gather(key: Key, text: string): void {
    const last = this.pending.at(-1);
    if (last?.key === key) last.parts.push(text);
    else this.pending.push({ key, parts: [text] });
    this.units += text.length;
  }

  private take(nowMs: number): Chunk<Key>[] {
    if (this.pending.length === 0) return [];
    const quiet = this.sentMs === null || nowMs - this.sentMs >= QUIET_MS;
    this.intervalMs = quiet ? this.leastMs : Math.max(this.leastMs, Math.min(MAX_INTERVAL_MS, this.intervalMs * 1.5));
    this.sentMs = nowMs;
    const taken = this.pending;
    this.pending = [];
    this.units = 0;
    return taken.flatMap(({ key, parts }) =>
      Array.from(splitText(parts.join(""), CHUNK_BYTES), (text) => ({ key, text, sizeBytes: encodedSize(text) })),
    );
  }
}
