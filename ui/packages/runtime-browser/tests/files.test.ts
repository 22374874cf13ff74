import { describe, expect, it } from "vitest";
import { DistributionError } from "../src/errors";
import { type Distribution, fetchBootFiles, fetchDistribution, fetchFile } from "../src/files";

const INDEX_URL = "http://notebook.test/pyodide/index.json";
const OWN = "http://notebook.test/pyodide/abc/";
const INDEX = {
  version: "314.0.7",
  python: "3.14.2",
  base: "/pyodide/abc/",
  site: { url: "/pyodide/abc/site.tar", format: "tar", size: 10, python: "3.14" },
  files: { "pyodide.mjs": 4, "pyodide.asm.wasm": 6, "numpy.whl": 9 },
  boot: ["pyodide.asm.wasm", "pyodide.mjs"],
  own: { python: "3.14.2", abi: "2026_0", base: "/pyodide/abc/" },
};
const ON_THE_WEB = { ...INDEX, base: "https://cdn.test/v1/", version: null, python: null, boot: null, files: {} };

type Answer = () => Response | Promise<Response>;

/** A network of these addresses; it notes what was asked. */
function network(answers: Readonly<Record<string, Answer>>) {
  const asked: { readonly url: string; readonly cache: RequestCache | undefined }[] = [];
  const fetchUrl: typeof fetch = async (input, init) => {
    const url = String(input);
    asked.push({ url, cache: init?.cache });
    init?.signal?.throwIfAborted();
    const answer = answers[url];
    if (answer === undefined) throw new TypeError("Failed to fetch");
    return answer();
  };
  return { asked, fetch: fetchUrl };
}

/** A body that comes in these pieces. */
function inPieces(...pieces: readonly string[]): Answer {
  return () =>
    new Response(
      new ReadableStream({
        start(controller) {
          for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
          controller.close();
        },
      }),
    );
}

const FILES = {
  "http://notebook.test/pyodide/abc/pyodide.mjs": inPieces("1234"),
  "http://notebook.test/pyodide/abc/pyodide.asm.wasm": inPieces("12", "3456"),
  "http://notebook.test/pyodide/abc/site.tar": inPieces("1234567890"),
};

const DISTRIBUTION: Distribution = {
  version: "314.0.7",
  base: OWN,
  site: { name: "site.tar", format: "tar", python: "3.14" },
  boot: [
    { name: "pyodide.asm.wasm", url: `${OWN}pyodide.asm.wasm`, sizeBytes: 6 },
    { name: "pyodide.mjs", url: `${OWN}pyodide.mjs`, sizeBytes: 4 },
    { name: "site.tar", url: `${OWN}site.tar`, sizeBytes: 10 },
  ],
  names: new Set(["pyodide.mjs", "pyodide.asm.wasm", "numpy.whl"]),
};

const textOf = (bytes: ArrayBuffer): string => new TextDecoder().decode(bytes);

describe("the index", () => {
  it("is always asked for anew, and its addresses become absolute", async () => {
    const net = network({ [INDEX_URL]: () => Response.json(INDEX) });
    expect(await fetchDistribution(INDEX_URL, net)).toEqual(DISTRIBUTION);
    expect(net.asked).toEqual([{ url: INDEX_URL, cache: "no-cache" }]);
  });

  it("may name another site, whose lock file tells its files; our archive is ours", async () => {
    const lock = { info: { python: "3.12.7", abi_version: "2024_0", version: "0.27.7" }, packages: {} };
    const net = network({
      [INDEX_URL]: () => Response.json(ON_THE_WEB),
      "https://cdn.test/v1/pyodide-lock.json": () => Response.json(lock),
    });
    const { version, base, boot } = await fetchDistribution(INDEX_URL, net);
    expect([version, base]).toEqual(["0.27.7", "https://cdn.test/v1/"]);
    expect(boot.map(({ url }) => url)).toEqual([
      "https://cdn.test/v1/pyodide.asm.wasm",
      "https://cdn.test/v1/python_stdlib.zip",
      "https://cdn.test/v1/pyodide.asm.js",
      "https://cdn.test/v1/pyodide.mjs",
      "https://cdn.test/v1/pyodide-lock.json",
      `${OWN}site.tar`,
    ]);
  });

  it("takes Python itself from the server where the other site has the same", async () => {
    const lock = { info: { python: "3.14.2", abi_version: "2026_0" }, packages: {} };
    const net = network({
      [INDEX_URL]: () => Response.json(ON_THE_WEB),
      "https://cdn.test/v1/pyodide-lock.json": () => Response.json(lock),
    });
    const { base, boot } = await fetchDistribution(INDEX_URL, net);
    expect(base).toBe("https://cdn.test/v1/");
    expect(boot.map(({ url }) => url)).toEqual([
      `${OWN}pyodide.asm.wasm`,
      `${OWN}python_stdlib.zip`,
      `${OWN}pyodide.asm.mjs`,
      `${OWN}pyodide.mjs`,
      "https://cdn.test/v1/pyodide-lock.json",
      `${OWN}site.tar`,
    ]);
  });

  it("says when the other site has no lock file", async () => {
    const net = network({
      [INDEX_URL]: () => Response.json(ON_THE_WEB),
      "https://cdn.test/v1/pyodide-lock.json": () => new Response("<html>"),
    });
    await expect(fetchDistribution(INDEX_URL, net)).rejects.toThrow("what came is no lock file of Pyodide");
  });

  it.each([
    ["is missing", () => new Response("", { status: 404, statusText: "Not Found" }), "the server answered 404 Not Found"],
    ["was never built", () => Response.json({ code: "not-built", message: "run `make pyodide`" }, { status: 503 }), "run `make pyodide`"],
    ["is a page", () => new Response("<!doctype html>"), "what came is not such a list"],
    ["lacks an address", () => Response.json({ ...INDEX, base: undefined }), "what came is not such a list"],
  ])("that %s is an error that says so", async (_what, answer, problem) => {
    const net = network({ [INDEX_URL]: answer });
    const failure = fetchDistribution(INDEX_URL, net);
    await expect(failure).rejects.toThrow(DistributionError);
    await expect(failure).rejects.toThrow(`The list of Python's files could not be fetched from ${INDEX_URL}: ${problem}`);
  });
});

