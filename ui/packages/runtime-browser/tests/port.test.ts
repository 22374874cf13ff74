// The page's end of the port: what the agent is served, what it may not do, and what the supervisor sees and says for it.
import { type Json, queries } from "@runt/schema";
import { describe, expect, it } from "vitest";
import { InMemoryBackend } from "../../store/tests/in-memory-backend";
import { settle } from "../../store/tests/manual-clock";
import { display, open, type Rig, type RigOptions, session, started } from "./rig";

const SHA = "a".repeat(64);
const PICTURE = { "image/png": { type: "artifact" as const, sha256: SHA, sizeBytes: 3 } };

describe("welcome and status", () => {
  it("greets the worker first", async () => {
    const rig = await open();
    await rig.sync();
    expect(rig.received[0]).toEqual({
      t: "welcome",
      storeSessionId: rig.store.storeSessionId,
      clientId: "local",
      status: { connected: true, head: 0, pending: 0 },
      limits: { eventBytes: 262_144 },
      config: { search: "" },
    });
  });

  it("tells of every change, and lets uploads try again when the connection is back", async () => {
    const backend = new InMemoryBackend();
    const rig = await open({ backend });
    await rig.clock.advance(16);
    await rig.sync();
    expect(rig.of("status").at(-1)).toEqual({ t: "status", connected: true, head: 0, pending: 0 });
    backend.peer.cut();
    await rig.clock.advance(16);
    expect(rig.uploads.retries).toBe(0);
    await rig.clock.advance(1_000);
    expect(rig.uploads.retries).toBe(1);
  });
});

