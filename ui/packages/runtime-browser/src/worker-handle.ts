// What the page knows of one worker in its frame, and the messages between page, frame and worker about its life. What
// the agent in the worker says goes over a port of its own.

import type { BootFiles } from "./files";

/** One worker, from the frame that will hold it to its end. */
export interface WorkerHandle {
  /** The page's end of the port to the agent. */
  readonly port: MessagePort;
  /**
   * Hand the files in; the worker starts when the frame is there.
   *
   * @param main - Python source to run in place of the agent, such as checks of the port; it finds `bridge`
   */
  boot(files: BootFiles, main?: string): void;
  interrupt(number: number): void;
  taken(units: number): void;
  reply(id: number, text: string | null, problem: string | null): void;
  /** End the worker at once and free all that belongs to it. */
  close(): void;
}

export interface WorkerEvents {
  /** The worker runs; `isolated` tells whether it shares memory with its frame. */
  readonly started: (isolated: boolean) => void;
  /** It did not come up, or Python in it is beyond repair. */
  readonly failed: (message: string) => void;
}

/** Makes a frame for a worker. */
export type OpenWorker = (events: WorkerEvents) => WorkerHandle;

/** What the worker is told of its distribution. */
export interface WorkerPlan {
  readonly version: string;
  /** The archive of our packages, and the Python that they were chosen for. */
  readonly site: { readonly name: string; readonly format: string; readonly python: string | null } | null;
  /** All files of the distribution, where that is known. */
  readonly names: readonly string[] | null;
  /** Python source in place of the agent's. */
  readonly main: string | null;
}

/** Page to frame, once, with two ports: the agent's and the frame's own. */
export interface FrameBoot {
  readonly workerSource: string;
  readonly files: BootFiles["files"];
  readonly boot: WorkerPlan;
}

/** Frame to worker, once, with the agent's port. */
export interface WorkerBoot {
  readonly files: BootFiles["files"];
  readonly boot: WorkerPlan;
  readonly control: SharedArrayBuffer | null;
}

/** Page to frame, over the frame's port. */
export type FrameCommand =
  | { readonly do: "interrupt"; readonly number: number }
  | { readonly do: "taken"; readonly units: number }
  | { readonly do: "reply"; readonly id: number; readonly text: string | null; readonly problem: string | null }
  | { readonly do: "close" };

/** Frame to page, over the frame's port. */
export type FrameReport = { readonly say: "started"; readonly isolated: boolean } | { readonly say: "failed"; readonly message: string };

/** Worker to frame: it begins, or it cannot go on. */
export type WorkerReport = { readonly begun: true } | { readonly failed: string };
