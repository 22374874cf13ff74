// The blocking input(): asked in the log, answered there or, for a password, over the live channel.
import { type InputRequestRow, queries } from "@runt/schema";
import { describe, expect, it } from "vitest";
import { InMemoryBackend } from "../../store/tests/in-memory-backend";
import { open, type Rig, started } from "./rig";

function ask(rig: Rig, id: number, more: object = {}): void {
  rig.post({ t: "input", id, execution: "e1", session: "s1", prompt: "name? ", password: false, ...more });
}

function pending(rig: Rig): readonly InputRequestRow[] {
  return rig.store.query(queries.pendingInputs, {});
}

function requestId(rig: Rig): string {
  return pending(rig)[0]?.id ?? "";
}

describe("a line", () => {
  it("is asked for after the text before, and told when it is answered", async () => {
    const rig = await started();
    rig.post("Ta", "Tb");
    ask(rig, 1);
    await rig.sync();
    expect(rig.outputs()).toEqual(["stdout:ab"]);
    expect(pending(rig)).toMatchObject([{ executionId: "e1", prompt: "name? ", password: 0 }]);
    rig.store.commit("v1.InputReplied", { requestId: requestId(rig), value: "Ada" });
    await rig.sync();
    expect(rig.called("reply")).toEqual([[1, "Ada", null]]);
  });

  it("may be asked for several times in a row", async () => {
    const rig = await started();
    for (const id of [1, 2, 3]) {
      ask(rig, id);
      await rig.sync();
      rig.store.commit("v1.InputReplied", { requestId: requestId(rig), value: `line ${id}` });
      await rig.sync();
    }
    expect(rig.called("reply")).toEqual([
      [1, "line 1", null],
      [2, "line 2", null],
      [3, "line 3", null],
    ]);
  });

  it("does not come from an earlier question that was interrupted", async () => {
    const rig = await started();
    ask(rig, 1);
    await rig.sync();
    const first = requestId(rig);
    ask(rig, 2);
    await rig.sync();
    rig.store.commit("v1.InputReplied", { requestId: first, value: "late" });
    await rig.sync();
    expect(rig.called("reply")).toEqual([]);
  });

  it("never comes when the execution ends", async () => {
    const rig = await started();
    ask(rig, 1);
    await rig.sync();
    rig.commit("v1.ExecutionFinished", { executionId: "e1", sessionId: "s1", status: "ok", finishedMs: 2 });
    await rig.sync();
    expect(rig.called("reply")).toEqual([[1, null, "the execution ended before anybody answered"]]);
  });

  it("is not asked for when the execution is over, or is another session's", async () => {
    const rig = await started();
    rig.commit("v1.ExecutionFinished", { executionId: "e1", sessionId: "s1", status: "ok", finishedMs: 2 });
    ask(rig, 1);
    await rig.sync();
    ask(rig, 2, { session: "s2" });
    await rig.sync();
    expect(rig.called("reply")).toEqual([
      [1, null, "the execution ended before anybody answered"],
      [2, null, "this is not the runtime's session"],
    ]);
  });

  it("is not told when the backend refuses the question", async () => {
    const backend = new InMemoryBackend();
    const rig = await started({ backend });
    backend.judge = () => "forbidden";
    ask(rig, 1);
    await rig.sync();
    expect(rig.called("reply")).toEqual([[1, null, "v1.InputRequested was rejected (forbidden): no"]]);
  });

  it("may have a long prompt of any characters", async () => {
    const rig = await started();
    ask(rig, 1, { prompt: `\ud800${"p".repeat(10_000)}` });
    await rig.sync();
    const [row] = pending(rig);
    expect(row?.prompt.startsWith("\ufffdppp")).toBe(true);
    expect(row?.prompt.length).toBeLessThan(8_300);
  });
});

describe("a password", () => {
  async function asked(): Promise<{ rig: Rig; person: Rig }> {
    const backend = new InMemoryBackend();
    const person = await open({ backend });
    const rig = await started({ backend });
    ask(rig, 1, { password: true });
    await rig.sync();
    return { rig, person };
  }

  it("comes over the live channel, is acknowledged, and never stands in the log", async () => {
    const { rig, person } = await asked();
    const id = requestId(rig);
    const answer = await person.store.sendLive("input.reply", { requestId: id, value: "s3cret" }, { to: rig.store.storeSessionId });
    expect(answer).toEqual({ ok: true });
    const again = await person.store.sendLive("input.reply", { requestId: id, value: "again" }, { to: rig.store.storeSessionId });
    expect(again).toMatchObject({ ok: false });
    expect(rig.called("reply")).toEqual([[1, "s3cret", null]]);
    await rig.sync();
    expect(rig.store.query(queries.inputRequest, { requestId: id })).toMatchObject([{ status: "answered", value: null }]);
  });

  it("is taken only for the open question, and only as a string", async () => {
    const { rig, person } = await asked();
    const to = { to: rig.store.storeSessionId };
    const id = requestId(rig);
    expect(await person.store.sendLive("input.reply", { requestId: "other", value: "x" }, to)).toEqual({
      ok: false,
      problem: "nothing waits for this reply any more",
    });
    expect(await person.store.sendLive("input.reply", { requestId: id, value: 1 }, to)).toEqual({
      ok: false,
      problem: "input.reply needs requestId and value",
    });
    expect(await person.store.sendLive("input.reply", null, to)).toMatchObject({ ok: false });
    expect(rig.called("reply")).toEqual([]);
  });

  it("for a question that the agent asked itself goes on to the agent", async () => {
    const { rig, person } = await asked();
    rig.post({ t: "hear", topic: "input.reply" });
    await rig.sync();
    const answer = person.store.sendLive("input.reply", { requestId: "agents", value: "x" }, { to: rig.store.storeSessionId });
    await rig.until(() => rig.of("live").length > 0);
    const { id, data } = rig.of("live")[0];
    expect(data).toEqual({ requestId: "agents", value: "x" });
    rig.post({ t: "answer", id, data: { ok: true } });
    expect(await answer).toEqual({ ok: true });
  });

  it("is not waited for after the worker's end", async () => {
    const { rig, person } = await asked();
    const id = requestId(rig);
    rig.host.finishFor("cancelled");
    const answer = await person.store.sendLive("input.reply", { requestId: id, value: "x" }, { to: rig.store.storeSessionId });
    expect(answer).toMatchObject({ ok: false });
    expect(rig.called("reply")).toEqual([]);
  });
});
