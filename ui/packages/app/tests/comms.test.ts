import { describe, expect, it } from "vitest";
import { type CommMessage, type Fields, OpenComms, readComm, referencesIn } from "../src/model/comms";

const message = (kind: CommMessage["kind"], commId: string, data: Fields = {}, buffers: string[] = []): CommMessage => ({
  kind,
  commId,
  data,
  metadata: {},
  buffers,
});
const open = (commId: string, state: Fields) => message("open", commId, { state });
const update = (commId: string, state: Fields, method = "update") => message("msg", commId, { method, state });

function made(...messages: CommMessage[]): OpenComms {
  const comms = new OpenComms();
  for (const each of messages) comms.take(each);
  return comms;
}

describe("OpenComms", () => {
  it("reopens a comm with the state it has now", () => {
    const comms = made(open("a", { value: 1, max: 9 }), update("a", { value: 2 }), update("a", { value: 3 }, "echo_update"));
    expect(comms.reopened("a")?.data.state).toEqual({ value: 3, max: 9 });
  });

  it("keeps binary parts until their key is set anew", () => {
    const opened = message("open", "a", { state: { x: {}, y: {} }, buffer_paths: [["x", "d"], ["y"]] }, ["AA==", "AQ=="]);
    expect(made(opened, update("a", { x: null })).reopened("a")).toMatchObject({
      data: { state: { x: null, y: {} }, buffer_paths: [["y"]] },
      buffers: ["AQ=="],
    });
  });

  it("forgets what was closed, and everything when told", () => {
    const comms = made(open("a", {}), open("b", {}), message("close", "a"));
    expect([comms.has("a"), comms.has("b")]).toEqual([false, true]);
    comms.forget();
    expect(comms.reopened("b")).toBeNull();
  });

  it("changes nothing by custom messages, or by updates of what is not open", () => {
    const comms = made(open("a", { value: 1 }), message("msg", "a", { method: "custom", content: {} }), update("b", { value: 2 }));
    expect(comms.reopened("a")?.data.state).toEqual({ value: 1 });
    expect(comms.has("b")).toBe(false);
  });

  it("reaches what a model names, in circles too, and what names it without having a view", () => {
    const comms = made(
      open("box", { children: ["IPY_MODEL_slider"], _view_name: "BoxView" }),
      open("slider", { style: "IPY_MODEL_style", parent: "anywidget:box" }),
      open("style", {}),
      open("other", { _view_name: "View" }),
      open("link", { source: ["IPY_MODEL_slider", "value"], target: ["IPY_MODEL_far", "value"], _view_name: null }),
      open("far", {}),
    );
    expect([...comms.reachable("box")].sort()).toEqual(["box", "far", "link", "slider", "style"]);
    expect([...comms.reachable("style")]).toEqual(["style"]);
    expect([...comms.reachable("nowhere")]).toEqual([]);
  });

  it("follows references as they change", () => {
    const comms = made(open("box", { children: ["IPY_MODEL_a"] }), open("a", {}), open("b", {}));
    comms.take(update("box", { children: ["IPY_MODEL_b"] }));
    expect([...comms.reachable("box")].sort()).toEqual(["b", "box"]);
  });
});

describe("referencesIn", () => {
  it("finds models in lists and objects, and views among captured outputs", () => {
    const view = { "application/vnd.jupyter.widget-view+json": { model_id: "c" } };
    expect(referencesIn({ deep: [{ of: "IPY_MODEL_a" }, "anywidget:b"], outputs: [{ data: view }], text: "see IPY_MODEL_x" })).toEqual([
      "a",
      "b",
      "c",
    ]);
  });
});

describe("readComm", () => {
  it("reads a message", () => {
    const wire = { kind: "open", commId: "a", targetName: "jupyter.widget", data: {}, metadata: {}, buffers: ["AA=="] };
    expect(readComm(wire)).toEqual(wire);
  });

  it.each([
    null,
    [],
    {},
    { kind: "reset" },
    { kind: "msg", commId: "" },
    { kind: "msg", commId: "a", data: [] },
    { kind: "msg", commId: "a", buffers: [1] },
  ])("refuses %j", (value) => {
    expect(readComm(value)).toBeNull();
  });
});
