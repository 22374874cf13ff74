// The Python distribution as the page fetches it: the index says what there is, the files come in parallel. They are
// immutable, so a second start is served by the browser's HTTP cache.

import { DistributionError } from "./errors";
import { LOCK } from "./lock";

/** What a server offers to run in its pages. */
export interface Distribution {
  /** Pyodide's version, for people. */
  readonly version: string;
  /** Where packages are, absolute. */
  readonly base: string;
  /** The archive with our own packages and what they need; one of the files of the start. */
  readonly site: { readonly name: string; readonly format: string; readonly python: string | null } | null;
  readonly boot: readonly BootSource[];
  /** All there is, where that is known. */
  readonly names: ReadonlySet<string> | null;
}

/** A file of the start; its size may be unknown. */
export interface BootSource {
  readonly name: string;
  readonly url: string;
  readonly sizeBytes: number | null;
}

/** Everything a worker needs to boot; the buffers are handed over, not copied. */
export interface BootFiles {
  readonly distribution: Distribution;
  readonly files: readonly (readonly [name: string, bytes: ArrayBuffer])[];
}

export interface FetchOptions {
  readonly fetch: typeof fetch;
  readonly signal?: AbortSignal;
}

const NOT_THERE = "the distribution that the server was given lacks it; `--pyodide` gives it another one";
const FILE_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.+!~-]*$/;

/** Read the index at `url`, which is absolute. */
export async function fetchDistribution(url: string, options: FetchOptions): Promise<Distribution> {
  const index = parseIndex(await getJson("The list of Python's files", url, { ...options, cache: "no-cache" }), url);
  if (index === null) throw new DistributionError("The list of Python's files", url, "what came is not such a list");
  const { base, site } = index;
  const { version, boot } = index.boot === null ? await lookThere(index, options) : { version: index.version ?? "", boot: index.boot };
  const ours = site === null ? [] : [{ name: site.name, url: site.url, sizeBytes: site.size }];
  return {
    version,
    base,
    site: site && { name: site.name, format: site.format, python: site.python },
    boot: [...boot, ...ours],
    names: index.boot === null ? null : index.names,
  };
}

/**
 * Fetch all files of the start.
 *
 * @param onProgress - told how many bytes have come, and of how many where that is known
 */
export async function fetchBootFiles(
  distribution: Distribution,
  options: FetchOptions & { readonly onProgress: (loaded: number, total: number | null) => void },
): Promise<BootFiles> {
  const sizes = distribution.boot.map(({ sizeBytes }) => sizeBytes);
  const total = sizes.includes(null) ? null : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  let loaded = 0;
  const count = (bytes: number): void => {
    loaded += bytes;
    options.onProgress(loaded, total === null ? null : Math.max(total, loaded));
  };
  const fetched = distribution.boot.map(async ({ name, url }) => [name, await readAll(name, url, options, count)] as const);
  return { distribution, files: await Promise.all(fetched) };
}

/** Fetch one more file of the distribution, such as a wheel. People's code can ask for any name: no other address is read. */
export async function fetchFile(distribution: Distribution, name: string, options: FetchOptions): Promise<ArrayBuffer> {
  const url = fileUrl(distribution, name);
  if (!FILE_NAME.test(name)) throw new DistributionError(name, url, "no file of a distribution has such a name");
  if (distribution.names?.has(name) === false) throw new DistributionError(name, url, NOT_THERE);
  return await readAll(name, url, options, () => {});
}

async function readAll(name: string, url: string, options: FetchOptions, count: (bytes: number) => void): Promise<ArrayBuffer> {
  const response = await get(name, url, options);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  try {
    const reader = response.body?.getReader();
    for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
      chunks.push(part.value);
      count(part.value.length);
    }
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new DistributionError(name, url, `the transfer broke off (${messageOf(error)})`);
  }
  return joined(chunks);
}

function joined(chunks: readonly Uint8Array[]): ArrayBuffer {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes.buffer;
}

