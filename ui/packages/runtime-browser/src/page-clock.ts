// The page's own time, for whoever is not given another clock.

import type { Clock } from "@runt/store";

/** The platform's clock. */
export function pageClock(): Clock {
  return {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    setTimer: (ms, callback) => {
      const timer = setTimeout(callback, ms);
      return () => clearTimeout(timer);
    },
    soon: (callback) => void setTimeout(callback, 0),
  };
}
