// A keeper in IndexedDB. Each transaction is committed at once: a page that goes away is not asked again.

import type { IDBPDatabase } from "idb";
import type { PushedEvent } from "../frames";
import type { Keeper, KeptImage } from "../keeper";
import {
  below,
  type EventKey,
  FORMAT,
  type Life,
  type LifeKey,
  removeImage,
  type StoreKey,
  type Tables,
  type Writing,
  writing,
} from "./tables";

/** So many notebooks are kept of a user; the one that was kept longest ago makes room. */
const MOST_KEPT = 50;

type Work = (write: Writing<"lives" | "journal">) => void;

export class IndexedDbKeeper implements Keeper {
  works = true;

  private readonly db: IDBPDatabase<Tables>;
  private readonly key: StoreKey;
  private readonly life: string;
  private readonly sessions: string[] = [];
  /** The lives whose sessions are not this one's, by session. */
  private readonly homes = new Map<string, string>();
  private readonly ended = new Set<string>();
  private order = 1;
  private readonly releases: (() => void)[];
  private queue: Work[] = [];
  /** Up to where each session's events are decided and still written down. */
  private done = new Map<string, number>();
  private last: Promise<void> = Promise.resolve();
  private readonly closing = new AbortController();

  /** @param release - frees the lock that says that this life lives */
  constructor(db: IDBPDatabase<Tables>, key: StoreKey, life: string, release: () => void) {
    this.db = db;
    this.key = key;
    this.life = life;
    this.releases = [release];
  }

  /** Tells when this life ends. */
  get closed(): AbortSignal {
    return this.closing.signal;
  }

  get userId(): string {
    return this.key[0];
  }

  /** What an ended life left is this one's to look after now. */
  takeOver(life: string, { order, sessions }: Life, release: () => void): void {
    this.ended.add(life);
    this.after(order);
    for (const storeSessionId of sessions) this.homes.set(storeSessionId, life);
    this.releases.push(release);
  }

  /** A life of this order was there before. */
  after(order: number): void {
    this.order = Math.max(this.order, order + 1);
  }

  began(storeSessionId: string): void {
    this.sessions.push(storeSessionId);
    const life = { order: this.order, sessions: [...this.sessions] };
    this.write((write) => void write.objectStore("lives").put(life, [...this.lifeKey(this.life)]));
  }

  journal(storeSessionId: string, { n, name, args }: PushedEvent): void {
    this.write((write) => void write.objectStore("journal").put({ n, name, args }, [...this.eventKey(storeSessionId, n)]));
  }

  decided(storeSessionId: string, n: number): void {
    this.done.set(storeSessionId, n);
    this.write(() => {});
  }

  forgetEnded(): void {
    for (const life of this.ended) {
      this.write((write) => {
        void write.objectStore("lives").delete([...this.lifeKey(life)]);
        void write.objectStore("journal").delete(below(this.lifeKey(life)));
      });
    }
    this.ended.clear();
  }

  keepImage(image: KeptImage): void {
    this.track(this.putImage(image), "the state of the notebook");
  }

  dropImage(): void {
    this.track(this.removeImage(), "the state of the notebook");
  }

  close(): void {
    this.flush();
    this.closing.abort();
    const release = (): void => {
      for (const free of this.releases.splice(0)) free();
    };
    this.last.then(release, release);
  }

  private write(work: Work): void {
    if (this.closed.aborted) return;
    if (this.queue.length === 0) queueMicrotask(() => this.flush());
    this.queue.push(work);
  }

  private flush(): void {
    const { queue, done } = this;
    this.queue = [];
    this.done = new Map();
    if (queue.length > 0) this.track(this.writeAll(queue, done), "changes");
  }

  private async writeAll(queue: readonly Work[], done: ReadonlyMap<string, number>): Promise<void> {
    const write = writing(this.db, ["lives", "journal"]);
    for (const work of queue) work(write);
    for (const [storeSessionId, n] of done) {
      const range = IDBKeyRange.bound(this.eventKey(storeSessionId, 0), this.eventKey(storeSessionId, n));
      void write.objectStore("journal").delete(range);
    }
    write.commit();
    await write.done;
  }

  private async putImage({ bytes, ...rest }: KeptImage): Promise<void> {
    const key = [...this.key] as [string, string];
    const write = writing(this.db, ["notebooks", "images"]);
    const notebooks = write.objectStore("notebooks");
    // Neither waits for an answer before it asks to write, so that a page that goes away writes it whole.
    void notebooks.put({ ...rest, storeId: key[1], format: FORMAT }, key);
    void write.objectStore("images").put(bytes, key);
    write.commit();
    await write.done;
    await this.makeRoom();
  }

  private async makeRoom(): Promise<void> {
    const write = writing(this.db, ["notebooks", "images"]);
    const kept = await write.objectStore("notebooks").getAll(below([this.userId]));
    kept.sort((one, other) => other.savedMs - one.savedMs);
    for (const { storeId } of kept.slice(MOST_KEPT)) removeImage(write, [this.userId, storeId]);
    await write.done;
  }

  private async removeImage(): Promise<void> {
    const write = writing(this.db, ["notebooks", "images"]);
    removeImage(write, this.key);
    await write.done;
  }

  private track(writing: Promise<void>, what: string): void {
    const told = writing.catch((error: unknown) => {
      if (what === "changes") this.works = false;
      console.warn(`${what} cannot be kept in this browser: ${error instanceof Error ? error.message : error}`);
    });
    this.last = Promise.all([this.last, told]).then(() => {});
  }

  private lifeKey(life: string): LifeKey {
    return [...this.key, life];
  }

  private eventKey(storeSessionId: string, n: number): EventKey {
    return [...this.lifeKey(this.homes.get(storeSessionId) ?? this.life), storeSessionId, n];
  }
}
