// Text from the port to the notebook: events, outputs, and how a fast writer is held.
import { queries } from "@runt/schema";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InMemoryBackend } from "../../store/tests/in-memory-backend";
import { display, Rig, started } from "./rig";

function firstOutput(rig: Rig): string {
  return rig.store.query(queries.outputs, { executionId: "e1" })[0]?.id ?? "";
}

describe("text", () => {
  it("commits the first write at once and gathers those that follow", async () => {
    const rig = await started();
    rig.post("Ta", "Tb", "Tc");
    await rig.sync();
    expect(rig.outputs()).toEqual(["stdout:a"]);
    await rig.clock.advance(16);
    expect(rig.chunks(firstOutput(rig))).toEqual([
      [0, "a"],
      [1, "bc"],
    ]);
  });

  it("passes carriage returns as they are and replaces lone surrogates", async () => {
    const rig = await started();
    rig.post("T10%\r20%\r", "Tx\ud800y\ud83d", "T\ude00");
    await rig.sync();
    rig.host.flush();
    expect(rig.outputs()).toEqual(["stdout:10%\r20%\rx\ufffdy😀"]);
  });

  it("makes a new output where the stream changes and where another output stands between", async () => {
    const rig = await started();
    rig.post("Ta");
    rig.place("stderr");
    rig.post("Tb");
    rig.place("stdout");
    rig.post("Tc");
    rig.commit("v1.DisplayAdded", display("d1"));
    rig.post("Td");
    await rig.sync();
    rig.host.flush();
    expect(rig.outputs()).toEqual(["stdout:a", "stderr:b", "stdout:c", "display", "stdout:d"]);
  });

  it("goes on with the output of an execution after text of another one", async () => {
    const rig = await started();
    rig.post("Ta");
    rig.commit("v1.ExecutionFinished", { executionId: "e1", sessionId: "s1", status: "ok", finishedMs: 2 });
    await rig.begin("e2");
    rig.post("Tb");
    rig.place("stdout", "e1");
    rig.post("Tc");
    await rig.sync();
    rig.host.flush();
    expect([rig.outputs("e1"), rig.outputs("e2")]).toEqual([["stdout:ac"], ["stdout:b"]]);
  });

  it("cuts long text into events that a backend takes", async () => {
    const rig = await started();
    rig.post(`T${"x".repeat(150_000)}`);
    await rig.sync();
    rig.host.flush();
    expect(rig.chunks(firstOutput(rig)).map(([n, text]) => [n, text.length])).toEqual([
      [0, 65_536],
      [1, 65_536],
      [2, 18_928],
    ]);
  });

  it("of one message is bounded, and a note says what is missing", async () => {
    const rig = await started();
    const unit = 1024 * 1024;
    rig.post(`T${"x".repeat(2 * unit)}`);
    await rig.sync();
    rig.host.flush();
    const note = "\n[1.0 MiB of text were dropped here: the notebook could not take them in time]\n";
    expect(rig.outputs()).toEqual([`stdout:${"x".repeat(unit)}`, `stderr:${note}`]);
    expect(rig.called("taken").at(-1)).toEqual([2 * unit]);
  });

  it("stands before any event that came after it", async () => {
    const rig = await started();
    rig.post("Ta", "Tb");
    rig.commit("v1.ExecutionFinished", { executionId: "e1", sessionId: "s1", status: "ok", finishedMs: 2 });
    await rig.sync();
    expect(rig.outputs()).toEqual(["stdout:ab"]);
    expect(rig.execution().status).toBe("ok");
  });

  it("without a place is nobody's, and taken all the same", async () => {
    const rig = await started();
    rig.place("stdout", "e1", "other");
    rig.post("Tabc");
    await rig.sync();
    expect(rig.outputs()).toEqual([]);
    expect(rig.called("problem")).toEqual([["text is not of this runtime's session"]]);
    expect(rig.called("taken")).toEqual([[3]]);
  });

  it("equals what was written, and outputs stand in the port's order", async () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.string({ unit: "binary", maxLength: 40 }).map((text) => ({ text })) },
      { weight: 1, arbitrary: fc.constantFrom("x".repeat(70_000), "é\n".repeat(20_000), "\ud83d", "\ude00").map((text) => ({ text })) },
      { weight: 2, arbitrary: fc.constantFrom("stdout" as const, "stderr" as const).map((stream) => ({ stream })) },
      { weight: 1, arbitrary: fc.constant("display" as const) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 120 }).map((advanceMs) => ({ advanceMs })) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const rig = await Rig.open();
        try {
          await rig.begin();
          const expected: string[] = [];
          let stream = "stdout";
          for (const [place, action] of steps.entries()) {
            if (action === "display") {
              rig.commit("v1.DisplayAdded", display(`d${place}`));
              expected.push("display");
            } else if ("text" in action) {
              rig.post(`T${action.text}`);
              const last = expected.at(-1);
              if (action.text === "") continue;
              if (last?.startsWith(`${stream}:`)) expected[expected.length - 1] = last + action.text;
              else expected.push(`${stream}:${action.text}`);
            } else if ("stream" in action) {
              stream = action.stream;
              rig.place(action.stream);
            } else {
              await rig.sync();
              await rig.clock.advance(action.advanceMs);
            }
          }
          await rig.sync();
          rig.host.flush();
          expect(rig.outputs()).toEqual(expected.map((text) => text.replace(/\p{Surrogate}/gu, "\ufffd")));
          const written = steps.reduce((sum, action) => sum + (typeof action === "object" && "text" in action ? action.text.length : 0), 0);
          expect(rig.called("taken").at(-1)?.[0] ?? 0).toBe(written);
          expect(rig.host.problems).toBe(0);
        } finally {
          rig.close();
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe("taken", () => {
  it("is told when text was committed, not before", async () => {
    const rig = await started();
    rig.post("Tab", "Tcde");
    await rig.sync();
    expect(rig.called("taken")).toEqual([[2]]);
    await rig.clock.advance(16);
    expect(rig.called("taken")).toEqual([[2], [5]]);
  });

  it("is withheld while too much is undecided, and told when that is decided", async () => {
    const backend = new InMemoryBackend();
    const rig = await started({ backend, bounds: { wait: 10_000, waitOffline: 10_000, output: 100_000, total: 200_000 } });
    backend.reachable = false;
    backend.peer.cut();
    for (let count = 0; count < 4; count += 1) rig.post(`T${"x".repeat(4_000)}`);
    await rig.sync();
    for (let count = 0; count < 4; count += 1) await rig.clock.advance(100);
    rig.post("T1", "T2");
    await rig.sync();
    rig.host.flush();
    expect(rig.called("taken")).toEqual([[4_000]]);
    backend.reachable = true;
    await rig.clock.advance(1_000);
    expect(rig.store.status.pending).toBe(0);
    expect(rig.called("taken").at(-1)).toEqual([16_002]);
    expect(rig.outputs()).toEqual([`stdout:${"x".repeat(16_000)}12`]);
  });

  it("is told of more once there is no connection: the cell runs on", async () => {
    const backend = new InMemoryBackend();
    const rig = await started({ backend, bounds: { wait: 10_000, waitOffline: 20_000, output: 100_000, total: 200_000 } });
    backend.judge = () => "lose";
    rig.post(`T${"x".repeat(8_000)}`, `T${"x".repeat(8_000)}`, "Tlast");
    await rig.sync();
    rig.host.flush();
    expect(rig.called("taken")).toEqual([[8_000]]);
    backend.reachable = false;
    backend.peer.cut();
    await rig.sync();
    expect(rig.called("taken").at(-1)).toEqual([16_004]);
  });

  it("is told of text that finds no room too: a note stands in its place", async () => {
    const backend = new InMemoryBackend();
    const rig = await started({ backend, bounds: { wait: 3_000_000, waitOffline: 3_000_000, output: 1_000_000, total: 2_000_000 } });
    backend.reachable = false;
    backend.peer.cut();
    for (let count = 0; count < 3; count += 1) rig.post(`T${"x".repeat(1024 * 1024)}`);
    rig.commit("v1.ExecutionFinished", { executionId: "e1", sessionId: "s1", status: "ok", finishedMs: 2 });
    await rig.sync();
    expect(rig.outputs()).toEqual([
      `stdout:${"x".repeat(1024 * 1024)}`,
      "stderr:\n[2.0 MiB of text were dropped here: the notebook could not take them in time]\n",
    ]);
    expect(rig.called("taken").at(-1)).toEqual([3 * 1024 * 1024]);
    expect(rig.execution().status).toBe("ok");
  });
});
