// What of a cell a runtime is asked about: the code around the caret, and carets as it counts them, in Unicode code points. Pure.

/** Well under what the live channel takes for one message, whatever the characters. */
export const LONGEST_CODE = 15_000;
const AFTER_CARET = 3_000;

export interface CodeWindow {
  readonly code: string;
  /** Where the caret is, in code points of `code`. */
  readonly cursor: number;
  /** Where `code` starts, in UTF-16 units of the cell's source. */
  readonly offset: number;
}

/** Cut what is sent out of a cell's source: all of it, or of a very long one whole lines around the caret, which counts UTF-16 units. */
export function windowAt(source: string, caret: number): CodeWindow {
  let from = 0;
  let to = source.length;
  if (source.length > LONGEST_CODE) {
    const earliest = Math.max(0, caret - (LONGEST_CODE - AFTER_CARET));
    const line = source.indexOf("\n", earliest - 1) + 1;
    from = earliest === 0 || line === 0 || line > caret ? earliest : line;
    to = Math.min(source.length, caret + AFTER_CARET);
  }
  // Half a pair is no text; a replacement character counts as much.
  const code = source.slice(from, to).replace(/\p{Surrogate}/gu, "\ufffd");
  return { code, cursor: codePoints(code, caret - from), offset: from };
}

/** Count the code points in the first `units` UTF-16 units. */
export function codePoints(text: string, units: number): number {
  let count = 0;
  for (let at = 0; at < units && at < text.length; at += text.codePointAt(at) === text.charCodeAt(at) ? 1 : 2) count += 1;
  return count;
}

/** Count the UTF-16 units in the first `points` code points; never more than there are. */
export function utf16Units(text: string, points: number): number {
  let at = 0;
  for (let count = 0; count < points && at < text.length; count += 1) at += text.codePointAt(at) === text.charCodeAt(at) ? 1 : 2;
  return at;
}
