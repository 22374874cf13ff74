// Artifacts on their way to the server.
import { describe, expect, it } from "vitest";
import { ManualClock, settle } from "../../store/tests/manual-clock";
import type { ArtifactMessage } from "../src/messages";
import { type Fetch, HttpUploads } from "../src/uploads";

const ARTIFACT: ArtifactMessage = { t: "artifact", sha256: "a".repeat(64), mimeType: "image/png", bytes: new ArrayBuffer(3) };
const NEVER = new AbortController().signal;

interface Server {
  readonly clock: ManualClock;
  readonly uploads: HttpUploads;
  readonly requests: (readonly [string, RequestInit])[];
  /** Statuses of the answers to come; 0 is no connection. After them all is well. */
  readonly statuses: number[];
}

function server(...statuses: number[]): Server {
  const clock = new ManualClock();
  const requests: (readonly [string, RequestInit])[] = [];
  const fetch: Fetch = async (url, init) => {
    requests.push([url, init]);
    const status = statuses.shift() ?? 204;
    if (status === 0) throw new TypeError("fetch failed");
    return { ok: status < 300, status };
  };
  return { clock, requests, statuses, uploads: new HttpUploads({ notebookId: "a b", clock, fetch }) };
}

describe("HttpUploads", () => {
  it("puts the bytes under their hash, with this page's credentials", async () => {
    const { uploads, requests } = server();
    expect(await uploads.put(ARTIFACT, NEVER)).toBeNull();
    expect(requests).toEqual([
      [
        `/api/notebooks/a%20b/artifacts/${ARTIFACT.sha256}`,
        {
          method: "PUT",
          headers: { "Content-Type": "image/png" },
          body: ARTIFACT.bytes,
          mode: "same-origin",
          credentials: "same-origin",
          signal: NEVER,
        },
      ],
    ]);
  });

  it("sends the same bytes once", async () => {
    const { uploads, requests } = server();
    await uploads.put(ARTIFACT, NEVER);
    await uploads.put(ARTIFACT, NEVER);
    expect(requests.length).toBe(1);
  });

  it("tries again, ever more slowly, while there is no connection or the server is not well", async () => {
    const { clock, uploads, requests } = server(0, 503, 429);
    const done = uploads.put(ARTIFACT, NEVER);
    await settle();
    for (const [waitMs, sent] of [
      [499, 1],
      [1, 2],
      [999, 2],
      [1, 3],
      [1_999, 3],
      [1, 4],
    ] as const) {
      await clock.advance(waitMs);
      expect(requests.length).toBe(sent);
    }
    expect(await done).toBeNull();
  });

  it("tries again at once when the connection is back", async () => {
    const { uploads, requests } = server(0);
    const done = uploads.put(ARTIFACT, NEVER);
    await settle();
    uploads.retry();
    expect(await done).toBeNull();
    expect(requests.length).toBe(2);
  });

  it("gives up on any other refusal", async () => {
    const { uploads, requests } = server(422);
    expect(await uploads.put(ARTIFACT, NEVER)).toBe(`the server refused the bytes of ${ARTIFACT.sha256}: 422`);
    expect(requests.length).toBe(1);
  });

  it("stops when nobody waits any more", async () => {
    const { clock, uploads, requests } = server(0, 0);
    const abort = new AbortController();
    const done = uploads.put(ARTIFACT, abort.signal);
    await settle();
    abort.abort();
    expect(await done).toContain("the runtime ended");
    await clock.advance(60_000);
    expect(requests.length).toBe(1);
  });
});
