import { describe, expect, it, vi } from "vitest";
import { FrameComm, type FrameMessage, type HeardMessage } from "../src/frame/comm";

const message = (value: number): FrameMessage => ({
  kind: "msg",
  commId: "a",
  data: { method: "update", state: { value } },
  metadata: {},
  buffers: ["AQ=="],
});
const close: FrameMessage = { kind: "close", commId: "a", data: {}, metadata: {}, buffers: [] };
const valueIn = ({ content }: HeardMessage) => (content.data.state as { value: number }).value;

describe("FrameComm", () => {
  it("keeps what is said before a model listens", () => {
    const comm = new FrameComm("a", () => {});
    const heard: unknown[] = [];
    comm.hear(message(1));
    comm.hear(close);
    comm.on_close(() => heard.push("closed"));
    comm.on_msg((each) => heard.push(valueIn(each)));
    expect(heard).toEqual([1, "closed"]);
    comm.hear(message(2));
    expect(heard).toEqual([1, "closed", 2]);
  });

  it("gives binary parts as bytes", () => {
    const comm = new FrameComm("a", () => {});
    const listener = vi.fn();
    comm.on_msg(listener);
    comm.hear(message(1));
    expect(listener.mock.calls[0]?.[0].buffers[0].getUint8(0)).toBe(1);
  });

  it("says what a model says, and that the kernel is idle again", async () => {
    const said: FrameMessage[] = [];
    const comm = new FrameComm("a", (each) => said.push(each));
    const status = vi.fn();
    comm.send({ method: "update", state: { value: 3 } }, { iopub: { status } }, {}, [Uint8Array.of(1, 2, 3)]);
    expect(said).toEqual([{ ...message(3), buffers: ["AQID"] }]);
    expect(status).not.toHaveBeenCalled();
    await Promise.resolve();
    expect(status.mock.calls[0]?.[0].content.execution_state).toBe("idle");
  });
});
