// Bundles page.ts into one script: `node build.mjs FOLDER` leaves page.js and sql.js's wasm there.
import { copyFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const [folder] = process.argv.slice(2);
await build({
  configFile: false,
  logLevel: "warn",
  publicDir: false,
  build: {
    outDir: folder,
    emptyOutDir: false,
    target: "es2022",
    lib: { entry: fileURLToPath(new URL("./page.ts", import.meta.url)), formats: ["es"], fileName: () => "page.js" },
  },
});
copyFileSync(createRequire(import.meta.url).resolve("sql.js/dist/sql-wasm.wasm"), join(folder, "sql-wasm.wasm"));
