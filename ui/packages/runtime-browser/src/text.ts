// Text as events carry it: clean, measured as JSON, cut where it does not hurt. As runtime_core/media.py and coalesce.py.

const ENCODER = new TextEncoder();
const LONGEST_GRAPHEME = 32; // beyond this many units it is noise, and cut
const COMBINING = /^\p{M}/u;

/** Replace lone surrogates, which no UTF-8 can carry, by U+FFFD; the number of UTF-16 units stays. */
export function cleanText(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}

/** Count the bytes that a clean text takes inside a JSON string. */
export function encodedSize(text: string): number {
  return ENCODER.encode(JSON.stringify(text)).length - 2;
}

/** Bound a clean text to about `limit` bytes as JSON, and say how much is missing. */
export function cutText(text: string, limit: number): string {
  if (text.length <= limit && encodedSize(text) <= limit) return text;
  let kept = text.slice(0, limit);
  while (encodedSize(kept) > limit) kept = kept.slice(0, Math.floor((kept.length * 3) / 4));
  return `${cleanText(kept)}… (${text.length - kept.length} more characters)`;
}

/** Cut text into pieces of at most `limit` bytes as JSON, after a line where that is possible, never inside a grapheme. */
export function* splitText(text: string, limit: number): Generator<string> {
  for (let start = 0; start < text.length; ) {
    let end = Math.min(text.length, start + limit);
    for (let size = encodedSize(text.slice(start, end)); size > limit && end - start > 2; size = encodedSize(text.slice(start, end))) {
      end = start + Math.max(2, Math.min(end - start - 1, Math.floor(((end - start) * limit) / size)));
    }
    if (end < text.length) end = goodCut(text, start, end);
    yield text.slice(start, end);
    start = end;
  }
}

function goodCut(text: string, start: number, end: number): number {
  const middle = start + Math.floor((end - start) / 2);
  const lineEnd = text.slice(middle, end).lastIndexOf("\n");
  if (lineEnd >= 0) return middle + lineEnd + 1;
  for (let cut = end; cut > Math.max(start, end - LONGEST_GRAPHEME); cut -= 1) if (!joins(text, cut)) return cut;
  return splitsPair(text, end) ? end - 1 : end;
}

function joins(text: string, cut: number): boolean {
  if (splitsPair(text, cut)) return true;
  const after = text.codePointAt(cut) ?? 0;
  const before = text.codePointAt(splitsPair(text, cut - 1) ? cut - 2 : cut - 1) ?? 0;
  return (
    after === 0x200d || // zero-width joiner
    after === 0xfe0e || // variation selectors
    after === 0xfe0f ||
    before === 0x200d ||
    (before === 0x0d && after === 0x0a) ||
    (after >= 0x1f3fb && after <= 0x1f3ff) || // skin tones
    (isRegional(before) && isRegional(after)) || // flags
    COMBINING.test(String.fromCodePoint(after))
  );
}

function isRegional(code: number): boolean {
  return code >= 0x1f1e6 && code <= 0x1f1ff;
}

function splitsPair(text: string, cut: number): boolean {
  return isHighSurrogate(text.charCodeAt(cut - 1)) && (text.charCodeAt(cut) & 0xfc00) === 0xdc00;
}

/** Tell whether a UTF-16 unit is the first half of a pair. */
export function isHighSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}
