// The worker's composition: one message with files and ports comes in, Python boots, and the agent's main takes over.

import type { PyodideAPI } from "pyodide";
import { bootPython, HandedFiles } from "./boot";
import { Bridge, WorkerPort } from "./bridge";
import { ControlReader } from "./control";
import { importLoader } from "./imports";
import type { WorkerBoot, WorkerReport } from "./worker-handle";

const MAIN = "from runtime_browser.worker import main\nawait main(bridge)";

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent<WorkerBoot>) => void) | null;
  postMessage(report: WorkerReport): void;
}

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = (event) => {
  const [port] = event.ports;
  if (port === undefined) return;
  scope.onmessage = null;
  scope.postMessage({ begun: true });
  run(event.data, new WorkerPort(port)).catch(fail);
};

async function run({ files, boot, control }: WorkerBoot, port: WorkerPort): Promise<void> {
  const progress = (text: string): void => port.progress(text);
  const pyodide = await bootPython(new HandedFiles(files), boot, (name) => port.file(name), progress);
  dieOnFatalErrors(pyodide);
  const reader = control === null ? null : new ControlReader(control);
  // Pyodide's type asks for an array; what it uses of it is element 0.
  if (reader !== null) pyodide.setInterruptBuffer(reader.interruptBuffer as unknown as Uint8Array);
  const bridge = new Bridge(port, reader, importLoader(pyodide, boot.version, progress));
  const globals = pyodide.globals.get("dict")();
  globals.set("bridge", bridge);
  try {
    // By runPythonAsync, so that where the browser can suspend a stack, Python may block on promises.
    await pyodide.runPythonAsync(boot.main ?? MAIN, { globals });
  } finally {
    globals.destroy();
    bridge.close();
  }
}

/** Pyodide tells in this private hook that nothing in it can be called any more. */
function dieOnFatalErrors(pyodide: PyodideAPI): void {
  const api = (pyodide as unknown as { readonly _api: { on_fatal?: (error: unknown) => void } })._api;
  api.on_fatal = fail;
}

function fail(error: unknown): void {
  console.error(error);
  const text = error instanceof Error ? error.message : String(error);
  // Of a Python traceback the last line says what happened.
  const lines = text.trimEnd().split("\n");
  scope.postMessage({ failed: lines.at(-1) || text });
}
