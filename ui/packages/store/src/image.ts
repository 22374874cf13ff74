// Images: the confirmed state after some event as an SQLite database, fetched and checked before anything begins from it.

import type { Database, Wasm } from "./database";
import { openDatabase } from "./database";
import { ImageError } from "./errors";
import type { ImageOffer } from "./frames";
import { isState } from "./state";

/** Gets the bytes at an address of the backend, with this page's identity; fails with any error. */
export type ImageSource = (url: string) => Promise<Uint8Array<ArrayBuffer>>;

/** The platform's fetch. */
export const fetchImage: ImageSource = async (url) => {
  const response = await fetch(url);
  if (!response.ok) throw new ImageError(`the server answered ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
};

/**
 * Get the image that a backend offers, and open it.
 *
 * @param origin - the backend's, http(s) or ws(s)
 * @throws ImageError - it cannot be had, or is not what was offered
 */
export async function openOffered(offer: ImageOffer, origin: string, source: ImageSource, wasm: Wasm | undefined): Promise<Database> {
  const base = new URL(origin.replace(/^ws/, "http"));
  const url = new URL(offer.url, base);
  if (url.origin !== base.origin) throw new ImageError("it is on another server");
  const bytes = await source(url.href).catch((error: unknown) => {
    throw error instanceof ImageError ? error : new ImageError("the server does not answer", error);
  });
  if (bytes.length !== offer.sizeBytes) throw new ImageError(`it has ${bytes.length} bytes instead of ${offer.sizeBytes}`);
  if (crypto.subtle === undefined) throw new ImageError("this page cannot check it: the server is reached without https");
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (sha256 !== offer.sha256) throw new ImageError("its bytes are not those of its hash");
  return openImage(bytes, wasm);
}

/**
 * Open an image as a state.
 *
 * @throws ImageError - it is damaged, or the state of other rules
 */
export async function openImage(bytes: Uint8Array, wasm: Wasm | undefined): Promise<Database> {
  let db: Database;
  try {
    db = await openDatabase(wasm, bytes);
  } catch (error) {
    throw new ImageError("it is damaged", error);
  }
  if (isState(db)) return db;
  db.close();
  throw new ImageError("it has other tables than this version");
}
