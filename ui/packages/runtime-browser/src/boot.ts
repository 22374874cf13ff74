// Boots Pyodide in the worker, from bytes that were handed in: the frame's origin is opaque and has no files.

import type { PyodideAPI } from "pyodide";
import { LOCK, standIns } from "./lock";
import { tarFiles } from "./tar";
import type { WorkerPlan } from "./worker-handle";

/** Stands for the distribution's address; nothing is ever fetched from it. */
const HANDED = "https://runt.invalid/";

/** `S_IFREG` and rw-r--r--. */
const REGULAR_FILE = 0o100644;

/** A folder of Emscripten's memory file system. */
interface FolderNode {
  readonly node_ops: {
    mknod(parent: FolderNode, name: string, mode: number, device: number): { contents: Uint8Array; usedBytes: number };
  };
}

/** What the names of our own packages begin with. */
const OURS = "runtime_";

type LoadPyodide = typeof import("pyodide")["loadPyodide"];
type PyodideOptions = NonNullable<Parameters<LoadPyodide>[0]>;

const TYPES: Readonly<Record<string, string>> = { wasm: "application/wasm", json: "application/json", zip: "application/zip" };

/** Handed-in files by name; each is let go of when it was read. */
export class HandedFiles {
  readonly #files: Map<string, ArrayBuffer>;

  constructor(files: Iterable<readonly [string, ArrayBuffer]>) {
    this.#files = new Map(files);
  }

  has(name: string): boolean {
    return this.#files.has(name);
  }

  /** Read one as text, and leave it there. */
  text(name: string): string {
    return new TextDecoder().decode(this.#get(name));
  }

  take(name: string): ArrayBuffer {
    const bytes = this.#get(name);
    this.#files.delete(name);
    return bytes;
  }

  #get(name: string): ArrayBuffer {
    const bytes = this.#files.get(name);
    if (bytes === undefined) throw new Error(`${name} is not among the files of this Python distribution`);
    return bytes;
  }
}

/**
 * Boot Python, with our own packages in its path.
 *
 * @param more - asks for files that were not handed in, such as wheels
 * @param progress - told what is being done
 */
export async function bootPython(
  files: HandedFiles,
  plan: WorkerPlan,
  more: (name: string) => Promise<ArrayBuffer>,
  progress: (text: string) => void,
): Promise<PyodideAPI> {
  progress("Starting Python");
  answerFetch(files, more);
  const theirs = standIns(files.text(LOCK), plan);
  // From 314 on a module; before, a script that leaves its function in the global scope.
  const asm = await importFile(files, files.has("pyodide.asm.mjs") ? "pyodide.asm.mjs" : "pyodide.asm.js");
  const { loadPyodide } = (await importFile(files, "pyodide.mjs")) as { readonly loadPyodide: LoadPyodide };
  const sayLine = (line: string): void => console.debug(line);
  const options: PyodideOptions = { indexURL: HANDED, stdout: sayLine, stderr: sayLine, ...lockOptions(asm, files) };
  const pyodide = await loadPyodide(options);
  if (plan.site !== null) {
    progress("Unpacking packages");
    unpackSite(pyodide, files.take(plan.site.name), plan.site.format, theirs.length > 0 ? OURS : "");
  }
  if (theirs.length > 0) await loadStandIns(pyodide, theirs, progress);
  return pyodide;
}

async function loadStandIns(pyodide: PyodideAPI, names: readonly string[], progress: (text: string) => void): Promise<void> {
  const problems: string[] = [];
  const say = { messageCallback: progress, errorCallback: (message: string) => problems.push(message), checkIntegrity: true };
  await pyodide.loadPackage([...names], say);
  if (problems.length > 0) throw new Error(`${names.join(" and ")} cannot be loaded from this Python distribution: ${problems.join("; ")}`);
}

function unpackSite(pyodide: PyodideAPI, archive: ArrayBuffer, format: string, prefix: string): void {
  if (format !== "tar") throw new Error(`packages in the format ${format} cannot be unpacked here`);
  const site: string = pyodide.runPython("import site; site.getsitepackages()[0]");
  const folders = new Map<string, FolderNode>();
  for (const { name, content } of tarFiles(archive)) {
    if (!name.startsWith(prefix)) continue;
    const path = `${site}/${name}`;
    const end = path.lastIndexOf("/");
    const folder = path.slice(0, end);
    const parent = folders.get(folder) ?? makeFolder(pyodide, folder);
    folders.set(folder, parent);
    // Without a copy, the file is a view of the archive; and without looking up the path of each of 2,000 files.
    const file = parent.node_ops.mknod(parent, path.slice(end + 1), REGULAR_FILE, 0);
    file.contents = content;
    file.usedBytes = content.length;
  }
  pyodide.runPython("import importlib; importlib.invalidate_caches()");
}

function makeFolder(pyodide: PyodideAPI, path: string): FolderNode {
  const { FS } = pyodide;
  FS.mkdirTree(path);
  // Emscripten's own type says nothing of what its memory file system keeps in a node.
  return FS.lookupPath(path, {}).node as unknown as FolderNode;
}

function lockOptions(asm: Readonly<Record<string, unknown>>, files: HandedFiles): Partial<PyodideOptions> {
  if (asm.default === undefined) return { lockFileURL: HANDED + LOCK };
  return {
    createPyodideModule: asm.default as NonNullable<PyodideOptions["createPyodideModule"]>,
    lockFileContents: files.text(LOCK),
    packageBaseUrl: HANDED,
  };
}

async function importFile(files: HandedFiles, name: string): Promise<Readonly<Record<string, unknown>>> {
  const url = URL.createObjectURL(new Blob([files.take(name)], { type: "text/javascript" }));
  try {
    return await import(/* @vite-ignore */ url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Answer fetches of the distribution from the handed-in files, and leave all others alone. */
function answerFetch(files: HandedFiles, more: (name: string) => Promise<ArrayBuffer>): void {
  const fetchUrl = globalThis.fetch.bind(globalThis);
  globalThis.fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (!url.startsWith(HANDED)) return fetchUrl(input, init);
    const name = decodeURIComponent(url.slice(HANDED.length));
    const bytes = files.has(name) ? files.take(name) : await more(name);
    const type = TYPES[name.slice(name.lastIndexOf(".") + 1)] ?? "application/octet-stream";
    const { integrity } = init ?? {};
    if (!integrity) return new Response(bytes, { headers: { "content-type": type } });
    // Only the browser's own fetch compares with the hash in the lock file.
    const copy = URL.createObjectURL(new Blob([bytes], { type }));
    try {
      return await fetchUrl(copy, { integrity });
    } finally {
      URL.revokeObjectURL(copy);
    }
  };
}
