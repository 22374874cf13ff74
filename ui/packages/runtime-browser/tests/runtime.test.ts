import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { RuntimeRig } from "./runtime-rig";

let rig: RuntimeRig;
beforeEach(async () => {
  rig = await RuntimeRig.open();
});
afterEach(() => rig.close());

const statuses = () => rig.states.map((state) => state.status).filter((status, place, all) => status !== all[place - 1]);

describe("a start", () => {
  it("loads, starts, and is ready when the agent is", async () => {
    await rig.start();
    expect(statuses()).toEqual(["loading", "starting", "ready"]);
    expect(rig.runtime.state).toEqual({ status: "ready", progress: null, error: null, endedReason: null, isolated: true });
  });

  it("says how far the download is", async () => {
    await rig.start();
    expect(rig.states.map((state) => state.progress)).toContainEqual({ text: "Downloading Python: 0.0 of 0.0 MB", fraction: 1 });
  });

  it("passes on what the worker says it does", async () => {
    const started = rig.runtime.start();
    const worker = await rig.booted(1);
    worker.post({ t: "progress", text: "Unpacking packages" });
    await rig.sync();
    expect(rig.runtime.state.progress).toEqual({ text: "Unpacking packages", fraction: null });
    worker.post({ t: "progress", text: "" });
    await rig.sync();
    expect(rig.runtime.state.progress).toBeNull();
    void rig.runtime.stop();
    await started;
  });

  it("tells the worker what a person wants, and the page's settings", async () => {
    void rig.runtime.start({ kind: "html" });
    await rig.booted(1);
    await rig.sync();
    expect(rig.worker.of("welcome")[0].config).toEqual({
      search: "?runtime-log-level=debug",
      storage: { "runt.runtime.load-imports": "no" },
      defaults: { runtime: "html", "runtime-id": "tab", takeover: true },
    });
  });

  it("takes nothing over when no person asked for it", async () => {
    void rig.runtime.start({ takeover: false });
    await rig.booted(1);
    await rig.sync();
    expect(rig.worker.of("welcome")[0].config.defaults.takeover).toBe(false);
  });

  it("is one, however often it is asked for", async () => {
    void rig.runtime.start();
    await rig.start();
    await rig.runtime.start();
    expect(rig.workers).toHaveLength(1);
  });

  it("fails with a sentence when a file is missing, and frees everything", async () => {
    rig.answer = async () => new Response("", { status: 404 });
    await rig.runtime.start();
    expect(rig.runtime.state).toMatchObject({
      status: "failed",
      error: "The list of Python's files could not be fetched from http://notebook.test/pyodide/index.json: the server answered 404",
    });
    expect(rig.worker.closed).toBe(true);
  });

  it("fails with the store's own words where the store can have no runtime", async () => {
    rig.store.close();
    await rig.runtime.start();
    expect(rig.runtime.state).toMatchObject({ status: "failed", error: expect.stringContaining("closed") });
    expect(rig.workers).toHaveLength(0);
  });

  it("that failed can be tried again", async () => {
    const { answer } = rig;
    rig.answer = async () => new Response("", { status: 404 });
    await rig.runtime.start();
    rig.answer = answer;
    const started = rig.runtime.start();
    await rig.ready(2);
    await started;
    expect(rig.runtime.state).toMatchObject({ status: "ready", error: null });
  });

  it("can be given up while files come", async () => {
    let given: AbortSignal | null | undefined;
    rig.answer = (_url, signal) => {
      given = signal;
      return new Promise(() => {});
    };
    const started = rig.runtime.start();
    await rig.runtime.stop();
    await started;
    expect(given?.aborted).toBe(true);
    expect(rig.runtime.state).toMatchObject({ status: "off", endedReason: "shutdown" });
    expect(rig.worker.closed).toBe(true);
  });

  it("fails when it takes longer than five minutes", async () => {
    const started = rig.runtime.start();
    await rig.booted(1);
    await rig.pass(5 * 60_000);
    await started;
    expect(rig.runtime.state.status).toBe("failed");
    expect(rig.runtime.state.error).toContain("not ready within 5 minutes");
    expect(rig.worker.closed).toBe(true);
  });

  it("does not run out of time once it was ready", async () => {
    await rig.start();
    await rig.pass(5 * 60_000);
    expect(rig.runtime.state.status).toBe("ready");
  });

  it("hands out files of the distribution that the worker asks for", async () => {
    const worker = await rig.start();
    worker.post({ t: "file", id: 1, name: "numpy.whl" });
    await rig.sync();
    expect(new TextDecoder().decode(worker.of("file")[0].bytes)).toBe("1234");
  });
});

