// What a page may know of the runtime in it.

export type RuntimeStatus = "off" | "loading" | "starting" | "ready" | "restarting" | "stopping" | "failed";

/** What is being waited for; `fraction` is how much of it is done, where that is known. */
export interface RuntimeProgress {
  readonly text: string;
  readonly fraction: number | null;
}

/** Immutable; a change is a new object. */
export interface RuntimeState {
  readonly status: RuntimeStatus;
  readonly progress: RuntimeProgress | null;
  /** Why it failed, as a sentence for people. */
  readonly error: string | null;
  /** How the last life ended: a reason of a session's end, or `left` when the page was. */
  readonly endedReason: string | null;
  /** Whether a busy worker can be interrupted; null until the first worker has told. */
  readonly isolated: boolean | null;
}

export const OFF: RuntimeState = { status: "off", progress: null, error: null, endedReason: null, isolated: null };

/** Say how far a download is. */
export function downloadInWords(loaded: number, total: number | null): RuntimeProgress {
  const mb = (bytes: number): string => (bytes / 1e6).toFixed(1);
  if (total === null) return { text: `Downloading Python: ${mb(loaded)} MB`, fraction: null };
  return { text: `Downloading Python: ${mb(loaded)} of ${mb(total)} MB`, fraction: loaded / total };
}
