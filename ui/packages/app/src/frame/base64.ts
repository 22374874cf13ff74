// Bytes as base64 text, and back. Pure.

const STEP = 0x8000;

export function toBase64(bytes: ArrayBuffer | ArrayBufferView): string {
  const view = bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = "";
  for (let at = 0; at < view.length; at += STEP) text += String.fromCharCode(...view.subarray(at, at + STEP));
  return btoa(text);
}

export function fromBase64(text: string): DataView<ArrayBuffer> {
  return new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}