describe("commit", () => {
  it("is answered with the place in the log, or with whether the guard held", async () => {
    const rig = await open();
    const first = rig.commit("v1.RuntimeSessionStarted", session("s1"));
    const second = rig.commit("v1.ExecutionStarted", { executionId: "none", sessionId: "s1", executionCount: 1, startedMs: 1 });
    expect(await rig.answer(first)).toEqual({ t: "applied", id: first, seq: 1, applied: true });
    expect(await rig.answer(second)).toEqual({ t: "applied", id: second, seq: 2, applied: false });
  });

  it("is rejected as invalid where the args do not fit", async () => {
    const rig = await started();
    const id = rig.commit("v1.DisplayAdded", { ...display("d1"), metadata: "{" });
    expect(await rig.answer(id)).toMatchObject({ t: "rejected", code: "invalid" });
    expect(rig.outputs()).toEqual([]);
  });

  it("passes on what the backend says", async () => {
    const backend = new InMemoryBackend();
    const rig = await open({ backend });
    backend.judge = () => "upgrade";
    const id = rig.commit("v1.RuntimeSessionStarted", session("s1"));
    expect(await rig.answer(id)).toEqual({
      t: "rejected",
      id,
      code: "upgrade",
      message: "v1.RuntimeSessionStarted was rejected (upgrade): no",
    });
  });

  it("is forbidden for events that are not a runtime's, other reasons of its end and other sessions", async () => {
    const rig = await started();
    const forbidden = [
      rig.commit("v1.CellDeleted", { cellId: "cell-e1" }),
      rig.commit("v1.ExecutionRequested", { executionId: "e9", cellId: "cell-e1", source: "rm", requestedMs: 1 }),
      rig.commit("v1.RuntimeSessionTerminated", { sessionId: "s1", reason: "evicted" }),
      rig.commit("v1.RuntimeSessionTerminated", { sessionId: "s2", reason: "shutdown" }),
      rig.commit("v1.DisplayAdded", display("d1", { sessionId: "s2" })),
      rig.commit("v1.InputReplied", { requestId: "of-another", value: "x" }),
    ];
    for (const id of forbidden) expect(await rig.answer(id)).toMatchObject({ t: "rejected", code: "forbidden" });
    expect(rig.host.problems).toBe(forbidden.length);
    expect(rig.outputs()).toEqual([]);
    expect(rig.session().status).toBe("ready");
  });

  it("speaks for no session that had its id before", async () => {
    const backend = new InMemoryBackend();
    const rig = await open({ backend });
    await backend.append("v1.RuntimeSessionStarted", session("theirs"));
    await rig.clock.advance(16);
    const taking = rig.commit("v1.RuntimeSessionStarted", session("theirs"));
    const ending = rig.commit("v1.RuntimeSessionTerminated", { sessionId: "theirs", reason: "crashed" });
    expect(await rig.answer(ending)).toMatchObject({ t: "rejected", code: "forbidden" });
    await rig.answer(taking);
    await rig.clock.advance(16);
    expect(rig.host.sessionId).toBeNull();
    expect(rig.host.terminate("crashed")).toBeNull();
    expect(rig.session("theirs").status).toBe("starting");
  });

  it("lets everything through where the worker is trusted", async () => {
    const rig = await open({ policy: "trusted" });
    const id = rig.commit("v1.CellCreated", { cellId: "c", cellType: "code", position: "a0", source: "" });
    expect(await rig.answer(id)).toMatchObject({ t: "applied", applied: true });
    rig.post({ t: "subscribe", id: 1, query: "cells", params: {}, confirmed: true });
    await rig.until(() => rig.of("rows").length > 0);
    expect(rig.of("rows")[0].rows[0].slice(0, 4)).toEqual(["c", "code", "", "a0"]);
  });

  it("counts ids that do not ascend and commits nothing", async () => {
    const rig = await open();
    rig.post({ t: "commit", id: 2, name: "v1.RuntimeSessionStarted", args: session("s1") });
    rig.post({ t: "commit", id: 2, name: "v1.RuntimeSessionStarted", args: session("s2") });
    await rig.sync();
    expect(rig.session("s2")).toBeUndefined();
    expect(rig.host.problems).toBe(1);
  });

  it("takes no more output when too much is undecided, but what ends things", async () => {
    const backend = new InMemoryBackend();
    const rig = await started({ backend, bounds: { wait: 1_000, waitOffline: 1_000, output: 5_000, total: 50_000 } });
    backend.reachable = false;
    backend.peer.cut();
    const data = "x".repeat(3_000);
    const bundle = { "text/plain": { type: "inline" as const, data } };
    rig.commit("v1.DisplayAdded", display("d1", { bundle }));
    const tooMuch = rig.commit("v1.DisplayAdded", display("d2", { bundle }));
    rig.commit("v1.ExecutionFinished", { executionId: "e1", sessionId: "s1", status: "ok", finishedMs: 2 });
    expect(await rig.answer(tooMuch)).toMatchObject({ t: "rejected", code: "too-large" });
    await rig.sync();
    expect(rig.outputs()).toEqual(["display"]);
    expect(rig.execution().status).toBe("ok");
  });
});

describe("what is undecided", () => {
  it("has an end for all that the worker sends, and none for what the page says for it", async () => {
    const backend = new InMemoryBackend();
    const rig = await started({ backend, bounds: { wait: 100, waitOffline: 100, output: 500, total: 1_000 } });
    backend.reachable = false;
    backend.peer.cut();
    const restarting = { sessionId: "s1", status: "restarting" } as const;
    const ids = [1, 2, 3, 4, 5, 6].map(() => rig.commit("v1.RuntimeSessionStatusSet", restarting));
    expect(await rig.answer(ids[5] ?? 0)).toMatchObject({ t: "rejected", code: "too-large" });
    await rig.sync();
    rig.host.finishFor("cancelled");
    void rig.host.terminate("shutdown");
    expect([rig.execution().status, rig.session().status]).toEqual(["cancelled", "terminated"]);
  });
});

