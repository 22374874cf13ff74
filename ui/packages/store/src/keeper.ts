// What outlives a page on its device, as the store sees it: the last confirmed state, and the events that are not decided.
// One keeper is of one life of a notebook's store, for one user. Writes are not waited for; those of one turn become one.

import type { PushedEvent } from "./frames";

/** The confirmed state after event `head` of a backend's log, by the rules with this hash. */
export interface KeptImage {
  readonly rules: string;
  readonly backend: string;
  readonly head: number;
  readonly savedMs: number;
  readonly title: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Events of a store session whose life ended before they were decided, in order. */
export interface Leftover {
  readonly storeSessionId: string;
  readonly events: readonly PushedEvent[];
}

/** What lives that ended left to this one. Of each life exactly one gets it, for as long as it lives itself. */
export interface Left {
  /** In the order in which they are to be decided. */
  readonly leftovers: readonly Leftover[];
  /** The store sessions of those lives: nobody vouches for their runtimes any more. */
  readonly ended: ReadonlySet<string>;
}

/** What there is when a life begins. */
export interface Found extends Left {
  readonly image: KeptImage | null;
}

export interface Keeper {
  readonly userId: string;
  /** Whether what is written is kept. Once the device refused, it is not. */
  readonly works: boolean;
  /** Another store session begins in this life. */
  began(storeSessionId: string): void;
  /** Keep an event until it is decided. */
  journal(storeSessionId: string, event: PushedEvent): void;
  /** That event, and those before it of its session, are decided. */
  decided(storeSessionId: string, n: number): void;
  /** All that earlier lives left is decided: forget them. */
  forgetEnded(): void;
  /** Keep an image in place of the one before. */
  keepImage(image: KeptImage): void;
  /** Forget the image. */
  dropImage(): void;
  /** This life ends, after what was written; what it leaves is the next one's. */
  close(): void;
}

/**
 * Begin a life: take over what those left whose pages are gone.
 *
 * @param later - gets what other lives leave that end while this one lives
 */
export type OpenKeeper = (
  storeId: string,
  life: string,
  later: (left: Left) => void,
) => Promise<{ readonly keeper: Keeper; readonly found: Found }>;
