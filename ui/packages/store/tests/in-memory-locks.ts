// A browser's locks in memory; each tab has its own view of them, and loses all it holds when it crashes.
import type { Locks } from "../src/indexed-db/locks";

type Callback = Parameters<Locks["request"]>[2];

interface Waiter {
  readonly tab: TabLocks;
  readonly callback: Callback;
  readonly done: () => void;
}

export class InMemoryLocks {
  readonly holders = new Map<string, TabLocks>();
  private readonly waiters = new Map<string, Waiter[]>();

  tab(): TabLocks {
    return new TabLocks(this);
  }

  grant(name: string, waiter: Waiter): void {
    this.holders.set(name, waiter.tab);
    void waiter.callback({ name }).then(() => {
      if (this.holders.get(name) === waiter.tab) this.free(name);
      waiter.done();
    });
  }

  wait(name: string, waiter: Waiter, signal: AbortSignal): void {
    const waiters = this.waiters.get(name) ?? [];
    this.waiters.set(name, waiters);
    waiters.push(waiter);
    signal.addEventListener("abort", () => waiters.includes(waiter) && waiters.splice(waiters.indexOf(waiter), 1));
  }

  free(name: string): void {
    this.holders.delete(name);
    const next = this.waiters.get(name)?.shift();
    if (next !== undefined) this.grant(name, next);
  }

  crash(tab: TabLocks): void {
    for (const waiters of this.waiters.values()) {
      for (const waiter of waiters.filter((one) => one.tab === tab)) waiters.splice(waiters.indexOf(waiter), 1);
    }
    for (const [name, holder] of [...this.holders]) if (holder === tab) this.free(name);
  }
}

export class TabLocks implements Locks {
  private readonly all: InMemoryLocks;

  constructor(all: InMemoryLocks) {
    this.all = all;
  }

  async request(name: string, options: Parameters<Locks["request"]>[1], callback: Callback): Promise<void> {
    const waiter = { tab: this, callback };
    if (!this.all.holders.has(name)) return new Promise((resolve) => this.all.grant(name, { ...waiter, done: () => resolve() }));
    if ("ifAvailable" in options) return callback(null);
    return new Promise((resolve, reject) => {
      options.signal.addEventListener("abort", () => reject(new Error("aborted")));
      this.all.wait(name, { ...waiter, done: () => resolve() }, options.signal);
    });
  }

  /** The tab is gone, without a word. */
  crash(): void {
    this.all.crash(this);
  }
}
