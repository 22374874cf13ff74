// A status and those who follow it. When they are called is the store's business.

import type { StoreStatus, Unsubscribe } from "./runtime-store";

export class StatusBoard {
  /** The status now; the same object until something in it changes. */
  shown: StoreStatus = { connected: false, pending: 0, head: 0, problem: null };
  private readonly listeners = new Map<(status: StoreStatus) => void, StoreStatus | null>();
  private idle: (() => void)[] = [];

  /** Show how it is now. Tells whether it was otherwise before. */
  show(now: StoreStatus): boolean {
    const { shown } = this;
    const same =
      now.connected === shown.connected && now.pending === shown.pending && now.head === shown.head && now.problem === shown.problem;
    if (same) return false;
    this.shown = now;
    if (now.pending === 0) for (const resolve of this.idle.splice(0)) resolve();
    return true;
  }

  /** Wait until nothing is pending. */
  settled(): Promise<void> {
    return this.shown.pending === 0 ? Promise.resolve() : new Promise((resolve) => this.idle.push(resolve));
  }

  /** Tell of the status at the next round of calls, then whenever it differs. */
  subscribe(callback: (status: StoreStatus) => void): Unsubscribe {
    const own = (status: StoreStatus): void => callback(status);
    this.listeners.set(own, null);
    return () => this.listeners.delete(own);
  }

  /** Give the calls to make now. */
  calls(): (() => void)[] {
    const status = this.shown;
    const calls: (() => void)[] = [];
    for (const [listener, told] of this.listeners) {
      if (told === status) continue;
      this.listeners.set(listener, status);
      calls.push(() => this.listeners.has(listener) && listener(status));
    }
    return calls;
  }

  close(): void {
    this.listeners.clear();
  }
}
