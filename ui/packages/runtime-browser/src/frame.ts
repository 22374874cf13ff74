// The script of runtime-frame.html, a page of an opaque origin: it starts the worker and carries out, on memory shared
// with it, what must reach a busy thread. It trusts nothing that the worker says but that it failed.

import { ControlWriter, makeControlBuffer } from "./control";
import type { FrameBoot, FrameCommand, FrameReport, WorkerBoot } from "./worker-handle";

addEventListener("message", function begin(event: MessageEvent<FrameBoot>): void {
  const [agentPort, port] = event.ports;
  if (event.source !== parent || agentPort === undefined || port === undefined) return;
  removeEventListener("message", begin);
  run(event.data, agentPort, port);
});

function run({ workerSource, files, boot }: FrameBoot, agentPort: MessagePort, port: MessagePort): void {
  const say = (report: FrameReport): void => port.postMessage(report);
  const control = makeControlBuffer(crossOriginIsolated);
  const writer = control === null ? null : new ControlWriter(control);
  // From a data: address, because a module worker from a blob: does not start in an opaque origin.
  const worker = new Worker(`data:text/javascript;charset=utf-8,${encodeURIComponent(workerSource)}`, { type: "module" });

  let begun = false;
  worker.onerror = (event) => {
    // Later ones are errors of people's code in a timer or callback: the worker lives.
    if (!begun) say({ say: "failed", message: `the worker did not start: ${event.message || "its script was refused"}` });
  };
  worker.onmessage = ({ data }: MessageEvent<unknown>) => {
    begun = true;
    if (isFailure(data)) say({ say: "failed", message: data.failed });
  };
  port.onmessage = ({ data: command }: MessageEvent<FrameCommand>) => {
    switch (command.do) {
      case "interrupt":
        writer?.interrupt(command.number);
        return;
      case "taken":
        writer?.taken(command.units);
        return;
      case "reply":
        writer?.reply(command.id, command.text === null ? { problem: command.problem ?? "" } : { text: command.text });
        return;
      case "close":
        worker.terminate();
        port.close();
        return;
    }
  };

  const message: WorkerBoot = { files, boot, control };
  worker.postMessage(message, [agentPort, ...files.map(([, bytes]) => bytes)]);
  say({ say: "started", isolated: control !== null });
}

function isFailure(data: unknown): data is { readonly failed: string } {
  return typeof data === "object" && data !== null && "failed" in data && typeof data.failed === "string";
}