describe("a cancel", () => {
  it("interrupts what runs, over both ways", async () => {
    const worker = await rig.start();
    await rig.run("e1", 4);
    await rig.cancel("e1");
    await rig.sync();
    expect(worker.commands).toContainEqual(["interrupt", 4]);
    expect(worker.of("interrupt")).toEqual([{ t: "interrupt", number: 4 }]);
  });

  it("is seen before the server has confirmed it", async () => {
    const worker = await rig.start();
    await rig.run("e1", 4);
    rig.backend.judge = () => "lose";
    await rig.cancel("e1");
    expect(worker.commands).toContainEqual(["interrupt", 4]);
  });

  it("waits until its execution runs, and hits no other", async () => {
    const worker = await rig.start();
    await rig.run("e1", null);
    await rig.cancel("e1");
    expect(worker.commands).not.toContainEqual(expect.arrayContaining(["interrupt"]));
    worker.post({ t: "busy", execution: "e1", number: 9 });
    await rig.sync();
    expect(worker.commands).toContainEqual(["interrupt", 9]);
  });

  it("that is obeyed costs nothing", async () => {
    const worker = await rig.start();
    await rig.run("e1");
    await rig.cancel("e1");
    worker.finish("e1", "cancelled");
    await rig.sync();
    await rig.pass(60_000);
    expect(rig.workers).toHaveLength(1);
    expect(rig.execution("e1")).toBe("cancelled");
  });

  it("is asked for of everything by interrupt()", async () => {
    const worker = await rig.start();
    await rig.run("e1", 2);
    await rig.request("e2");
    rig.runtime.interrupt();
    await rig.pass(20);
    expect([rig.execution("e1"), rig.execution("e2")]).toEqual(["cancelling", "cancelled"]);
    expect(worker.commands).toContainEqual(["interrupt", 2]);
  });

  it("that is not obeyed within 5 s ends the worker, says so, and begins with a fresh one", async () => {
    const worker = await rig.start();
    await rig.run("e1");
    worker.post({ t: "place", execution: "e1", session: "s1", stream: "stdout" });
    worker.post("Tbefore");
    await rig.cancel("e1");
    await rig.sync();
    await rig.pass(4_900);
    expect(worker.closed).toBe(false);
    await rig.pass(100);
    expect(worker.closed).toBe(true);
    expect(rig.execution("e1")).toBe("cancelled");
    expect(rig.session("s1")).toBe("terminated restart");
    expect(rig.notes("e1")).toContain("this did not stop within 5 s: Python was started anew and its variables are gone");
    expect(rig.runtime.state.status).toBe("restarting");
    await rig.ready(2);
    expect(rig.runtime.state.status).toBe("ready");
    expect(rig.session("s2")).toBe("ready");
  });

  it("waits 1 s where busy code cannot be interrupted, and says why", async () => {
    const worker = await rig.start(false);
    await rig.run("e1");
    await rig.cancel("e1");
    await rig.pass(1_000);
    expect(worker.closed).toBe(true);
    expect(rig.notes("e1")).toContain("this did not stop within 1 s (this page is not cross-origin isolated");
    expect(rig.runtime.state.isolated).toBe(false);
  });

  it("leaves what is queued to the fresh worker, under the same store session", async () => {
    const worker = await rig.start();
    await rig.run("e1");
    await rig.request("e2");
    await rig.cancel("e1");
    await rig.pass(5_000);
    const fresh = await rig.ready(2);
    fresh.run("e2", 1);
    fresh.finish("e2", "ok");
    await rig.sync();
    expect(rig.execution("e2")).toBe("ok");
    const [first, second] = [worker, fresh].map((one) => one.of("welcome")[0].storeSessionId);
    expect(second).toBe(first);
  });

  it("takes nothing over on the way back", async () => {
    await rig.start();
    await rig.run("e1");
    await rig.cancel("e1");
    await rig.pass(5_000);
    await rig.ready(2);
    expect(rig.worker.of("welcome")[0].config.defaults.takeover).toBe(false);
  });
});

