import { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { ControlReader, ControlWriter, makeControlBuffer } from "../src/control";

function open() {
  const buffer = makeControlBuffer(true);
  if (buffer === null) throw new Error("no buffer");
  return { buffer, writer: new ControlWriter(buffer), reader: new ControlReader(buffer) };
}

describe("the control buffer", () => {
  it("does not exist where memory cannot be shared", () => {
    expect(makeControlBuffer(false)).toBeNull();
  });

  it("carries an interrupt to Pyodide's byte, with its target", () => {
    const { writer, reader } = open();
    writer.interrupt(7);
    expect([reader.interruptBuffer[0], reader.target()]).toEqual([2, 7]);
  });

  it("keeps an interrupt that comes between Pyodide's look and its clearing", () => {
    const { writer, reader } = open();
    const look = () => {
      const seen = reader.interruptBuffer[0];
      writer.interrupt(8);
      reader.interruptBuffer[0] = 0;
      return seen;
    };
    expect(look()).toBe(0);
    expect(reader.interruptBuffer[0]).toBe(2);
    reader.interruptBuffer[0] = 0;
    expect(reader.interruptBuffer[0]).toBe(0);
  });

  it("tells how much text was taken", () => {
    const { writer, reader } = open();
    writer.taken(2 ** 31 - 1);
    expect(reader.taken()).toBe(2 ** 31 - 1);
  });

  it("gives a reply to the input that it answers, and to no other", () => {
    const { writer, reader } = open();
    expect(reader.reply(3)).toBeNull();
    writer.reply(3, { text: "Zoë 🐍" });
    expect(reader.reply(2)).toBeNull();
    expect(reader.reply(3)).toEqual({ text: "Zoë 🐍" });
  });

  it("tells an empty reply from none that can come", () => {
    const { writer, reader } = open();
    writer.reply(1, { text: "" });
    expect(reader.reply(1)).toEqual({ text: "" });
    writer.reply(2, { problem: "" });
    expect(reader.reply(2)).toEqual({ problem: "" });
    writer.reply(3, { problem: "nobody is here" });
    expect(reader.reply(3)).toEqual({ problem: "nobody is here" });
  });

  it("cuts a reply that is too long at a character", () => {
    const { writer, reader } = open();
    writer.reply(1, { text: `${"a".repeat(65471)}é` });
    expect(reader.reply(1)).toEqual({ text: "a".repeat(65471) });
  });

  it("does not wait for what was written since the last wait", () => {
    const { writer, reader } = open();
    writer.taken(1);
    // Would hang the test otherwise.
    reader.wait(Number.POSITIVE_INFINITY);
    expect(reader.taken()).toBe(1);
  });

  it("wakes another thread that waits", async () => {
    const { buffer, writer } = open();
    const source = `
      const { parentPort, workerData } = require("node:worker_threads");
      const words = new Int32Array(workerData);
      parentPort.postMessage("waits");
      const woken = Atomics.wait(words, 2, 0, Infinity);
      parentPort.postMessage([woken, Atomics.load(words, 1)]);`;
    const thread = new Worker(source, { eval: true, workerData: buffer });
    const messages: unknown[] = [];
    const done = new Promise<void>((resolve, reject) => {
      thread.on("error", reject);
      thread.on("exit", () => resolve());
      thread.on("message", (message) => {
        messages.push(message);
        if (message === "waits") writer.interrupt(5);
      });
    });
    await done;
    expect(messages).toEqual(["waits", [expect.stringMatching(/^(ok|not-equal)$/), 5]]);
  });
});
