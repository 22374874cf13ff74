// The frame in the page: hidden, of an opaque origin, one for each worker. Removing it ends the worker.

/// <reference path="./bundle.d.ts" />

import workerSource from "./worker.ts?bundle";
import type { FrameBoot, FrameCommand, FrameReport, OpenWorker } from "./worker-handle";

const FRAME_URL = "/runtime-frame.html";

/** Open a frame in this document. */
export const openFrame: OpenWorker = (events) => {
  const agent = new MessageChannel();
  const control = new MessageChannel();
  const frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.allow = "cross-origin-isolated";
  frame.referrerPolicy = "no-referrer";
  frame.hidden = true;
  frame.title = "Python";
  frame.dataset.testid = "runtime-frame";
  frame.src = FRAME_URL;

  let loads = 0;
  const loaded = new Promise<void>((resolve) => {
    frame.addEventListener("load", () => {
      loads += 1;
      if (loads === 1) resolve();
      else events.failed("its frame went to another page");
    });
  });
  control.port1.onmessage = ({ data: report }: MessageEvent<FrameReport>) => {
    if (report.say === "started") events.started(report.isolated);
    else events.failed(report.message);
  };
  const command = (message: FrameCommand): void => control.port1.postMessage(message);
  document.body.append(frame);

  return {
    port: agent.port1,
    boot: ({ distribution, files }, main) => {
      const { version, site, names } = distribution;
      const message: FrameBoot = { workerSource, files, boot: { version, site, names: names && [...names], main: main ?? null } };
      const transfer = [agent.port2, control.port2, ...files.map(([, bytes]) => bytes)];
      // Its origin is opaque, so no target origin can name it; it is handed nothing of the person's.
      void loaded.then(() => frame.contentWindow?.postMessage(message, "*", transfer));
    },
    interrupt: (number) => command({ do: "interrupt", number }),
    taken: (units) => command({ do: "taken", units }),
    reply: (id, text, problem) => command({ do: "reply", id, text, problem }),
    close: () => {
      command({ do: "close" });
      control.port1.close();
      agent.port1.close();
      frame.remove();
    },
  };
};
