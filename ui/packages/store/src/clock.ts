// Time and randomness as the store takes them, and the platform's own.

/** Time: readings in milliseconds, timers, and a way to let the page breathe. */
export interface Clock {
  /** Milliseconds since 1970, for ids. */
  nowMs(): number;
  /** Milliseconds that never go back. */
  monotonicMs(): number;
  /** Call back once after `ms`; the result cancels it. */
  setTimer(ms: number, callback: () => void): () => void;
  /** Call back after input and painting had their turn. */
  soon(callback: () => void): void;
}

/** Gives that many random bytes. */
export type RandomSource = (count: number) => Uint8Array;

/** The platform's clock. */
export function systemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    setTimer: (ms, callback) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
    // A message, because timers are held back to one a second in hidden tabs.
    soon: (callback) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        callback();
      };
      port2.postMessage(null);
    },
  };
}

/** The platform's cryptographic randomness. */
export const systemRandom: RandomSource = (count) => crypto.getRandomValues(new Uint8Array(count));
