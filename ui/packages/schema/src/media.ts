// MIME types of bundles: which are well formed, which hold JSON text, which hold text. As runtime_schema/media.py.

const MIME = /^[a-z0-9!#$&^_.+-]{1,127}\/[a-z0-9!#$&^_.+-]{1,127}(;[ -~]{1,255})?$/;
const SHA256 = /^[0-9a-f]{64}$/;
const TEXT_APPLICATIONS = new Set(["application/javascript", "application/xml", "application/x-latex"]);

/** Tell whether `text` is a lower-case MIME type, parameters allowed. */
export function isMimeType(text: string): boolean {
  return MIME.test(text);
}

/** Tell whether `text` is 64 lower-case hexadecimal digits. */
export function isSha256(text: string): boolean {
  return SHA256.test(text);
}

/** Tell whether values of this type are JSON text: `application/json` and everything `+json`. */
export function isJsonMime(mimeType: string): boolean {
  const essence = essenceOf(mimeType);
  return essence === "application/json" || essence.endsWith("+json");
}

/** Tell whether values of this type are text (JSON included) rather than base64. */
export function isTextMime(mimeType: string): boolean {
  const essence = essenceOf(mimeType);
  return essence.startsWith("text/") || TEXT_APPLICATIONS.has(essence) || essence.endsWith("+xml") || isJsonMime(mimeType);
}

function essenceOf(mimeType: string): string {
  return mimeType.split(";", 1)[0] ?? "";
}
