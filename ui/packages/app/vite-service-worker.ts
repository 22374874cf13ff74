// Vite's part of the service worker: one script beside the app's files, which knows their names and is another one when they are.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "vite";
import type { ShellFile } from "./src/offline/shell.ts";

const ENTRY = fileURLToPath(new URL("./src/offline/service-worker.ts", import.meta.url));
/** Code that few notebooks need, such as plotly's, is not fetched for all. */
const LARGE = 1_000_000;
const PUBLIC = fileURLToPath(new URL("./public/", import.meta.url));

export function serviceWorker(): Plugin {
  return {
    name: "service-worker",
    apply: "build",
    enforce: "post",
    generateBundle: {
      // After all that emits files.
      order: "post",
      async handler(_, bundle) {
        const made = Object.values(bundle).map((file) => shellFile(file.fileName, file.type === "chunk" ? file.code : file.source));
        const files = [...made, ...readdirSync(PUBLIC).map((name) => shellFile(name, readFileSync(PUBLIC + name)))].filter(isOurs);
        files.sort((one, other) => (one.path < other.path ? -1 : 1));
        const version = createHash("sha256").update(JSON.stringify(files)).digest("hex").slice(0, 16);
        this.emitFile({ type: "asset", fileName: "service-worker.js", source: await script({ version, files }) });
      },
    },
  };
}

/** A frame of opaque origin never asks a service worker. */
function isOurs({ path }: ShellFile): boolean {
  return !path.endsWith("-frame.html");
}

/** Names below assets/ have the hash of their content in them; of the others the hash is told. */
function shellFile(name: string, content: string | Uint8Array): ShellFile {
  const path = name === "index.html" ? "/" : `/${name}`;
  const named = name.startsWith("assets/");
  const sha256 = named ? null : createHash("sha256").update(content).digest("hex");
  return { path, sha256, whenUsed: named && content.length > LARGE };
}

async function script(shell: { readonly version: string; readonly files: readonly ShellFile[] }): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    define: { SHELL: JSON.stringify(shell) },
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rolldownOptions: { input: ENTRY, output: { format: "iife", minify: true } },
    },
  });
  const chunks = [built].flat().flatMap((result) => ("output" in result ? result.output : []));
  const [chunk] = chunks.filter((output) => output.type === "chunk");
  if (chunk === undefined) throw new Error("the service worker gave no script");
  return chunk.code;
}
