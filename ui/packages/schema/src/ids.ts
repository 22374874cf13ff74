// Identifiers: opaque strings; new ones are UUIDs of version 7, which sort by the time they were made.

import { ID_PATTERN } from "./schema.gen";

const ID = new RegExp(`^(?:${ID_PATTERN})$`);

/** Tell whether `text` may be an id: 1 to 64 letters, digits, `_` or `-`. */
export function isId(text: string): boolean {
  return ID.test(text);
}

/**
 * Make a UUID version 7. Source: RFC 9562, section 5.7.
 *
 * @param unixMs - milliseconds since 1970
 * @param random - 10 random bytes
 */
export function uuid7(unixMs: number, random: Uint8Array): string {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(unixMs / 0x10000));
  view.setUint16(4, unixMs % 0x10000);
  bytes.set(random.subarray(0, 10), 6);
  view.setUint8(6, 0x70 | (view.getUint8(6) & 0x0f));
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f));
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join("-");
}