describe("subscribe", () => {
  it("gives rows in the catalogue's order of columns, soon and on every change, until it ends", async () => {
    const rig = await started();
    rig.post({ t: "subscribe", id: 7, query: "sessionWork", params: { sessionId: "s1" }, confirmed: true });
    await rig.sync();
    const [rows] = rig.of("rows");
    expect(rows.id).toBe(7);
    expect(rows.rows.map((row: unknown[]) => [row[0], row[queries.sessionWork.columns.indexOf("status")]])).toEqual([["e1", "running"]]);
    rig.store.commit("v1.ExecutionCancelRequested", { executionId: "e1", reason: "user" });
    await rig.sync();
    expect(rig.of("rows").length).toBe(2);
    rig.post({ t: "unsubscribe", id: 7 });
    rig.commit("v1.ExecutionFinished", { executionId: "e1", sessionId: "s1", status: "ok", finishedMs: 2 });
    await rig.sync();
    expect(rig.of("rows").length).toBe(2);
  });

  it("is refused for other queries, other parameters, and beyond 256", async () => {
    const rig = await open();
    const read = (id: number, query: string, params: object): void => rig.post({ t: "subscribe", id, query, params, confirmed: false });
    read(1, "cells", {});
    read(2, "session", {});
    read(3, "session", { sessionId: "s1", more: 1 });
    read(4, "session", { sessionId: ["s1"] });
    read(5, "__proto__", {});
    await rig.sync();
    expect(rig.host.problems).toBe(5);
    for (let id = 1; id <= 257; id += 1) read(id, "activeSession", {});
    await rig.sync();
    expect(rig.host.problems).toBe(6);
    expect(rig.of("rows").length).toBe(256);
  });
});

describe("live messages", () => {
  async function two(options: RigOptions = {}): Promise<{ rig: Rig; person: Rig; backend: InMemoryBackend }> {
    const backend = new InMemoryBackend();
    const rig = await open({ backend, ...options });
    const person = await open({ backend });
    return { rig, person, backend };
  }

  it("are heard and answered by a trusted worker", async () => {
    const { rig, person } = await two({ policy: "trusted" });
    rig.post({ t: "hear", topic: "complete" });
    await rig.sync();
    const answer = person.store.sendLive("complete", { code: "x" }, { to: rig.store.storeSessionId });
    await rig.until(() => rig.of("live").length > 0);
    const { id, ...message } = rig.of("live")[0];
    expect(message).toEqual({
      t: "live",
      topic: "complete",
      data: { code: "x" },
      sender: person.store.storeSessionId,
      clientId: "local",
    });
    rig.post({ t: "answer", id, data: { ok: true } });
    expect(await answer).toEqual({ ok: true });
    rig.post({ t: "unhear", topic: "complete" });
    await rig.sync();
    void person.store.sendLive("complete", null);
    await rig.sync();
    expect(rig.of("live").length).toBe(1);
  });

  it("are sent by a trusted worker, and answered or not", async () => {
    const { rig, person } = await two({ policy: "trusted" });
    person.store.onLive("greet", () => "hello");
    rig.post({ t: "live", id: 1, topic: "greet", data: null, to: person.store.storeSessionId });
    await rig.until(() => rig.of("answered").length > 0);
    expect(rig.of("answered")).toEqual([{ t: "answered", id: 1, data: "hello" }]);
    rig.post({ t: "live", id: 2, topic: "silence", data: null, to: person.store.storeSessionId });
    await rig.sync();
    await rig.clock.advance(5_000);
    await rig.until(() => rig.of("unanswered").length > 0);
    expect(rig.of("unanswered")).toEqual([{ t: "unanswered", id: 2, message: "silence: no answer within 5 s" }]);
  });

  it("are a runtime's to send for widgets, and to hear for what it answers", async () => {
    const { rig, person } = await two();
    const heard: Json[] = [];
    person.store.onLive("runtime.comm", (message) => {
      heard.push(message.data);
      return null;
    });
    rig.post({ t: "hear", topic: "runtime.complete" });
    rig.post({ t: "live", id: 1, topic: "runtime.comm", data: { part: 0 } });
    await rig.until(() => heard.length > 0);
    expect(heard).toEqual([{ part: 0 }]);
    void person.store.sendLive("runtime.complete", { code: "x" });
    await rig.until(() => rig.of("live").length > 0);
    expect(rig.of("live")[0]?.data).toEqual({ code: "x" });
    expect(rig.called("problem")).toEqual([]);
  });

  it("of the app are not a runtime's to send, nor to hear", async () => {
    const { rig, person } = await two();
    for (const topic of ["runtime.restart", "runtime.stop", "input.reply", "chat"]) rig.post({ t: "hear", topic });
    rig.post({ t: "live", id: 1, topic: "chat", data: null });
    await rig.sync();
    expect(rig.of("unanswered")).toEqual([{ t: "unanswered", id: 1, message: "this runtime may not send chat" }]);
    expect(rig.called("problem")).toEqual([["it may not hear chat"]]);
    void person.store.sendLive("runtime.stop", { sessionId: "s1" });
    await rig.sync();
    expect(rig.of("live")).toEqual([]);
  });

  it("reach the agent where the page hands them over", async () => {
    const rig = await open();
    const answer = rig.host.deliver({ topic: "runtime.stop", data: { sessionId: "s1" }, sender: "p", clientId: "ada" });
    await rig.sync();
    const { id } = rig.of("live")[0];
    rig.post({ t: "answer", id, data: { ok: true } }, { t: "answer", id, data: 1 });
    expect(await answer).toEqual({ ok: true });
    await rig.sync();
    expect(rig.host.problems).toBe(1);
  });
});

