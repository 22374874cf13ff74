// Positions of cells: the same base-62 fractional index as runtime_schema/position.py, which explains it.

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const LOWEST_INTEGER = `A${"0".repeat(26)}`;

/**
 * Make `count` ascending positions strictly between two neighbours.
 *
 * @param before - position of the cell in front, or null at the start
 * @param after - position of the cell behind, greater than `before`, or null at the end
 */
export function positionsBetween(before: string | null, after: string | null, count = 1): string[] {
  if (before !== null && after !== null && before >= after) throw new RangeError(`no position fits between ${before} and ${after}`);
  return between(before, after, count);
}

/** Make the position of a cell that shall stand at `index` of an ordered list; ties in it are stepped over. */
export function positionAt(ordered: readonly { readonly position: string }[], index: number): string {
  const before = ordered[index - 1]?.position ?? null;
  const after = ordered.slice(index).find((cell) => before === null || cell.position > before)?.position ?? null;
  return oneBetween(before, after);
}

function between(before: string | null, after: string | null, count: number): string[] {
  if (count <= 0) return [];
  if (before !== null && after !== null) {
    const left = Math.floor(count / 2);
    const middle = oneBetween(before, after);
    return [...between(before, middle, left), middle, ...between(middle, after, count - left - 1)];
  }
  const made: string[] = [];
  let [low, high] = [before, after];
  for (let n = 0; n < count; n += 1) {
    const position = oneBetween(low, high);
    made.push(position);
    if (after === null) low = position;
    else high = position;
  }
  return after === null ? made : made.reverse();
}

function oneBetween(before: string | null, after: string | null): string {
  if (before === null) {
    if (after === null) return "a0";
    const [integer, fraction] = split(after);
    if (fraction !== "" && integer !== LOWEST_INTEGER) return integer;
    const lower = step(integer, -1);
    return lower !== null && lower !== LOWEST_INTEGER ? lower : integer + midpoint("", fraction === "" ? null : fraction);
  }
  const [integer, fraction] = split(before);
  if (after === null) return step(integer, 1) ?? integer + midpoint(fraction, null);
  const [afterInteger, afterFraction] = split(after);
  if (integer === afterInteger) return integer + midpoint(fraction, afterFraction);
  const higher = step(integer, 1);
  return higher !== null && higher < after ? higher : integer + midpoint(fraction, null);
}

function integerLength(head: string): number {
  if (head >= "a" && head <= "z") return head.charCodeAt(0) - 97 + 2;
  if (head >= "A" && head <= "Z") return 90 - head.charCodeAt(0) + 2;
  throw new RangeError(`${JSON.stringify(head)} does not begin a position`);
}

function split(position: string): [string, string] {
  const length = integerLength(position.charAt(0));
  return [position.slice(0, length), position.slice(length)];
}

function step(integer: string, by: 1 | -1): string | null {
  const head = integer.charAt(0);
  const digits = [...integer.slice(1)].map((char) => DIGITS.indexOf(char));
  for (let place = digits.length - 1; place >= 0; place -= 1) {
    const digit = (digits[place] ?? 0) + by;
    digits[place] = (digit + 62) % 62;
    if (digit >= 0 && digit < 62) return head + digits.map((value) => DIGITS.charAt(value)).join("");
  }
  if (head === "Z" && by > 0) return "a0";
  if (head === "a" && by < 0) return "Zz";
  if ((head === "z" && by > 0) || (head === "A" && by < 0)) return null;
  const next = String.fromCharCode(head.charCodeAt(0) + by);
  return next + (by > 0 ? "0" : "z").repeat(integerLength(next) - 1);
}

function midpoint(low: string, high: string | null): string {
  if (high !== null) {
    let shared = 0;
    while (shared < high.length && (low.charAt(shared) || "0") === high.charAt(shared)) shared += 1;
    if (shared > 0) return high.slice(0, shared) + midpoint(low.slice(shared), high.slice(shared));
  }
  const lowDigit = low === "" ? 0 : DIGITS.indexOf(low.charAt(0));
  const highDigit = high === null || high === "" ? 62 : DIGITS.indexOf(high.charAt(0));
  if (highDigit - lowDigit > 1) return DIGITS.charAt(Math.floor((lowDigit + highDigit) / 2));
  if (high !== null && high.length > 1) return high.charAt(0);
  return DIGITS.charAt(lowDigit) + midpoint(low.slice(1), null);
}
