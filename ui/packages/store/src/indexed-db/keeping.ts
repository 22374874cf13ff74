// What this origin's pages keep on their device: who was here, which notebooks can be opened without a server, and keepers of them.

import type { IDBPDatabase } from "idb";
import type { KeptImage, Left, OpenKeeper } from "../keeper";
import { IndexedDbKeeper } from "./keeper";
import { hold, type Locks, tryHold } from "./locks";
import { below, isUsable, type Life, openTables, type Person, removeImage, type StoreKey, type Tables, writing } from "./tables";

/** A notebook that can be opened without a server. */
export interface KeptNotebook {
  readonly storeId: string;
  readonly title: string;
  readonly savedMs: number;
}

export class Keeping {
  private readonly db: IDBPDatabase<Tables>;
  private readonly locks: Locks;

  /** Open what is kept. Fails where the browser does not let pages keep anything. */
  static async open(locks: Locks = navigator.locks, name = "runt"): Promise<Keeping> {
    return new Keeping(await openTables(name), locks);
  }

  private constructor(db: IDBPDatabase<Tables>, locks: Locks) {
    this.db = db;
    this.locks = locks;
  }

  close(): void {
    this.db.close();
  }

  /** Who was signed in here last: only the server knows who is now. */
  async lastPerson(): Promise<Person | null> {
    return (await this.db.get("people", "last")) ?? null;
  }

  async rememberPerson({ id, name, role }: Person): Promise<void> {
    await this.db.put("people", { id, name, role }, "last");
  }

  /** The notebooks of a user that can be opened without a server, the newest first. */
  async notebooks(userId: string): Promise<readonly KeptNotebook[]> {
    const kept = (await this.db.getAll("notebooks", below([userId]))).filter(isUsable);
    return kept.sort((one, other) => other.savedMs - one.savedMs);
  }

  /** Forget the states of a user's notebooks that are not among these. Changes that were not sent stay. */
  async keepOnly(userId: string, storeIds: ReadonlySet<string>): Promise<void> {
    const write = writing(this.db, ["notebooks", "images"]);
    for (const key of await write.objectStore("notebooks").getAllKeys(below([userId]))) {
      if (!storeIds.has(key[1])) removeImage(write, key);
    }
    await write.done;
  }

  /** Give what opens keepers of a user. */
  keeperOf(userId: string): OpenKeeper {
    return async (storeId, life, later) => {
      const key: StoreKey = [userId, storeId];
      // A life that is written down is one whose lock was held: so one without its lock has ended.
      const release = await tryHold(this.locks, lockName(key, life));
      if (release === null) throw new Error(`the life ${life} is lived twice`);
      const keeper = new IndexedDbKeeper(this.db, key, life, release);
      const left = await this.find(key, keeper, later);
      const image = await this.image(key, keeper);
      keeper.began(life);
      return { keeper, found: { ...left, image } };
    };
  }

  private async find(key: StoreKey, keeper: IndexedDbKeeper, later: (left: Left) => void): Promise<Left> {
    const found: (Life & Left)[] = [];
    for (const [, , life] of await this.db.getAllKeys("lives", below(key))) {
      const release = await tryHold(this.locks, lockName(key, life));
      if (release === null) void this.wait(key, life, keeper, later);
      else found.push(...(await this.takeOver(key, life, release, keeper)));
    }
    found.sort((one, other) => one.order - other.order);
    return { leftovers: found.flatMap(({ leftovers }) => leftovers), ended: new Set(found.flatMap(({ sessions }) => sessions)) };
  }

  /** Another page lives that life, or is about to be gone, as before a reload. */
  private async wait(key: StoreKey, life: string, keeper: IndexedDbKeeper, later: (left: Left) => void): Promise<void> {
    const release = await hold(this.locks, lockName(key, life), keeper.closed);
    if (release === null) return;
    const taken = await this.takeOver(key, life, release, keeper).catch(() => []);
    if (keeper.closed.aborted) release();
    else taken.forEach(later);
  }

  /** Read what a life left, whose lock is held now. There is nothing when another page took it over before, and is done with it. */
  private async takeOver(key: StoreKey, name: string, release: () => void, keeper: IndexedDbKeeper): Promise<(Life & Left)[]> {
    const life = await this.db.get("lives", [...key, name]);
    if (life === undefined) {
      release();
      return [];
    }
    keeper.takeOver(name, life, release);
    const { sessions } = life;
    const events = await Promise.all(sessions.map((session) => this.db.getAll("journal", below([...key, name, session]))));
    const leftovers = sessions.map((storeSessionId, place) => ({ storeSessionId, events: events[place] ?? [] }));
    return [{ ...life, leftovers: leftovers.filter((leftover) => leftover.events.length > 0), ended: new Set(sessions) }];
  }

  private async image(key: StoreKey, keeper: IndexedDbKeeper): Promise<KeptImage | null> {
    const read = this.db.transaction(["notebooks", "images"]);
    const place: [string, string] = [...key];
    const [described, bytes] = await Promise.all([read.objectStore("notebooks").get(place), read.objectStore("images").get(place)]);
    if (described === undefined || bytes === undefined) return null;
    if (isUsable(described)) return { ...described, bytes };
    console.warn(`the kept state of notebook ${key[1]} is left out: it was made by another version of this page`);
    keeper.dropImage();
    return null;
  }
}

function lockName(key: StoreKey, life: string): string {
  return ["runt", ...key, life].join(" ");
}
