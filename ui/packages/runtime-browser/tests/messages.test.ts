// What the worker posts: what fits, and that nothing that does not fit hurts the page.
import { EVENTS, queries } from "@runt/schema";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseWorkerMessage } from "../src/messages";
import { OUTPUT_EVENTS } from "../src/policy";
import { display, Rig } from "./rig";

describe("parseWorkerMessage", () => {
  it("takes text raw, whatever it looks like", () => {
    expect(parseWorkerMessage('T{"t":"stop"}')).toEqual({ t: "text", text: '{"t":"stop"}' });
  });

  it("refuses what is of no kind, and fields that do not fit", () => {
    const bad = [
      "",
      "{",
      "null",
      "[]",
      "{}",
      '{"t":1}',
      '{"t":"toString"}',
      '{"t":"text","text":"x"}',
      '{"t":"place","execution":"e 1","session":"s","stream":"stdout"}',
      '{"t":"place","execution":"e","session":"s","stream":"stdin"}',
      '{"t":"commit","id":0,"name":"n","args":{}}',
      '{"t":"commit","id":1,"name":"n","args":[]}',
      '{"t":"phase","phase":"asleep"}',
      '{"t":"answer","id":1}',
      '{"t":"busy","execution":"e","number":1.5}',
      7,
      null,
      undefined,
      [],
      { t: "artifact" },
      { t: "artifact", sha256: "a".repeat(64), mimeType: "image/png\r\nx: y", bytes: new ArrayBuffer(1) },
      { t: "artifact", sha256: "a".repeat(64), mimeType: "image/png", bytes: new Uint8Array(1) },
    ];
    for (const data of bad) expect(parseWorkerMessage(data)).toMatchObject({ t: "misfit" });
  });

  it("knows who waits for an answer, also of what is too long to read", () => {
    expect(parseWorkerMessage('{"t":"commit","id":5,"name":"","args":{}}')).toMatchObject({ about: { t: "commit", id: 5 } });
    const long = `{"t": "commit", "id": 6, "name": "v1.DisplayAdded", "args": {"x": "${"x".repeat(2 * 1024 * 1024)}"}}`;
    expect(parseWorkerMessage(long)).toMatchObject({ t: "misfit", about: { t: "commit", id: 6 } });
  });

  it("bounds what goes on to other clients, in size and depth", () => {
    const answer = (data: string): unknown => parseWorkerMessage(`{"t":"answer","id":1,"data":${data}}`);
    expect(answer('{"ok":true}')).toMatchObject({ t: "answer", data: { ok: true } });
    expect(answer(`"${"x".repeat(70_000)}"`)).toMatchObject({ t: "misfit" });
    expect(answer("[".repeat(1_000) + "]".repeat(1_000))).toMatchObject({ t: "misfit" });
    expect(answer('"\\ud800"')).toMatchObject({ t: "misfit" });
  });
});

