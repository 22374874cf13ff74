// A browser profile: pages of one origin, which come and go, share what is kept, and may crash.
import "fake-indexeddb/auto";
import { IDBFactory } from "fake-indexeddb";
import { createStore, Keeping, type Store, type StoreOptions } from "../src/index";
import { InMemoryBackend } from "./in-memory-backend";
import { InMemoryLocks, type TabLocks } from "./in-memory-locks";
import { ManualClock } from "./manual-clock";

export class Profile {
  readonly backend = new InMemoryBackend();
  readonly locks = new InMemoryLocks();
  tabs: Tab[] = [];

  constructor() {
    globalThis.indexedDB = new IDBFactory();
    this.backend.user = "ada";
  }

  async open(user = "ada", options: Partial<StoreOptions> = {}): Promise<Tab> {
    const clock = new ManualClock();
    const locks = this.locks.tab();
    const keeping = await Keeping.open(locks);
    const { openSocket: socketFactory, imageSource } = this.backend;
    const keep = keeping.keeperOf(user);
    const store = await createStore({ storeId: "nb", url: "http://127.0.0.1:1", clock, socketFactory, imageSource, keep, ...options });
    const tab = new Tab(this, store, clock, locks, keeping);
    this.tabs.push(tab);
    return tab;
  }

  async close(): Promise<void> {
    for (const tab of [...this.tabs]) await tab.close();
  }
}

/** A page of a profile. */
export class Tab {
  readonly store: Store;
  readonly clock: ManualClock;
  private readonly profile: Profile;
  private readonly locks: TabLocks;
  private readonly keeping: Keeping;

  constructor(profile: Profile, store: Store, clock: ManualClock, locks: TabLocks, keeping: Keeping) {
    this.profile = profile;
    this.store = store;
    this.clock = clock;
    this.locks = locks;
    this.keeping = keeping;
  }

  /** Gone without a word; what it had begun to write is written. */
  async crash(): Promise<void> {
    this.profile.backend.peers.find((peer) => peer.session === this.store.storeSessionId)?.end();
    await written();
    this.forget();
    this.locks.crash();
    await written();
  }

  async close(): Promise<void> {
    this.store.close();
    await written();
    this.forget();
    this.keeping.close();
  }

  private forget(): void {
    this.profile.tabs = this.profile.tabs.filter((tab) => tab !== this);
  }
}

/** Let everything that was begun to write be written: the fake does it in turns of the event loop. */
export async function written(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await new Promise((done) => setImmediate(done));
}
