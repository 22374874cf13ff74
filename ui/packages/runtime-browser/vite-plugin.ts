// Vite's part of a runtime in the page: `import source from "./worker.ts?bundle"` gives a module with all it imports as
// the text of one script, and the build gets runtime-frame.html, which holds the frame's script.
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "vite";

const SUFFIX = "?bundle";
const FRAME = fileURLToPath(new URL("./src/frame.ts", import.meta.url));

export function runtimeBrowser(): Plugin {
  return {
    name: "runtime-browser",
    enforce: "pre",
    async resolveId(source, importer) {
      if (!source.endsWith(SUFFIX)) return null;
      const resolved = await this.resolve(source.slice(0, -SUFFIX.length), importer, { skipSelf: true });
      return resolved && resolved.id + SUFFIX;
    },
    async load(id) {
      if (!id.endsWith(SUFFIX)) return null;
      const { code, modules } = await bundle(id.slice(0, -SUFFIX.length));
      for (const module of modules) this.addWatchFile(module);
      return `export default ${JSON.stringify(code)};`;
    },
    async generateBundle() {
      const { code } = await bundle(FRAME);
      this.emitFile({ type: "asset", fileName: "runtime-frame.html", source: framePage(code) });
    },
  };
}

async function bundle(entry: string): Promise<{ readonly code: string; readonly modules: readonly string[] }> {
  const built = await build({
    configFile: false,
    logLevel: "warn",
    publicDir: false,
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      // What the module exports is for whoever runs the text; Vite by itself builds pages, whose entries export to nobody.
      rolldownOptions: {
        input: entry,
        preserveEntrySignatures: "exports-only",
        output: { format: "es", codeSplitting: false, minify: true },
      },
    },
  });
  const chunks = [built].flat().flatMap((result) => ("output" in result ? result.output : []));
  const [chunk] = chunks.filter((output) => output.type === "chunk");
  if (chunk === undefined) throw new Error(`${entry} gave no script`);
  return { code: chunk.code.trim(), modules: chunk.moduleIds };
}

function framePage(script: string): string {
  // What would end the element stands in strings only, where a backslash changes nothing.
  const inline = script.replaceAll("</script", "<\\/script");
  return `<!doctype html>\n<meta charset="utf-8">\n<title>Python</title>\n<script>${inline}</script>\n`;
}
