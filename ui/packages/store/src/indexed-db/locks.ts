// Locks that say which lives still live: the browser frees them when a page is gone, however it went.

type Callback = (lock: object | null) => Promise<void>;

/** The part of the browser's lock manager that is needed. */
export interface Locks {
  request(name: string, options: { readonly ifAvailable: true } | { readonly signal: AbortSignal }, callback: Callback): Promise<unknown>;
}

/** Hold a lock until the result is called; null when somebody else holds it. */
export function tryHold(locks: Locks, name: string): Promise<(() => void) | null> {
  return new Promise((resolve, reject) => {
    locks.request(name, { ifAvailable: true }, holding(resolve)).catch(reject);
  });
}

/** Wait for a lock, and hold it until the result is called; null when the signal ends the wait. */
export function hold(locks: Locks, name: string, signal: AbortSignal): Promise<(() => void) | null> {
  return new Promise((resolve) => {
    locks.request(name, { signal }, holding(resolve)).catch(() => resolve(null));
  });
}

function holding(got: (release: (() => void) | null) => void): Callback {
  return (lock) => {
    if (lock !== null) return new Promise<void>((release) => got(release));
    got(null);
    return Promise.resolve();
  };
}
