// A clock that moves when a test says so.
import type { Clock } from "../src/clock";

interface Timer {
  readonly atMs: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  /** How far each reading moves the clock by itself, to make work seem slow. */
  drag = 0;
  private ms = 1_000;
  private timers: Timer[] = [];
  private turns: (() => void)[] = [];

  nowMs(): number {
    return 1_700_000_000_000 + this.ms;
  }

  monotonicMs(): number {
    this.ms += this.drag;
    return this.ms;
  }

  setTimer(ms: number, callback: () => void): () => void {
    const timer = { atMs: this.ms + ms, callback };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((other) => other !== timer);
    };
  }

  soon(callback: () => void): void {
    this.turns.push(callback);
  }

  /** Let time pass, timers ring in order, and microtasks run after each. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.ms + ms;
    for (;;) {
      const [next] = this.timers.filter((timer) => timer.atMs <= untilMs).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.timers = this.timers.filter((timer) => timer !== next);
      this.ms = Math.max(this.ms, next.atMs);
      next.callback();
      await settle();
    }
    this.ms = Math.max(this.ms, untilMs);
    await settle();
  }

  /** Give the page one turn; tells whether anything waited for it. */
  async turn(): Promise<boolean> {
    const turns = this.turns.splice(0);
    for (const callback of turns) callback();
    await settle();
    return turns.length > 0;
  }
}

/** Let all microtasks run. */
export async function settle(): Promise<void> {
  for (let round = 0; round < 20; round += 1) await Promise.resolve();
}