describe("a session that somebody else ends", () => {
  it.each(["evicted", "displaced"] as const)("(%s) frees the worker after a second, and the state says why", async (reason) => {
    const worker = await rig.start();
    if (reason === "evicted") await rig.backend.append("v1.RuntimeSessionTerminated", { sessionId: "s1", reason });
    else {
      const args = { runtimeId: "x", runtimeType: "python", capabilities: ["code"], info: "{}", lostAfterMs: 1, startedMs: 1 };
      await rig.backend.append("v1.RuntimeSessionStarted", { sessionId: "other", replaces: "s1", ...args });
    }
    await rig.pass(20);
    expect(worker.closed).toBe(false);
    await rig.pass(1_000);
    expect(worker.closed).toBe(true);
    expect(rig.runtime.state).toMatchObject({ status: "off", endedReason: reason, error: null });
    expect(rig.session("s1")).toBe(`terminated ${reason}`);
  });

  it("may be told by the agent first", async () => {
    const worker = await rig.start();
    await rig.backend.append("v1.RuntimeSessionTerminated", { sessionId: "s1", reason: "evicted" });
    worker.post({ t: "ended", reason: "evicted", problem: null });
    await rig.sync();
    expect(worker.closed).toBe(true);
    expect(rig.runtime.state).toMatchObject({ status: "off", endedReason: "evicted" });
  });

  it("was refused from the start: the state says so", async () => {
    const started = rig.runtime.start({ takeover: false });
    const worker = await rig.booted(1);
    worker.begin("s1");
    worker.post({ t: "ended", reason: "refused", problem: "another runtime is active" });
    await started;
    expect(rig.runtime.state).toMatchObject({ status: "off", endedReason: "refused" });
    expect(worker.closed).toBe(true);
  });

  it("and is lost is begun anew by the agent, which is followed", async () => {
    const worker = await rig.start();
    await rig.lose("s1");
    worker.begin("s2");
    worker.becomeReady();
    await rig.sync();
    await rig.pass(10_000);
    expect([rig.runtime.state.status, rig.workers.length]).toEqual(["ready", 1]);
    await rig.run("e1", 3);
    await rig.cancel("e1");
    expect(worker.commands).toContainEqual(["interrupt", 3]);
  });

  it("and is lost while code keeps the agent from its thread is interrupted, then replaced", async () => {
    const worker = await rig.start();
    await rig.run("e1", 6);
    await rig.lose("s1");
    await rig.pass(20);
    expect(worker.commands).toContainEqual(["interrupt", 6]);
    await rig.pass(5_000);
    expect(worker.closed).toBe(true);
    expect(rig.execution("e1")).toBe("lost");
    await rig.ready(2);
    expect(rig.runtime.state.status).toBe("ready");
  });
});