describe("abuse", () => {
  const name = fc.constantFrom(...Object.keys(EVENTS), "v1.Nothing", "__proto__", "");
  const id = fc.oneof(fc.integer({ min: -1, max: 40 }), fc.constantFrom("s1", "e1", "s2", "d1", ""), fc.jsonValue());
  const args = fc.oneof(
    fc.jsonValue(),
    fc.record(
      {
        sessionId: id,
        executionId: id,
        outputId: id,
        requestId: id,
        cellId: fc.constant("cell-e1"),
        reason: fc.constantFrom("evicted", "lost", "crashed"),
        status: fc.constantFrom("ok", "ready", "unknown"),
        text: fc.string({ unit: "binary" }),
        stream: fc.constantFrom("stdout", "x"),
        n: id,
        metadata: fc.constantFrom("{}", "{"),
        bundle: fc.constantFrom(
          {},
          { "text/plain": { type: "inline", data: "x" } },
          { "a/b": { type: "artifact", sha256: "x", sizeBytes: 1 } },
        ),
        executionCount: id,
        finishedMs: id,
        startedMs: id,
        wait: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
  );
  const message = fc
    .record(
      {
        t: fc.constantFrom(
          ...["commit", "place", "subscribe", "unsubscribe", "hear", "unhear", "live", "answer", "phase", "progress", "ended", "busy"],
          ...["idle", "input", "restart", "file", "text", "artifact", "welcome", "toString"],
        ),
        id,
        name,
        args,
        execution: id,
        session: id,
        stream: fc.constantFrom("stdout", "stderr", "other"),
        query: fc.constantFrom(...Object.keys(queries), "constructor"),
        params: fc.oneof(fc.jsonValue(), fc.record({ sessionId: id }), fc.constant({})),
        confirmed: fc.boolean(),
        topic: fc.constantFrom("input.reply", "runtime.stop", "x", ""),
        data: fc.jsonValue(),
        phase: fc.constantFrom("ready", "x"),
        text: fc.string(),
        reason: fc.string({ maxLength: 3 }),
        problem: fc.oneof(fc.constant(null), fc.string()),
        number: id,
        prompt: fc.string({ unit: "binary" }),
        password: fc.boolean(),
      },
      { requiredKeys: ["t"] },
    )
    .map((made) => JSON.stringify(made));
  // Events whose args fit, so that nothing but the policy stands in their way.
  const whose = fc.record({ executionId: fc.constant("e1"), sessionId: fc.constantFrom("s1", "s2") });
  const fitting = fc.oneof(
    fc.constantFrom(
      { name: "v1.CellDeleted", args: { cellId: "cell-e1" } },
      { name: "v1.CellSourceSet", args: { cellId: "cell-e1", source: "evil" } },
      { name: "v1.ExecutionRequested", args: { executionId: "e2", cellId: "cell-e1", source: "evil", requestedMs: 1 } },
      { name: "v1.InputReplied", args: { requestId: "anyone" } },
      { name: "v1.RuntimeSessionTerminated", args: { sessionId: "s2", reason: "evicted" } },
      { name: "v1.RuntimeSessionUnreachable", args: { sessionId: "s1" } },
      { name: "v1.RuntimeSessionStatusSet", args: { sessionId: "s2", status: "restarting" } },
    ),
    whose.map((args) => ({ name: "v1.OutputsCleared", args: { ...args, wait: false } })),
    whose.map((args) => ({ name: "v1.ExecutionFinished", args: { ...args, status: "ok", finishedMs: 1 } })),
    whose.map((args) => ({ name: "v1.StreamAppended", args: { ...args, outputId: "o", stream: "stdout", n: 0, text: "x" } })),
  );
  const fit = fc
    .tuple(fc.integer({ min: 50, max: 900 }), fitting)
    .map(([commitId, event]) => JSON.stringify({ t: "commit", id: commitId, ...event }));
  const anything = fc.oneof(
    { weight: 4, arbitrary: fit },
    { weight: 6, arbitrary: message },
    { weight: 2, arbitrary: fc.string({ unit: "binary", maxLength: 30 }) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 30 }).map((text) => `T${text}`) },
    { weight: 1, arbitrary: fc.anything({ withDate: true, withMap: true, withSet: true, withTypedArray: true, withBigInt: true }) },
  );
  const allowed = new Set<string>([
    ...OUTPUT_EVENTS,
    "v1.ExecutionStarted",
    "v1.ExecutionFinished",
    "v1.RuntimeSessionStarted",
    "v1.RuntimeSessionStatusSet",
    "v1.InputRequested",
    "v1.InputReplied",
  ]);

  it("throws nothing, and commits nothing that is forbidden", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anything, { maxLength: 30 }), async (posts) => {
        const rig = await Rig.open();
        await rig.begin();
        const committed: { readonly name: string; readonly args: { readonly sessionId?: unknown } }[] = [];
        const commit = rig.store.commit.bind(rig.store);
        // Looked at on its way to the real store.
        rig.store.commit = (eventName, eventArgs) => {
          const receipt = commit(eventName, eventArgs);
          committed.push({ name: eventName, args: eventArgs as { readonly sessionId?: unknown } });
          return receipt;
        };
        for (const post of posts) rig.postRaw(post);
        await rig.sync();
        await rig.clock.advance(100);
        const sessions = ["s1"];
        for (const event of committed) {
          if (event.name === "v1.RuntimeSessionStarted") sessions.push(String(event.args.sessionId));
          if (event.name === "v1.RuntimeSessionTerminated") continue;
          expect(allowed).toContain(event.name);
          if (event.name !== "v1.InputReplied") expect(sessions).toContain(event.args.sessionId);
        }
        expect(rig.store.query(queries.cells, {}).map((row) => [row.id, row.source])).toEqual([["cell-e1", "1"]]);
        // The page goes on: an honest agent is still served.
        if (rig.host.sessionId === "s1" && rig.session().status === "ready") {
          rig.post({ t: "commit", id: 1_000, name: "v1.DisplayAdded", args: display("honest") });
          expect(await rig.answer(1_000)).toMatchObject({ t: "applied" });
        }
        rig.close();
      }),
      { numRuns: 150 },
    );
  });
});
