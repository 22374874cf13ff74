// Whatever becomes of a profile's pages and of the network: each change is recorded once, and every page comes to see the log.
import { type EventArgs, queries } from "@runt/schema";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createStore, type Store } from "../src/index";
import { InMemoryBackend } from "./in-memory-backend";
import { ManualClock, settle } from "./manual-clock";
import { Profile, type Tab, written } from "./profile";

const REFUSED = "refuse this";

type Edit =
  | readonly ["v1.CellCreated", EventArgs["v1.CellCreated"]]
  | readonly ["v1.CellSourceSet", EventArgs["v1.CellSourceSet"]]
  | readonly ["v1.CellDeleted", EventArgs["v1.CellDeleted"]];

type Step =
  | { readonly do: "commit"; readonly tab: number; readonly as: "page" | "guest"; readonly edit: Edit }
  | { readonly do: "append"; readonly edit: Edit }
  | { readonly do: "open" }
  | { readonly do: "reach" }
  | { readonly do: "lose" }
  | { readonly do: "crash" | "close" | "keep" | "cut"; readonly tab: number }
  | { readonly do: "wait"; readonly ms: number };

const cellId = fc.constantFrom("a", "b", "c");
const source = fc.oneof({ weight: 5, arbitrary: fc.string({ maxLength: 4 }) }, { weight: 1, arbitrary: fc.constant(REFUSED) });
const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc
    .record({ cellId, source, cellType: fc.constant("code" as const), position: fc.constant("a0") })
    .map((args) => ["v1.CellCreated", args] as const),
  fc.record({ cellId, source }).map((args) => ["v1.CellSourceSet", args] as const),
  fc.record({ cellId }).map((args) => ["v1.CellDeleted", args] as const),
);
const tab = fc.nat(2);
const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ do: fc.constant("commit" as const), tab, as: fc.constantFrom("page" as const, "guest" as const), edit }),
  },
  { weight: 2, arbitrary: edit.map((made) => ({ do: "append" as const, edit: made })) },
  { weight: 3, arbitrary: fc.constantFrom<Step>({ do: "open" }, { do: "reach" }, { do: "lose" }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("crash" as const, "close" as const, "keep" as const, "cut" as const), tab }),
  },
  { weight: 3, arbitrary: fc.constantFrom(200, 3_000, 20_000).map((ms) => ({ do: "wait" as const, ms })) },
);

beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the lives of a notebook's pages", () => {
  it("lose no change, record none twice, keep each session's order, and end up with the log", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { minLength: 10, maxLength: 30 }), async (script) => {
        const world = new World();
        for (const step of script) await world.run(step);
        await world.heal();
        await world.check();
        await world.profile.close();
      }),
      { numRuns: 25 },
    );
  }, 120_000);
});

class World {
  readonly profile = new Profile();
  private readonly guests = new Map<Tab, ReturnType<Store["openGuest"]>>();
  private readonly committed: { readonly session: string; readonly n: number; readonly edit: Edit }[] = [];
  private losing = false;

  constructor() {
    this.profile.backend.judge = (_, args) => (this.losing ? "lose" : args.source === REFUSED ? "forbidden" : "take");
  }

  async run(step: Step): Promise<void> {
    const { backend, tabs } = this.profile;
    if (step.do === "open") {
      if (tabs.length < 3) await this.profile.open();
    } else if (step.do === "append") await backend.append(step.edit[0], step.edit[1]);
    else if (step.do === "reach") backend.reachable = !backend.reachable;
    else if (step.do === "lose") this.lose();
    else if (step.do === "wait") for (const one of tabs) await one.clock.advance(step.ms);
    else {
      const one = tabs[step.tab % Math.max(1, tabs.length)] ?? (await this.profile.open());
      if (step.do === "commit") this.commit(one, step.as, step.edit);
      else if (step.do === "crash") await this.crash(one);
      else if (step.do === "close") await one.close();
      else if (step.do === "keep") one.store.keepNow();
      else backend.peers.findLast((peer) => peer.session === one.store.storeSessionId)?.cut();
    }
    await settle();
  }

  async heal(): Promise<void> {
    const { profile } = this;
    const { backend } = profile;
    backend.reachable = true;
    if (this.losing) this.lose();
    for (const peer of backend.peers) peer.cut();
    await profile.open();
    for (let round = 0; round < 40; round += 1) {
      await written();
      for (const one of profile.tabs) await one.clock.advance(20_000);
      if (profile.tabs.every(({ store }) => store.status.pending === 0 && store.status.head === backend.log.length)) return;
    }
    throw new Error(`never decided: ${JSON.stringify(profile.tabs.map(({ store }) => store.status))}`);
  }

  async check(): Promise<void> {
    const { backend, tabs } = this.profile;
    for (const { session, n, edit: made } of this.committed) {
      const found = backend.log.filter((event) => event[3] === session && event[4] === n).map((event) => event.slice(0, 2));
      expect(found).toEqual("source" in made[1] && made[1].source === REFUSED ? [] : [made]);
    }
    for (const session of new Set(this.committed.map((entry) => entry.session))) {
      const numbers = backend.log.filter((event) => event[3] === session).map((event) => event[4]);
      expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
    }
    const whole = new InMemoryBackend();
    whole.log.push(...backend.log);
    const { openSocket: socketFactory } = whole;
    const replayed = await createStore({ storeId: "nb", url: "http://127.0.0.1:1", clock: new ManualClock(), socketFactory });
    await settle();
    for (const { store } of tabs) expect(store.query(queries.cells, {})).toEqual(replayed.query(queries.cells, {}));
    replayed.close();
    expect(await count("journal")).toBe(0);
    expect(await count("lives")).toBe(tabs.length);
  }

  /** Begin to lose what is sent, or end it: a connection that has lost something ends, it does not go on behind the gap. */
  private lose(): void {
    this.losing = !this.losing;
    if (!this.losing) for (const peer of this.profile.backend.peers) peer.cut();
  }

  private commit(one: Tab, as: "page" | "guest", [name, args]: Edit): void {
    const session = as === "page" ? one.store : (this.guests.get(one) ?? one.store.openGuest());
    if (as === "guest") this.guests.set(one, session as ReturnType<Store["openGuest"]>);
    const receipt = commit(session, [name, args] as Edit);
    this.committed.push({ session: session.storeSessionId, n: receipt.n, edit: [name, args] as Edit });
  }

  private async crash(one: Tab): Promise<void> {
    const guest = this.guests.get(one)?.storeSessionId;
    this.profile.backend.peers.find((peer) => peer.session === guest)?.end();
    await one.crash();
  }
}

/** How much is written down in a table. */
async function count(table: string): Promise<number> {
  await written();
  const open = indexedDB.open("runt");
  await new Promise((done) => {
    open.onsuccess = done;
  });
  const read = open.result.transaction(table).objectStore(table).count();
  await new Promise((done) => {
    read.onsuccess = done;
  });
  open.result.close();
  return read.result;
}

function commit(session: Pick<Store, "commit">, [name, args]: Edit): ReturnType<Store["commit"]> {
  return session.commit(name, args);
}