describe("the files of the start", () => {
  it("come by name, our archive among them", async () => {
    const { files } = await fetchBootFiles(DISTRIBUTION, { ...network(FILES), onProgress: () => {} });
    expect(files.map(([name, bytes]) => [name, textOf(bytes)])).toEqual([
      ["pyodide.asm.wasm", "123456"],
      ["pyodide.mjs", "1234"],
      ["site.tar", "1234567890"],
    ]);
  });

  it("tell how many bytes of all have come", async () => {
    const told: (readonly [number, number | null])[] = [];
    await fetchBootFiles(DISTRIBUTION, { ...network(FILES), onProgress: (loaded, total) => told.push([loaded, total]) });
    expect(told.map(([, total]) => total)).toEqual([20, 20, 20, 20]);
    expect(told.map(([loaded]) => loaded)).toEqual([...told.map(([loaded]) => loaded)].sort((a, b) => a - b));
    expect(told.at(-1)).toEqual([20, 20]);
  });

  it("never say that more than all has come", async () => {
    const told: (readonly [number, number | null])[] = [];
    const lying = { ...DISTRIBUTION, boot: [{ name: "pyodide.mjs", url: `${OWN}pyodide.mjs`, sizeBytes: 1 }] };
    await fetchBootFiles(lying, { ...network(FILES), onProgress: (loaded, total) => told.push([loaded, total]) });
    expect(told).toEqual([[4, 4]]);
  });

  it("do not pretend to know how many there are", async () => {
    const told: (number | null)[] = [];
    const vague = {
      ...DISTRIBUTION,
      boot: DISTRIBUTION.boot.map((source, place) => (place === 0 ? { ...source, sizeBytes: null } : source)),
    };
    await fetchBootFiles(vague, { ...network(FILES), onProgress: (_loaded, total) => told.push(total) });
    expect(new Set(told)).toEqual(new Set([null]));
  });

  it("fail with the name of the one that is missing", async () => {
    const net = network({ ...FILES, "http://notebook.test/pyodide/abc/site.tar": () => new Response("", { status: 500 }) });
    await expect(fetchBootFiles(DISTRIBUTION, { ...net, onProgress: () => {} })).rejects.toThrow(
      "site.tar could not be fetched from http://notebook.test/pyodide/abc/site.tar: the server answered 500",
    );
  });

  it("fail when a transfer breaks off", async () => {
    const broken: Answer = () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            controller.error(new TypeError("network error"));
          },
        }),
      );
    const net = network({ ...FILES, "http://notebook.test/pyodide/abc/pyodide.mjs": broken });
    await expect(fetchBootFiles(DISTRIBUTION, { ...net, onProgress: () => {} })).rejects.toThrow("the transfer broke off (network error)");
  });

  it("can be given up", async () => {
    const abort = new AbortController();
    abort.abort();
    const failure = fetchBootFiles(DISTRIBUTION, { ...network(FILES), signal: abort.signal, onProgress: () => {} });
    await expect(failure).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("a file of later", () => {
  it("comes from the distribution's address", async () => {
    const net = network({ "http://notebook.test/pyodide/abc/numpy.whl": inPieces("wheel") });
    expect(textOf(await fetchFile(DISTRIBUTION, "numpy.whl", net))).toBe("wheel");
  });

  it("never comes from elsewhere", async () => {
    const net = network({});
    await expect(fetchFile(DISTRIBUTION, "https://elsewhere.test/x.whl", net)).rejects.toThrow(DistributionError);
    await expect(fetchFile(DISTRIBUTION, "../../api/me", net)).rejects.toThrow(DistributionError);
    expect(net.asked).toEqual([]);
  });

  it("that is known to be missing is not asked for", async () => {
    const net = network({});
    await expect(fetchFile(DISTRIBUTION, "scipy.whl", net)).rejects.toThrow("the distribution that the server was given lacks it");
    expect(net.asked).toEqual([]);
  });

  it("is asked for where nobody knows what there is", async () => {
    const net = network({ [`${OWN}scipy.whl`]: inPieces("wheel") });
    expect(textOf(await fetchFile({ ...DISTRIBUTION, names: null }, "scipy.whl", net))).toBe("wheel");
  });

  it("is an error when the server cannot be reached", async () => {
    await expect(fetchFile(DISTRIBUTION, "numpy.whl", network({}))).rejects.toThrow("the server cannot be reached (Failed to fetch)");
  });
});