describe("a person elsewhere", () => {
  it("restarts it: what runs ends as an error, and a fresh worker comes", async () => {
    const worker = await rig.start();
    await rig.run("e1");
    expect(await rig.tell("runtime.restart", { sessionId: "s1" })).toEqual({ ok: true });
    expect(worker.closed).toBe(true);
    expect(rig.execution("e1")).toBe("error RuntimeRestarted");
    expect(rig.session("s1")).toBe("terminated restart");
    await rig.ready(2);
    expect(rig.session("s2")).toBe("ready");
  });

  it("stops it: the agent ends by itself", async () => {
    const worker = await rig.start();
    expect(await rig.tell("runtime.stop", { sessionId: "s1" })).toEqual({ ok: true });
    expect(rig.runtime.state.status).toBe("stopping");
    await worker.sync();
    expect(worker.of("stop")).toHaveLength(1);
    worker.terminate("shutdown");
    worker.post({ t: "ended", reason: "shutdown", problem: null });
    await rig.sync();
    expect(rig.runtime.state).toMatchObject({ status: "off", endedReason: "shutdown" });
    expect([worker.closed, rig.session("s1")]).toEqual([true, "terminated shutdown"]);
  });

  it("is told when the session is another one", async () => {
    await rig.start();
    expect(await rig.tell("runtime.restart", { sessionId: "s0" })).toEqual({ ok: false, problem: "this runtime's session is s1" });
    expect(await rig.tell("runtime.stop", "x" as never)).toMatchObject({ ok: false });
    expect(rig.runtime.state.status).toBe("ready");
  });

  it("cannot restart what is not ready", async () => {
    const worker = await rig.start();
    void rig.runtime.stop();
    expect(await rig.tell("runtime.restart", { sessionId: worker.sessionId })).toEqual({ ok: false, problem: "the runtime is stopping" });
  });
});

describe("stop", () => {
  it("interrupts what runs, so that the agent can end", async () => {
    const worker = await rig.start();
    await rig.run("e1", 8);
    void rig.runtime.stop();
    await worker.sync();
    expect(worker.of("stop")).toHaveLength(1);
    expect(worker.commands).toContainEqual(["interrupt", 8]);
  });

  it("does not wait for an agent longer than 5 s", async () => {
    const worker = await rig.start();
    await rig.run("e1");
    const stopped = rig.runtime.stop();
    await rig.pass(5_000);
    await stopped;
    expect(worker.closed).toBe(true);
    expect([rig.execution("e1"), rig.session("s1")]).toEqual(["cancelled", "terminated shutdown"]);
    expect(rig.runtime.state).toMatchObject({ status: "off", endedReason: "shutdown" });
  });

  it("leaves no timer, no listener and no socket", async () => {
    const sockets = () => rig.backend.peers.filter((peer) => peer.open).length;
    const before = sockets();
    await rig.start();
    expect(sockets()).toBe(before + 1);
    await rig.run("e1");
    void rig.runtime.stop();
    await rig.pass(5_000);
    const states = rig.states.length;
    rig.events.dispatchEvent(new Event("pagehide"));
    await rig.pass(10 * 60_000);
    expect(rig.states).toHaveLength(states);
    expect(sockets()).toBe(before);
  });

  it("can be followed by a start", async () => {
    await rig.start();
    void rig.runtime.stop();
    await rig.pass(5_000);
    const started = rig.runtime.start();
    await rig.ready(2);
    await started;
    expect(rig.runtime.state).toMatchObject({ status: "ready", endedReason: null });
  });

  it("does nothing when there is nothing to stop", async () => {
    await rig.runtime.stop();
    expect(rig.runtime.state.status).toBe("off");
  });
});

describe("restart", () => {
  it("is a start when there is none", async () => {
    const restarted = rig.runtime.restart();
    await rig.ready(1);
    await restarted;
    expect(rig.runtime.state.status).toBe("ready");
  });

  it("settles when the fresh worker is ready", async () => {
    await rig.start();
    const restarted = rig.runtime.restart();
    expect(rig.runtime.state.status).toBe("restarting");
    await rig.ready(2);
    await restarted;
    expect(rig.runtime.state.status).toBe("ready");
  });

  it("may be the agent's wish", async () => {
    const worker = await rig.start();
    worker.post({ t: "restart" });
    await rig.sync();
    expect(worker.closed).toBe(true);
    expect(rig.session("s1")).toBe("terminated restart");
    await rig.ready(2);
    expect(rig.runtime.state.status).toBe("ready");
  });
});

