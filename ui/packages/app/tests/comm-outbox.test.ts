import { describe, expect, it } from "vitest";
import { CommOutbox, MOST_CHARACTERS, MOST_WAITING } from "../src/model/comm-outbox";
import type { CommMessage, Fields } from "../src/model/comms";

const update = (commId: string, state: Fields, buffers: string[] = []): CommMessage => ({
  kind: "msg",
  commId,
  data: { method: "update", state, buffer_paths: [] },
  metadata: {},
  buffers,
});
const custom = (commId: string): CommMessage => ({
  kind: "msg",
  commId,
  data: { method: "custom", content: {} },
  metadata: {},
  buffers: [],
});
const said = (messages: readonly CommMessage[]) => messages.map(({ commId, data }) => [commId, data.state ?? data.method]);

function filled(...messages: CommMessage[]): CommOutbox {
  const outbox = new CommOutbox();
  for (const message of messages) outbox.add(message);
  return outbox;
}

describe("CommOutbox", () => {
  it("makes one message of a comm's updates, with the last value of each key", () => {
    const outbox = filled(update("a", { x: 1, y: 1 }), update("b", { x: 5 }), update("a", { x: 2 }));
    expect(said(outbox.takeAll())).toEqual([
      ["a", { x: 2, y: 1 }],
      ["b", { x: 5 }],
    ]);
    expect(outbox.isEmpty).toBe(true);
  });

  it("lets no update pass a press of a button", () => {
    const outbox = filled(update("a", { x: 1 }), custom("b"), update("a", { x: 2 }));
    expect(said(outbox.takeAll())).toEqual([
      ["a", { x: 1 }],
      ["b", "custom"],
      ["a", { x: 2 }],
    ]);
  });

  it("says what is taken back at once", () => {
    const outbox = filled(update("a", { command: "go", x: 1 }), update("a", { command: null }), update("a", { x: 2 }));
    expect(said(outbox.takeAll())).toEqual([
      ["a", { command: "go", x: 1 }],
      ["a", { command: null, x: 2 }],
    ]);
  });

  it("merges nothing that has binary parts", () => {
    expect(filled(update("a", { x: 1 }), update("a", { x: {} }, ["AA=="])).takeAll()).toHaveLength(2);
  });

  it("says again what may be lost, but no press of a button and nothing old", () => {
    const outbox = filled(update("a", { x: 3 }));
    outbox.putBack([update("a", { x: 1, y: 1 }), custom("b")]);
    expect(said(outbox.takeAll())).toEqual([["a", { x: 3, y: 1 }]]);
  });

  it("has an end", () => {
    const outbox = filled(...Array.from({ length: MOST_WAITING }, () => custom("a")));
    expect(outbox.add(custom("a"))).toBe(false);
    expect(new CommOutbox().add(update("a", {}, ["A".repeat(MOST_CHARACTERS + 1)]))).toBe(false);
  });
});