/** A distribution on the web: its lock file tells which Python it is, and so which files it has. */
async function lookThere(index: Index, options: FetchOptions): Promise<{ readonly version: string; readonly boot: readonly BootSource[] }> {
  const url = new URL(LOCK, index.base).href;
  const lock = await getJson(LOCK, url, options);
  const info = isRecord(lock) && isRecord(lock.info) ? lock.info : {};
  if (typeof info.python !== "string") throw new DistributionError(LOCK, url, "what came is no lock file of Pyodide");
  const { own } = index;
  // Ours is the same Python with a compiled standard library, which starts in a third of the time.
  const base = own !== null && own.python === info.python && own.abi === info.abi_version ? own.base : index.base;
  const asm = Number(info.python.split(".")[1]) >= 14 ? "pyodide.asm.mjs" : "pyodide.asm.js";
  const names = ["pyodide.asm.wasm", "python_stdlib.zip", asm, "pyodide.mjs"];
  const boot = names.map((name) => ({ name, url: new URL(name, base).href, sizeBytes: null }));
  const version = typeof info.version === "string" ? info.version : `for Python ${info.python}`;
  return { version, boot: [...boot, { name: LOCK, url, sizeBytes: null }] };
}

async function getJson(what: string, url: string, options: FetchOptions & { readonly cache?: RequestCache }): Promise<unknown> {
  const response = await get(what, url, options);
  return response.json().catch(() => null);
}

async function get(what: string, url: string, options: FetchOptions & { readonly cache?: RequestCache }): Promise<Response> {
  const { fetch: fetchUrl, signal, cache } = options;
  let response: Response;
  try {
    response = await fetchUrl(url, { ...(signal && { signal }), ...(cache && { cache }) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new DistributionError(what, url, `the server cannot be reached (${messageOf(error)})`);
  }
  if (!response.ok) throw new DistributionError(what, url, await refusalOf(response));
  return response;
}

/** Our own server says in JSON what is wrong, others by their status only. */
async function refusalOf(response: Response): Promise<string> {
  const body: unknown = await response.json().catch(() => null);
  if (isRecord(body) && typeof body.message === "string") return body.message;
  return `the server answered ${response.status} ${response.statusText}`.trimEnd();
}

function fileUrl(distribution: Distribution, name: string): string {
  return new URL(name, distribution.base).href;
}

/** `/pyodide/index.json`, its addresses absolute. */
interface Index {
  readonly version: string | null;
  readonly base: string;
  readonly site: (NonNullable<Distribution["site"]> & { readonly url: string; readonly size: number | null }) | null;
  /** Null when only the distribution itself can tell. */
  readonly boot: readonly BootSource[] | null;
  readonly names: ReadonlySet<string>;
  /** The server's own distribution. */
  readonly own: { readonly python: string; readonly abi: string; readonly base: string } | null;
}

function parseIndex(index: unknown, url: string): Index | null {
  if (!isRecord(index) || typeof index.base !== "string") return null;
  const base = new URL(index.base, url).href;
  const files = isRecord(index.files) ? index.files : {};
  const boot = index.boot ?? null;
  if (boot !== null && !(Array.isArray(boot) && boot.every((name) => typeof name === "string"))) return null;
  return {
    version: typeof index.version === "string" ? index.version : null,
    base,
    site: parseSite(index.site, url),
    boot: boot === null ? null : boot.map((name: string) => ({ name, url: new URL(name, base).href, sizeBytes: sizeOf(files[name]) })),
    names: new Set(Object.keys(files)),
    own: parseOwn(index.own, url),
  };
}

function parseSite(site: unknown, url: string): Index["site"] {
  if (!isRecord(site) || typeof site.url !== "string" || typeof site.format !== "string") return null;
  const name = site.url.slice(site.url.lastIndexOf("/") + 1);
  const python = typeof site.python === "string" ? site.python : null;
  return { name, url: new URL(site.url, url).href, format: site.format, python, size: sizeOf(site.size) };
}

function parseOwn(own: unknown, url: string): Index["own"] {
  if (!isRecord(own)) return null;
  const { python, abi, base } = own;
  const told = typeof python === "string" && typeof abi === "string" && typeof base === "string";
  return told ? { python, abi, base: new URL(base, url).href } : null;
}

function sizeOf(size: unknown): number | null {
  return typeof size === "number" ? size : null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
