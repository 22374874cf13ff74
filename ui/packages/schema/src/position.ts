// Positions of cells: the base-62 fractional index of runtime_schema/position.py, which explains it.

import { InvalidPositionError } from "./errors";
import { quote } from "./json-text";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const FIRST = "a0";
const LOWEST_INTEGER = `A${"0".repeat(26)}`;
const LONGEST = 4_096;

/** Tell whether `text` is a well-formed position. */
export function isPosition(text: string): boolean {
  const length = integerLength(text.charAt(0));
  return (
    length > 0 &&
    length <= text.length &&
    text.length <= LONGEST &&
    /^[0-9A-Za-z]+$/.test(text) &&
    !(text.length > length && text.endsWith("0")) &&
    text !== LOWEST_INTEGER
  );
}

/**
 * Make `count` ascending positions strictly between two neighbours.
 *
 * @param before - position of the cell in front, or null at the start
 * @param after - position of the cell behind, greater than `before`, or null at the end
 * @throws InvalidPositionError - a malformed position, or `before` is not less than `after`
 */
export function positionsBetween(before: string | null, after: string | null, count = 1): string[] {
  for (const text of [before, after]) {
    if (text !== null && !isPosition(text)) throw new InvalidPositionError(`${quote(text.slice(0, 64))} is not a position`);
  }
  if (before !== null && after !== null && before >= after) {
    throw new InvalidPositionError(`no position fits between ${quote(before)} and ${quote(after)}`);
  }
  return between(before, after, count);
}

function between(before: string | null, after: string | null, count: number): string[] {
  if (count <= 0) return [];
  if (before !== null && after !== null) {
    // Halving keeps many keys in one gap short: their length grows with the logarithm of the count.
    const left = Math.floor(count / 2);
    const middle = oneBetween(before, after);
    return [...between(before, middle, left), middle, ...between(middle, after, count - left - 1)];
  }
  const made: string[] = [];
  let [low, high] = [before, after];
  while (made.length < count) {
    const position = oneBetween(low, high);
    made.push(position);
    if (after === null) low = position;
    else high = position;
  }
  return after === null ? made : made.reverse();
}

function oneBetween(before: string | null, after: string | null): string {
  if (before === null) {
    if (after === null) return FIRST;
    const [integer, fraction] = split(after);
    if (integer === LOWEST_INTEGER) return integer + midpoint("", fraction);
    const lower = fraction === "" ? (step(integer, -1) ?? LOWEST_INTEGER) : integer;
    return lower === LOWEST_INTEGER ? lower + midpoint("", null) : lower;
  }
  const [integer, fraction] = split(before);
  if (after === null) return step(integer, 1) ?? integer + midpoint(fraction, null);
  const [afterInteger, afterFraction] = split(after);
  if (integer === afterInteger) return integer + midpoint(fraction, afterFraction);
  const higher = step(integer, 1);
  return higher !== null && higher < after ? higher : integer + midpoint(fraction, null);
}

function integerLength(head: string): number {
  if (head >= "a" && head <= "z") return head.charCodeAt(0) - "a".charCodeAt(0) + 2;
  if (head >= "A" && head <= "Z") return "Z".charCodeAt(0) - head.charCodeAt(0) + 2;
  return 0;
}

function split(position: string): [integer: string, fraction: string] {
  const length = integerLength(position.charAt(0));
  return [position.slice(0, length), position.slice(length)];
}

/** Count one up or down; null at the end of the range. */
function step(integer: string, by: 1 | -1): string | null {
  const head = integer.charAt(0);
  const digits = Array.from(integer.slice(1), (char) => DIGITS.indexOf(char));
  for (let place = digits.length - 1; place >= 0; place -= 1) {
    const digit = (digits[place] ?? 0) + by;
    digits[place] = (digit + DIGITS.length) % DIGITS.length;
    if (digit >= 0 && digit < DIGITS.length) return head + digits.map((value) => DIGITS.charAt(value)).join("");
  }
  if (head === "Z" && by > 0) return "a0";
  if (head === "a" && by < 0) return "Zz";
  if ((head === "z" && by > 0) || (head === "A" && by < 0)) return null;
  const next = String.fromCharCode(head.charCodeAt(0) + by);
  return next + (by > 0 ? "0" : "z").repeat(integerLength(next) - 1);
}

/** Give a fraction strictly between two: `low` may be empty (zero), `high` null (one). */
function midpoint(low: string, high: string | null): string {
  if (high !== null) {
    let shared = 0;
    while (shared < high.length && (low.charAt(shared) || "0") === high.charAt(shared)) shared += 1;
    if (shared > 0) return high.slice(0, shared) + midpoint(low.slice(shared), high.slice(shared));
  }
  const lowDigit = low === "" ? 0 : DIGITS.indexOf(low.charAt(0));
  const highDigit = high === null || high === "" ? DIGITS.length : DIGITS.indexOf(high.charAt(0));
  if (highDigit - lowDigit > 1) return DIGITS.charAt((lowDigit + highDigit) >> 1);
  if (high !== null && high.length > 1) return high.charAt(0);
  return DIGITS.charAt(lowDigit) + midpoint(low.slice(1), null);
}
