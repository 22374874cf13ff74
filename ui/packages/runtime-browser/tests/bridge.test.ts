import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Bridge, type PyBytes, type PyFunction, WorkerPort } from "../src/bridge";
import { ControlReader, ControlWriter, makeControlBuffer } from "../src/control";

/** A Python function as Pyodide hands it over: with copies that live until they are destroyed. */
class PythonFunction {
  readonly received: string[] = [];
  alive = 0;

  handOver(): PyFunction {
    this.alive += 1;
    let destroyed = false;
    const call = (text: string): void => {
      if (destroyed) throw new Error("this proxy was destroyed");
      this.received.push(text);
    };
    const destroy = (): void => {
      destroyed = true;
      this.alive -= 1;
    };
    return Object.assign(call, { destroy, copy: () => this.handOver() });
  }
}

let page: MessagePort;
let port: WorkerPort;
let posted: unknown[];
let arrived: () => void;

beforeEach(() => {
  const { port1, port2 } = new MessageChannel();
  page = port1;
  port = new WorkerPort(port2);
  posted = [];
  arrived = () => {};
  page.onmessage = ({ data }: MessageEvent<unknown>) => {
    posted.push(data);
    arrived();
  };
});
afterEach(() => page.close());

/** Wait until the page has got so many messages. */
async function until(count: number): Promise<void> {
  while (posted.length < count) {
    await new Promise<void>((resolve) => {
      arrived = resolve;
    });
  }
}

/** Wait until the worker's end has got everything posted so far. */
async function delivered(): Promise<void> {
  const id = posted.length + 1;
  const asked = port.file("mark");
  page.postMessage(JSON.stringify({ t: "no-file", id: lastFileId() + 1, message: "mark" }));
  await asked.catch(() => {});
  await until(id);
}

function lastFileId(): number {
  const ids = posted.flatMap((data) => (typeof data === "string" && data.startsWith('{"t":"file"') ? [JSON.parse(data).id as number] : []));
  return ids.at(-1) ?? 0;
}

const open = (control: ControlReader | null = null) => new Bridge(port, control, async (source) => [source]);

describe("messages to Python", () => {
  it("wait until somebody listens, and come in order", async () => {
    const python = new PythonFunction();
    page.postMessage("one");
    page.postMessage("two");
    await delivered();
    open().on_message(python.handOver());
    page.postMessage("three");
    await delivered();
    expect(python.received).toEqual(["one", "two", "three"]);
  });

  it("go on when Python's argument is destroyed, as it is after the call", async () => {
    const python = new PythonFunction();
    const argument = python.handOver();
    open().on_message(argument);
    argument.destroy();
    page.postMessage("one");
    await delivered();
    expect(python.received).toEqual(["one"]);
  });

  it("go to the latest listener, and the earlier one is let go of", async () => {
    const [first, second] = [new PythonFunction(), new PythonFunction()];
    const bridge = open();
    for (const python of [first, second]) {
      const argument = python.handOver();
      bridge.on_message(argument);
      argument.destroy();
    }
    page.postMessage("one");
    await delivered();
    expect([first.received, second.received]).toEqual([[], ["one"]]);
    expect([first.alive, second.alive]).toEqual([0, 1]);
  });

  it("end with the bridge", async () => {
    const python = new PythonFunction();
    const bridge = open();
    const argument = python.handOver();
    bridge.on_message(argument);
    argument.destroy();
    bridge.close();
    page.postMessage("one");
    await delivered();
    expect([python.received, python.alive]).toEqual([[], 0]);
  });
});

describe("messages to the page", () => {
  it("are strings, as they are", async () => {
    open().post("Thello");
    await until(1);
    expect(posted).toEqual(["Thello"]);
  });

  it("carry an artifact's bytes, copied out of Python's memory", async () => {
    const memory = new Uint8Array([9, 1, 2, 3, 9]);
    let released = 0;
    const release = (): void => {
      released += 1;
    };
    const bytes: PyBytes = { getBuffer: () => ({ data: memory.subarray(1, 4), release }) };
    open().post_artifact("abc", "image/png", bytes);
    memory.fill(0);
    await until(1);
    expect(posted).toEqual([{ t: "artifact", sha256: "abc", mimeType: "image/png", bytes: new Uint8Array([1, 2, 3]).buffer }]);
    expect(released).toBe(1);
    expect(memory.buffer.byteLength).toBe(5);
  });
});

describe("files", () => {
  it("come to whoever asked for them", async () => {
    const [a, b] = [port.file("a.whl"), port.file("b.whl")];
    await until(2);
    expect(posted.map((text) => JSON.parse(String(text)))).toEqual([
      { t: "file", id: 1, name: "a.whl" },
      { t: "file", id: 2, name: "b.whl" },
    ]);
    page.postMessage({ t: "file", id: 2, bytes: new Uint8Array([2]).buffer });
    page.postMessage({ t: "file", id: 1, bytes: new Uint8Array([1]).buffer });
    expect([...new Uint8Array(await a), ...new Uint8Array(await b)]).toEqual([1, 2]);
  });

  it("that cannot be had fail with the page's sentence, which Python does not see", async () => {
    const python = new PythonFunction();
    open().on_message(python.handOver());
    const asked = port.file("a.whl");
    page.postMessage(JSON.stringify({ t: "no-file", id: 1, message: "a.whl could not be fetched" }));
    await expect(asked).rejects.toThrow("a.whl could not be fetched");
    expect(python.received).toEqual([]);
  });
});

describe("a bridge without shared memory", () => {
  it("says so, blocks never, and has no replies", () => {
    const bridge = open();
    bridge.wait(Number.POSITIVE_INFINITY);
    expect([bridge.isolated, bridge.taken(), bridge.target(), bridge.take_reply(1)]).toEqual([false, 0, 0, undefined]);
  });
});

describe("a bridge with shared memory", () => {
  it("reads what the frame wrote", () => {
    const buffer = makeControlBuffer(true) as SharedArrayBuffer;
    const [writer, bridge] = [new ControlWriter(buffer), open(new ControlReader(buffer))];
    writer.interrupt(4);
    writer.taken(10);
    bridge.wait(Number.POSITIVE_INFINITY);
    expect([bridge.isolated, bridge.target(), bridge.taken()]).toEqual([true, 4, 10]);
  });

  it("gives replies as Python reads them: undefined is None there", () => {
    const buffer = makeControlBuffer(true) as SharedArrayBuffer;
    const [writer, bridge] = [new ControlWriter(buffer), open(new ControlReader(buffer))];
    expect(bridge.take_reply(1)).toBeUndefined();
    writer.reply(1, { text: "Ada" });
    expect(bridge.take_reply(1)).toEqual(["Ada", undefined]);
    writer.reply(2, { problem: "nobody" });
    expect(bridge.take_reply(2)).toEqual([undefined, "nobody"]);
  });
});