describe("files", () => {
  it("are given with their bytes, and refused by name", async () => {
    const rig = await open();
    rig.post({ t: "file", id: 1, name: "numpy-2.0-cp312.whl" }, { t: "file", id: 2, name: "../secret" });
    await rig.until(() => rig.of("file").length + rig.of("no-file").length === 2);
    expect(new TextDecoder().decode(rig.of("file")[0].bytes)).toBe("numpy-2.0-cp312.whl");
    expect(rig.of("no-file")[0].id).toBe(2);
  });
});

describe("what the supervisor sees", () => {
  it("is the worker's session, its started execution, and what is busy", async () => {
    const rig = await started();
    expect(rig.host.sessionId).toBe("s1");
    expect(rig.host.startedExecution).toEqual({ execution: "e1", session: "s1" });
    rig.post({ t: "phase", phase: "ready" }, { t: "busy", execution: "e1", number: 1 });
    await rig.sync();
    expect(rig.host.phase).toBe("ready");
    expect(rig.host.busy).toEqual({ execution: "e1", number: 1 });
    rig.post({ t: "idle", execution: "e1" });
    rig.commit("v1.ExecutionFinished", { executionId: "e1", sessionId: "s1", status: "ok", finishedMs: 2 });
    rig.post({ t: "progress", text: "numpy" }, { t: "restart" }, { t: "ended", reason: "shutdown", problem: null });
    await rig.sync();
    expect(rig.host.running).toBe(false);
    expect(rig.host.busy).toBeNull();
    expect(rig.calls).toEqual([
      ["phase", "ready"],
      ["busy", { execution: "e1", number: 1 }],
      ["idle"],
      ["progress", "numpy"],
      ["restart"],
      ["ended", "shutdown", null],
    ]);
  });

  it("is no execution whose start was refused", async () => {
    const rig = await open();
    rig.commit("v1.RuntimeSessionStarted", session("s1"));
    await rig.answer(rig.commit("v1.ExecutionStarted", { executionId: "none", sessionId: "s1", executionCount: 1, startedMs: 1 }));
    expect(rig.host.running).toBe(false);
  });

  it("sends interrupts and the wish to stop", async () => {
    const rig = await open();
    rig.host.interrupt(3);
    rig.host.stop();
    await rig.sync();
    expect([...rig.of("interrupt"), ...rig.of("stop")]).toEqual([{ t: "interrupt", number: 3 }, { t: "stop" }]);
  });
});

