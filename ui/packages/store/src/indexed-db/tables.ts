// What stands in IndexedDB, and under which keys. An image stands beside what is told of it; both change in one transaction.

import { RULES_HASH } from "@runt/schema";
import { type DBSchema, type IDBPDatabase, type IDBPTransaction, openDB } from "idb";
import type { PushedEvent } from "../frames";
import type { KeptImage } from "../keeper";

/** A person, as the server last told of them. */
export interface Person {
  readonly id: string;
  readonly name: string;
  readonly role: string;
}

/** One life of a notebook's store. */
export interface Life {
  /** Above that of all lives that it could have seen. No clock orders them: clocks are put back. */
  readonly order: number;
  /** Its store sessions, in the order in which they began. */
  readonly sessions: readonly string[];
}

/** An image without its bytes. */
export interface Described extends Omit<KeptImage, "bytes"> {
  readonly storeId: string;
  readonly format: number;
}

export type StoreKey = readonly [userId: string, storeId: string];
export type LifeKey = readonly [...StoreKey, life: string];
export type EventKey = readonly [...LifeKey, storeSessionId: string, n: number];

export interface Tables extends DBSchema {
  people: { key: "last"; value: Person };
  notebooks: { key: [...StoreKey]; value: Described };
  images: { key: [...StoreKey]; value: Uint8Array<ArrayBuffer> };
  lives: { key: [...LifeKey]; value: Life };
  journal: { key: [...EventKey]; value: PushedEvent };
}

type Name = "people" | "notebooks" | "images" | "lives" | "journal";
export type Writing<N extends Name> = IDBPTransaction<Tables, N[], "readwrite">;

const VERSION = 1;
/** Of the description of an image; one of another format is not used. */
export const FORMAT = 1;

/** Open the database of this origin. */
export function openTables(name: string): Promise<IDBPDatabase<Tables>> {
  const names: readonly Name[] = ["people", "notebooks", "images", "lives", "journal"];
  return openDB<Tables>(name, VERSION, {
    upgrade: (made) => {
      for (const table of names) made.createObjectStore(table);
    },
    // A later version of this page wants to change it: this one writes no more.
    blocking: (_before, _after, event) => (event.target as IDBDatabase).close(),
  });
}

/**
 * Begin to write.
 *
 * Durability is relaxed: what is written survives the page and the browser, not a power cut, which a flush of the disk for every
 * key typed is not worth.
 */
export function writing<N extends Name>(db: IDBPDatabase<Tables>, names: readonly N[]): Writing<N> {
  return db.transaction([...names], "readwrite", { durability: "relaxed" });
}

/** All keys that begin so. */
export function below(key: readonly string[]): IDBKeyRange {
  // Of all that can be in a key, a list sorts last.
  return IDBKeyRange.bound([...key], [...key, []]);
}

/** Tell whether this version can go on from an image. */
export function isUsable({ format, rules }: Described): boolean {
  return format === FORMAT && rules === RULES_HASH;
}

export function removeImage(write: Writing<"notebooks" | "images">, key: StoreKey): void {
  void write.objectStore("notebooks").delete([...key]);
  void write.objectStore("images").delete([...key]);
}
