import type { Json } from "@runt/schema";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Joiner, piecesOf } from "../src/model/comm-pieces";
import type { CommMessage, Fields } from "../src/model/comms";
import { CommHub, type CommLink, type Sent, type WidgetStatus } from "../src/notebook/comm-hub";

const open = (commId: string, state: Fields = {}) => ({ kind: "open", commId, targetName: "jupyter.widget", data: { state } });
const update = (commId: string, state: Fields, method = "update") => ({ kind: "msg", commId, data: { method, state } });
const custom = (commId: string) => ({ kind: "msg", commId, data: { method: "custom", content: "pressed" } });
const reset = { kind: "reset" };

/** A runtime that does what a test says. */
class ScriptedLink implements CommLink {
  session: string | null = "s1";
  connected = true;
  asked = 0;
  readonly heard: CommMessage[] = [];
  answer: Sent = "taken";
  #say: (data: Readonly<Record<string, Json>>) => void = () => {};
  #changed = () => {};
  readonly #joiner = new Joiner();

  sessionId = () => this.session;
  isConnected = () => this.connected;
  send = async (topic: string, data: Readonly<Record<string, Json>>): Promise<Sent> => {
    if (topic === "runtime.comms") this.asked += 1;
    else if (this.answer === "taken") this.heard.push(...((this.#joiner.add(data) ?? []) as unknown as CommMessage[]));
    return this.answer;
  };
  onPiece = (listener: (data: Readonly<Record<string, Json>>) => void) => {
    this.#say = listener;
    return () => {};
  };
  onChange = (listener: () => void) => {
    this.#changed = listener;
    return () => {};
  };

  says(...messages: object[]): void {
    for (const piece of piecesOf(messages)) this.#say({ sessionId: "s1", ...piece });
  }

  changes(what: Partial<Pick<ScriptedLink, "session" | "connected" | "answer">>): void {
    Object.assign(this, what);
    this.#changed();
  }
}

let link: ScriptedLink;
let hub: CommHub;
beforeEach(() => {
  vi.useFakeTimers();
  link = new ScriptedLink();
  hub = new CommHub(link);
});
afterEach(() => {
  hub.close();
  vi.useRealTimers();
});

const settled = () => vi.advanceTimersByTimeAsync(0);

function viewOf(modelId: string) {
  const statuses: WidgetStatus[] = [];
  const told: CommMessage[] = [];
  const view = hub.view(modelId, (status) => statuses.push(status));
  return { view, statuses, told, connect: () => view.connect(({ comms }) => told.push(...comms)) };
}

/** A page that shows these models, with their frames. */
async function shown(...models: string[]) {
  const views = models.map(viewOf);
  await settled();
  link.says(reset, open("a", { value: 1 }), open("b", { child: "IPY_MODEL_a" }));
  for (const view of views) view.connect();
  return views as [ReturnType<typeof viewOf>, ...ReturnType<typeof viewOf>[]];
}

const states = (messages: readonly CommMessage[]) => messages.map(({ kind, commId, data }) => [kind, commId, data.state]);

describe("CommHub", () => {
  it("asks once for all views that appear together, and gives each frame what its view needs", async () => {
    const [a, b] = [viewOf("a"), viewOf("b")];
    expect(a.statuses).toEqual(["loading"]);
    await settled();
    expect(link.asked).toBe(1);
    link.says(reset, open("a", { value: 1 }), open("b", { child: "IPY_MODEL_a" }), open("c"));
    expect([a.statuses.at(-1), b.statuses.at(-1)]).toEqual(["live", "live"]);
    a.connect();
    b.connect();
    expect(a.told.map((message) => message.commId)).toEqual(["a"]);
    expect(b.told.map((message) => message.commId).sort()).toEqual(["a", "b"]);
  });

  it("carries an update from one frame to the runtime and to the other frames", async () => {
    const [first, second] = await shown("a", "a");
    first.told.length = 0;
    second?.told.splice(0);
    first.view.heard(update("a", { value: 2 }));
    await settled();
    expect(states(link.heard)).toEqual([["msg", "a", { value: 2 }]]);
    expect(states(second?.told ?? [])).toEqual([["msg", "a", { value: 2 }]]);
    expect(first.told).toEqual([]);
  });

  it("says the first value at once, then at most 30 a second, and always the last", async () => {
    const [first] = await shown("a");
    for (let value = 2; value <= 100; value += 1) {
      first.view.heard(update("a", { value }));
      await vi.advanceTimersByTimeAsync(1);
    }
    await vi.advanceTimersByTimeAsync(100);
    const values = link.heard.map(({ data }) => (data.state as { value: number }).value);
    expect(values[0]).toBe(2);
    expect(values.at(-1)).toBe(100);
    expect(values.length).toBeLessThan(7);
  });

  it("says state again that may be lost, when the runtime answers again", async () => {
    const [first] = await shown("a");
    link.answer = "lost";
    first.view.heard(update("a", { value: 2, step: 4 }));
    await settled();
    link.answer = "taken";
    first.view.heard(update("a", { value: 3 }));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(states(link.heard)).toEqual([["msg", "a", { value: 3, step: 4 }]]);
  });

  it("moves nothing back by what comes late, and takes in what somebody else said last", async () => {
    const [first] = await shown("a");
    first.told.length = 0;
    first.view.heard(update("a", { value: 2 }));
    first.view.heard(update("a", { value: 3 }));
    await vi.advanceTimersByTimeAsync(50);
    link.says(update("a", { value: 2 }, "echo_update"));
    expect(first.told).toEqual([]);
    link.says(update("a", { value: 9 }, "echo_update"));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(states(first.told)).toEqual([["msg", "a", { value: 9 }]]);
  });

  it("opens in a frame what its view comes to name, before that is said", async () => {
    const [, box] = await shown("a", "b");
    box?.told.splice(0);
    link.says(open("late", { value: 5 }), update("b", { child: "IPY_MODEL_late" }), custom("late"));
    expect(states(box?.told ?? [])).toEqual([
      ["open", "late", { value: 5 }],
      ["msg", "b", { child: "IPY_MODEL_late" }],
      ["msg", "late", undefined],
    ]);
  });

  it("refuses what a frame says of comms that it was not given, or opens", async () => {
    const [first] = await shown("a", "b");
    first.view.heard(update("b", { child: null }));
    first.view.heard(open("mine"));
    first.view.heard({ kind: "msg" });
    first.view.heard("text");
    await settled();
    expect(link.heard).toEqual([]);
  });

  it("tells a widget that Python closed from one that the runtime does not have", async () => {
    const [first] = await shown("a");
    const other = viewOf("gone");
    await vi.advanceTimersByTimeAsync(2_000);
    expect([other.statuses.at(-1), link.asked]).toEqual(["loading", 1]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([other.statuses.at(-1), link.asked]).toEqual(["loading", 2]);
    link.says(reset, open("a", { value: 1 }), open("b"));
    expect(other.statuses).toEqual(["loading", "unknown"]);
    link.says({ kind: "close", commId: "a" });
    expect(first.statuses.at(-1)).toBe("closed");
  });

  it("waits for a comm that comes behind its output, without asking again", async () => {
    await shown("a");
    const late = viewOf("late");
    link.says(open("late"));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(late.statuses).toEqual(["loading", "live"]);
    expect(link.asked).toBe(1);
  });

  it("lets a list decide only about views that were there when it was asked for", async () => {
    viewOf("a");
    await settled();
    const other = viewOf("b");
    link.says(reset, open("a"));
    expect(other.statuses).toEqual(["loading"]);
    link.says(open("b"));
    expect(other.statuses.at(-1)).toBe("live");
  });

  it("forgets all with a reset", async () => {
    const [first] = await shown("a");
    link.says(reset);
    expect(first.statuses.at(-1)).toBe("unknown");
  });

  it("asks again when the connection is back, and brings frames up to date", async () => {
    const [first] = await shown("b");
    first.told.length = 0;
    link.changes({ connected: false });
    link.changes({ connected: true });
    await settled();
    expect(link.asked).toBe(2);
    link.says(reset, open("b", { child: null }));
    expect(states(first.told)).toEqual([
      ["close", "a", undefined],
      ["open", "b", { child: null }],
    ]);
    expect(first.statuses).toEqual(["loading", "live"]);
  });

  it("says when the runtime does not answer, and asks again when something changes", async () => {
    link.answer = "lost";
    const first = viewOf("a");
    await settled();
    expect(first.statuses).toEqual(["loading", "silent"]);
    link.changes({ answer: "taken" });
    await settled();
    link.says(reset, open("a"));
    expect(first.statuses.at(-1)).toBe("live");
  });

  it("hears nothing of another session", async () => {
    const [first] = await shown("a");
    link.changes({ session: "s2" });
    link.says(reset, open("a"));
    expect(first.statuses.at(-1)).toBe("loading");
  });
});