describe("finishFor and terminate", () => {
  it("say for an ended worker what it cannot say, in order", async () => {
    const rig = await started();
    rig.post("Ta", "Tb");
    await rig.sync();
    rig.host.finishFor("error", "RuntimeCrashed", "the worker ended", "it ran out of memory");
    expect(await rig.host.terminate("crashed")).toMatchObject({ applied: true });
    expect(rig.outputs()).toEqual(["stdout:ab", "stderr:\n[it ran out of memory]\n", "error:RuntimeCrashed:the worker ended"]);
    expect(rig.execution()).toMatchObject({
      status: "error",
      errorName: "RuntimeCrashed",
      errorValue: "the worker ended",
      finishedMs: rig.clock.nowMs(),
    });
    expect(rig.session()).toMatchObject({ status: "terminated", endedReason: "crashed" });
    expect(rig.host.terminate("shutdown")).toBeNull();
    expect(rig.host.running).toBe(false);
  });

  it("take nothing more of the worker", async () => {
    const rig = await started();
    rig.host.finishFor("cancelled");
    expect(rig.execution().status).toBe("cancelled");
    rig.post("Tlate");
    rig.commit("v1.DisplayAdded", display("late"));
    rig.commit("v1.RuntimeSessionTerminated", { sessionId: "s1", reason: "shutdown" });
    rig.worker.postMessage("Tlater");
    await settle();
    await rig.drainPort();
    rig.host.flush();
    expect(rig.outputs()).toEqual([]);
    expect(rig.session().status).toBe("ready");
  });

  it("finish nothing where nothing was started", async () => {
    const rig = await open();
    rig.host.finishFor("error", "X", "y", "z");
    expect(rig.host.terminate("shutdown")).toBeNull();
    expect(rig.store.status.head).toBe(0);
  });

  it("bound and clean what they are told", async () => {
    const rig = await started();
    rig.host.finishFor("error", `E\ud800${"n".repeat(300)}`, "v".repeat(9_000));
    const { errorName, errorValue } = rig.execution();
    expect(errorName.startsWith("E\ufffdn")).toBe(true);
    expect([errorName.length < 300, errorValue.length < 8_300]).toEqual([true, true]);
  });
});