describe("a worker that dies", () => {
  it("leaves its execution as an error, and a fresh one comes", async () => {
    const worker = await rig.start();
    await rig.run("e1");
    worker.events.failed("memory access out of bounds");
    await rig.pass(20);
    expect(worker.closed).toBe(true);
    expect(rig.execution("e1")).toBe("error RuntimeCrashed");
    expect(rig.session("s1")).toBe("terminated crashed");
    await rig.ready(2);
    expect(rig.runtime.state).toMatchObject({ status: "ready", error: null });
  });

  it("may tell so itself", async () => {
    const worker = await rig.start();
    worker.terminate("crashed");
    worker.post({ t: "ended", reason: "crashed", problem: "boom" });
    await rig.sync();
    expect(rig.runtime.state.status).toBe("restarting");
    expect(rig.session("s1")).toBe("terminated crashed");
  });

  it("before it is ready is a failed start", async () => {
    const started = rig.runtime.start();
    const worker = await rig.booted(1);
    worker.events.failed("the worker did not start: its script was refused");
    await started;
    expect(rig.runtime.state).toMatchObject({ status: "failed", error: "the worker did not start: its script was refused" });
    expect(worker.closed).toBe(true);
  });

  it("with a problem before it is ready shows the problem", async () => {
    const started = rig.runtime.start();
    const worker = await rig.booted(1);
    worker.post({ t: "ended", reason: "config", problem: "the address's runtime-x: unknown setting" });
    await started;
    expect(rig.runtime.state).toMatchObject({ status: "failed", error: "the address's runtime-x: unknown setting" });
  });

  it("three times within a minute is given up", async () => {
    await rig.start();
    rig.worker.events.failed("one");
    await rig.ready(2);
    rig.worker.events.failed("two");
    await rig.ready(3);
    rig.worker.events.failed("three");
    expect(rig.runtime.state).toMatchObject({ status: "failed", error: "Python died 3 times within a minute. The last time: three" });
    expect(rig.session("s3")).toBe("terminated crashed");
  });

  it("now and then is replaced each time", async () => {
    await rig.start();
    for (const count of [2, 3, 4]) {
      rig.worker.events.failed("again");
      await rig.ready(count);
      await rig.pass(40_000);
    }
    expect(rig.runtime.state.status).toBe("ready");
  });
});

describe("leaving the page", () => {
  it("ends the session at once, with all its text, and frees the worker", async () => {
    const worker = await rig.start();
    await rig.run("e1");
    worker.post({ t: "place", execution: "e1", session: "s1", stream: "stderr" });
    worker.post("Tfirst ");
    worker.post("Tlast");
    await worker.sync();
    rig.events.dispatchEvent(new Event("pagehide"));
    expect(worker.closed).toBe(true);
    expect(rig.runtime.state).toMatchObject({ status: "off", endedReason: "left" });
    expect([rig.execution("e1"), rig.session("s1"), rig.notes("e1")]).toEqual(["cancelled", "terminated shutdown", "first last"]);
    await rig.pass(20);
    expect(rig.backend.log.map(([name]) => name).slice(-2)).toEqual(["v1.ExecutionFinished", "v1.RuntimeSessionTerminated"]);
  });

  it("gives a start up", async () => {
    const started = rig.runtime.start();
    await rig.booted(1);
    rig.runtime.dispose();
    await started;
    expect(rig.runtime.state).toMatchObject({ status: "off", endedReason: "left" });
    expect(rig.worker.closed).toBe(true);
  });
});
