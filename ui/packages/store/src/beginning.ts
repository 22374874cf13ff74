// Where a store begins: from what earlier lives of this page kept on its device, or from nothing.

import { type Database, openDatabase, type Wasm } from "./database";
import { openImage } from "./image";
import type { Found, Keeper, Left, OpenKeeper } from "./keeper";

export interface Beginning {
  /** The store's own session, which no life had before. */
  readonly storeSessionId: string;
  readonly keeper: Keeper | null;
  readonly found: Found;
  readonly db: Database;
  /** What the database is the state of; null for an empty one. */
  readonly from: { readonly backend: string; readonly head: number } | null;
}

const NOTHING: Found = { image: null, leftovers: [], ended: new Set() };

/**
 * Begin a life of a notebook's store. What cannot be kept, or used, is told with a reason and done without.
 *
 * @param later - gets what other lives leave that end while this one lives
 */
export async function begin(
  storeId: string,
  storeSessionId: string,
  keep: OpenKeeper | null,
  later: (left: Left) => void,
  wasm: Wasm | undefined,
): Promise<Beginning> {
  const opened = await keep?.(storeId, storeSessionId, later).catch((error: unknown) => warn("nothing is kept in this browser", error));
  const { keeper, found } = opened ?? { keeper: null, found: NOTHING };
  const { image } = found;
  if (image !== null) {
    const what = `the kept state of notebook ${storeId} is left out`;
    const db = await openImage(image.bytes, wasm).catch((error: unknown) => warn(what, error));
    if (db !== null) return { storeSessionId, keeper, found, db, from: image };
    keeper?.dropImage();
  }
  return { storeSessionId, keeper, found, db: await openDatabase(wasm), from: null };
}

function warn(what: string, error: unknown): null {
  console.warn(`${what}: ${error instanceof Error ? error.message : error}`);
  return null;
}