describe("artifacts", () => {
  it("hold back what came later until they are kept", async () => {
    const rig = await started();
    rig.post("Tbefore");
    rig.artifact(SHA);
    rig.commit("v1.DisplayAdded", display("d1", { bundle: PICTURE }));
    rig.post("Tafter", { t: "phase", phase: "ready" });
    rig.commit("v1.ExecutionFinished", { executionId: "e1", sessionId: "s1", status: "ok", finishedMs: 2 });
    rig.post({ t: "ended", reason: "shutdown", problem: null });
    await rig.sync();
    expect(rig.outputs()).toEqual(["stdout:before"]);
    expect(rig.calls.filter(([name]) => name !== "taken")).toEqual([["phase", "ready"]]);
    let drained = false;
    void rig.host.drained().then(() => {
      drained = true;
    });
    await settle();
    expect(drained).toBe(false);
    await rig.uploads.finish();
    expect(drained).toBe(true);
    expect(rig.outputs()).toEqual(["stdout:before", "display", "stdout:after"]);
    expect(rig.execution().status).toBe("ok");
    expect(rig.called("ended")).toEqual([["shutdown", null]]);
  });

  it("are uploaded one after the other, in the port's order", async () => {
    const rig = await started();
    const other = "b".repeat(64);
    rig.artifact(SHA);
    rig.commit("v1.DisplayAdded", display("d1", { bundle: PICTURE }));
    rig.artifact(other);
    rig.post("Tend");
    await rig.sync();
    expect(rig.uploads.asked).toEqual([SHA]);
    await rig.uploads.finish();
    expect(rig.uploads.asked).toEqual([SHA, other]);
    expect(rig.outputs()).toEqual(["display"]);
    await rig.uploads.finish();
    rig.host.flush();
    expect(rig.outputs()).toEqual(["display", "stdout:end"]);
  });

  it("that the server refuses leave their event to the server", async () => {
    const rig = await started();
    rig.artifact(SHA);
    const id = rig.commit("v1.DisplayAdded", display("d1", { bundle: PICTURE }));
    await rig.sync();
    await rig.uploads.finish("the server answered 422");
    expect(await rig.answer(id)).toMatchObject({ t: "applied" });
    expect(rig.called("problem")).toEqual([["the server answered 422"]]);
  });

  it("that find no room are dropped, and their event is rejected", async () => {
    const rig = await started({ bounds: { wait: 1_000, waitOffline: 1_000, output: 10_000, total: 20_000 } });
    rig.artifact(SHA, 20_000);
    const id = rig.commit("v1.DisplayAdded", display("d1", { bundle: PICTURE }));
    expect(await rig.answer(id)).toMatchObject({ t: "rejected", code: "too-large" });
    expect(rig.uploads.asked).toEqual([]);
  });

  it("hold back no more than there is room for, and nothing is lost silently", async () => {
    const rig = await started({ bounds: { wait: 1_000, waitOffline: 1_000, output: 10_000, total: 20_000 } });
    rig.artifact(SHA, 5_000);
    rig.post(`T${"x".repeat(1_000)}`, `T${"y".repeat(3_000)}`, `T${"y".repeat(3_000)}`);
    const data = "z".repeat(3_000);
    const id = rig.commit("v1.DisplayAdded", display("d1", { bundle: { "text/plain": { type: "inline", data } } }));
    rig.commit("v1.ExecutionFinished", { executionId: "e1", sessionId: "s1", status: "ok", finishedMs: 2 });
    expect(await rig.answer(id)).toMatchObject({ t: "rejected", code: "too-large" });
    await rig.sync();
    await rig.uploads.finish();
    expect(rig.outputs()).toEqual([
      `stdout:${"x".repeat(1_000)}`,
      "stderr:\n[0.0 MiB of text were dropped here: the notebook could not take them in time]\n",
    ]);
    expect(rig.execution().status).toBe("ok");
    expect(rig.called("taken").at(-1)).toEqual([7_000]);
  });

  it("are given up when the worker is ended, and the cell says so", async () => {
    const rig = await started();
    rig.post("Tbefore");
    rig.artifact(SHA);
    rig.commit("v1.DisplayAdded", display("d1", { bundle: PICTURE }));
    rig.post("Tafter");
    await rig.sync();
    rig.host.finishFor("cancelled", undefined, undefined, "stopped");
    expect(rig.outputs()).toEqual([
      "stdout:before",
      "stderr:\n[an output of this cell was not kept: the runtime ended before its bytes were uploaded]\n",
      "stdout:after",
      "stderr:\n[stopped]\n",
    ]);
    expect(rig.execution().status).toBe("cancelled");
    await expect(rig.host.drained()).resolves.toBeUndefined();
  });
});

describe("close", () => {
  it("commits what was taken, then neither posts nor calls nor commits", async () => {
    const rig = await started();
    rig.post({ t: "subscribe", id: 1, query: "sessionWork", params: { sessionId: "s1" }, confirmed: false }, "Ta", "Tb");
    await rig.sync();
    const { length } = rig.received;
    rig.host.close();
    rig.host.close();
    expect(rig.outputs()).toEqual(["stdout:ab"]);
    rig.store.commit("v1.ExecutionCancelRequested", { executionId: "e1", reason: "user" });
    rig.host.interrupt(1);
    rig.host.finishFor("ok");
    rig.host.terminate("shutdown");
    await rig.clock.advance(100);
    await rig.drainPort();
    expect(rig.received.length).toBe(length);
    expect(rig.session().status).toBe("ready");
  });
});
