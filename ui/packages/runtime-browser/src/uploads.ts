// Bytes that are too large for events: sent to the server's artifact store before any event that names them.

import type { Clock } from "@runt/store";
import type { ArtifactMessage } from "./messages";

/** Keeps artifacts where every reader of the notebook finds them. */
export interface ArtifactUploads {
  /**
   * Keep the bytes; waits as long as it takes.
   *
   * @param signal - aborted when nobody waits any more
   * @returns null when they are kept, else why they never will be
   */
  put(artifact: ArtifactMessage, signal: AbortSignal): Promise<string | null>;
  /** Try again now what waits for its next attempt; for when the connection is back. */
  retry(): void;
}

/** `fetch`, as far as it is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Pick<Response, "ok" | "status">>;

export interface HttpUploadsOptions {
  readonly notebookId: string;
  readonly clock: Clock;
  readonly fetch?: Fetch;
}

const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 30_000;
// Most hashes remembered as kept; beyond, bytes are sent once more, which the server takes as well.
const MOST_KEPT = 10_000;

/** The artifact store behind this page's own server, with this page's credentials. */
export class HttpUploads implements ArtifactUploads {
  private readonly url: string;
  private readonly clock: Clock;
  private readonly fetch: Fetch;
  private readonly kept = new Set<string>();
  private readonly waiting = new Set<() => void>();

  constructor(options: HttpUploadsOptions) {
    this.url = `/api/notebooks/${encodeURIComponent(options.notebookId)}/artifacts/`;
    this.clock = options.clock;
    this.fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
  }

  async put(artifact: ArtifactMessage, signal: AbortSignal): Promise<string | null> {
    if (this.kept.has(artifact.sha256)) return null;
    for (let waitMs = FIRST_WAIT_MS; !signal.aborted; waitMs = Math.min(MAX_WAIT_MS, waitMs * 2)) {
      const answer = await this.send(artifact, signal);
      if (answer?.ok) {
        if (this.kept.size >= MOST_KEPT) this.kept.clear();
        this.kept.add(artifact.sha256);
        return null;
      }
      if (answer !== null && !isPassing(answer.status)) return `the server refused the bytes of ${artifact.sha256}: ${answer.status}`;
      if (!signal.aborted) await this.pause(waitMs, signal);
    }
    return `the runtime ended before the bytes of ${artifact.sha256} were sent`;
  }

  retry(): void {
    for (const wake of [...this.waiting]) wake();
  }

  private async send(artifact: ArtifactMessage, signal: AbortSignal): Promise<Pick<Response, "ok" | "status"> | null> {
    try {
      return await this.fetch(this.url + artifact.sha256, {
        method: "PUT",
        headers: { "Content-Type": artifact.mimeType },
        body: artifact.bytes,
        mode: "same-origin",
        credentials: "same-origin",
        signal,
      });
    } catch {
      // fetch fails so, with an error of no use, where there is no connection or nobody waits any more.
      return null;
    }
  }

  private pause(ms: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      const cancel = this.clock.setTimer(ms, wake);
      this.waiting.add(wake);
      signal.addEventListener("abort", wake);
    });
  }
}

/** Tell whether the same request may be answered otherwise later. */
function isPassing(status: number): boolean {
  return status >= 500 || status === 429 || status === 408;
}
