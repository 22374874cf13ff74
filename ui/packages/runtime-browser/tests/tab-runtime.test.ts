import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TabRuntime } from "../src/tab-runtime";
import { RuntimeRig } from "./runtime-rig";

/** What a tab keeps over a reload. */
class TabStorage implements Storage {
  readonly items = new Map<string, string>();
  [name: string]: unknown;
  get length(): number {
    return this.items.size;
  }
  clear(): void {
    this.items.clear();
  }
  getItem(key: string): string | null {
    return this.items.get(key) ?? null;
  }
  key(index: number): string | null {
    return [...this.items.keys()][index] ?? null;
  }
  removeItem(key: string): void {
    this.items.delete(key);
  }
  setItem(key: string, value: string): void {
    this.items.set(key, value);
  }
}

let rig: RuntimeRig;
let storage: TabStorage;
let loads: string[];

beforeEach(async () => {
  rig = await RuntimeRig.open();
  storage = new TabStorage();
  loads = [];
});
afterEach(() => rig.close());

function open(reloaded = false): TabRuntime {
  const load = async ({ runtimeId }: { readonly runtimeId: string }) => {
    loads.push(runtimeId);
    return rig.runtime;
  };
  return new TabRuntime(rig.store, { notebookId: "nb", storage, reloaded, load });
}

async function start(tab: TabRuntime): Promise<void> {
  const started = tab.start();
  await rig.ready();
  await started;
}

describe("the runtime of a tab", () => {
  it("loads nothing before its first start", async () => {
    const tab = open();
    tab.resume();
    await rig.pass(20);
    expect([loads, tab.state().status]).toEqual([[], "off"]);
  });

  it("shows the supervisor's state", async () => {
    const tab = open();
    const seen: string[] = [];
    tab.subscribe(() => seen.push(tab.state().status));
    await start(tab);
    expect(tab.state()).toBe(rig.runtime.state);
    expect([...new Set(seen)]).toEqual(["loading", "starting", "ready"]);
  });

  it("starts the kind that is asked for, in place of any other runtime", async () => {
    void open().start("echo");
    await rig.booted(1);
    await rig.sync();
    expect(rig.worker.of("welcome")[0].config.defaults).toMatchObject({ runtime: "echo", takeover: true });
  });

  it("says so when its code cannot be loaded, and can be started again", async () => {
    let broken = true;
    const load = async () => {
      if (broken) throw new Error("404");
      return rig.runtime;
    };
    const tab = new TabRuntime(rig.store, { notebookId: "nb", storage, load });
    await tab.start();
    expect(tab.state()).toMatchObject({ status: "failed", error: expect.stringContaining("could not be loaded: 404") });
    broken = false;
    await start(tab);
    expect(tab.state()).toMatchObject({ status: "ready", error: null });
  });

  it("can be given up while its code is loaded", async () => {
    let arrive: () => void = () => {};
    const load = () => new Promise<typeof rig.runtime>((resolve) => (arrive = () => resolve(rig.runtime)));
    const tab = new TabRuntime(rig.store, { notebookId: "nb", storage, load });
    const started = tab.start();
    await tab.stop();
    arrive();
    await started;
    expect([tab.state().status, rig.workers]).toEqual(["off", []]);
  });
});

describe("a reload of the tab", () => {
  it("starts again what ran, under the same name, taking nothing over", async () => {
    await start(open());
    rig.events.dispatchEvent(new Event("pagehide"));
    open(true).resume();
    await rig.booted(2);
    await rig.sync();
    expect(rig.worker.of("welcome")[0].config.defaults).toMatchObject({ runtime: "python", takeover: false });
    expect(new Set(loads).size).toBe(1);
  });

  it("is not any other visit", async () => {
    await start(open());
    rig.events.dispatchEvent(new Event("pagehide"));
    open(false).resume();
    await rig.pass(20);
    expect(loads).toHaveLength(1);
  });

  it("is not a duplicate of its tab either, when that is reloaded", async () => {
    await start(open());
    open(false).resume();
    open(true).resume();
    await rig.pass(20);
    expect(loads).toHaveLength(1);
  });

  it("starts nothing that a person stopped", async () => {
    const tab = open();
    await start(tab);
    const stopped = tab.stop();
    await rig.pass(5_000);
    await stopped;
    open(true).resume();
    await rig.pass(20);
    expect(loads).toHaveLength(1);
  });

  it("starts nothing that was displaced", async () => {
    await start(open());
    rig.worker.post({ t: "ended", reason: "displaced", problem: null });
    await rig.sync();
    open(true).resume();
    await rig.pass(20);
    expect(loads).toHaveLength(1);
  });

  it("starts nothing of a notebook that was closed in this tab", async () => {
    const tab = open();
    await start(tab);
    tab.leave();
    expect([tab.state().status, rig.worker.closed, rig.session("s1")]).toEqual(["off", true, "terminated shutdown"]);
    open(true).resume();
    await rig.pass(20);
    expect(loads).toHaveLength(1);
  });

  it("survives what it cannot read", () => {
    storage.setItem("runt.page-runtime.nb", "{");
    open(true).resume();
    expect(loads).toEqual([]);
  });
});
