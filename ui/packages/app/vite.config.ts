// Builds the app into the server's package. Everything is a file of its own: the server's CSP allows no data: fonts.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { runtimeBrowser } from "../runtime-browser/vite-plugin.ts";
import { serviceWorker } from "./vite-service-worker.ts";

/** Every browser that runs the app reads woff2: KaTeX's other font formats are left out. */
function onlyWoff2(): Plugin {
  return {
    name: "only-woff2",
    enforce: "pre",
    transform(code, id) {
      if (!id.includes("katex") || !id.includes(".css")) return null;
      return { code: code.replace(/,url\([^)]+\.(?:woff|ttf)\) format\("(?:woff|truetype)"\)/g, ""), map: null };
    },
  };
}

/** The page of HTML outputs by its content, so that a browser may keep it. */
function outputFrameUrl(): string {
  const page = readFileSync(new URL("./public/output-frame.html", import.meta.url));
  return `/output-frame.html?v=${createHash("sha256").update(page).digest("hex").slice(0, 16)}`;
}

export default defineConfig({
  base: "/",
  define: { OUTPUT_FRAME_URL: JSON.stringify(outputFrameUrl()) },
  plugins: [onlyWoff2(), react(), runtimeBrowser(), serviceWorker()],
  // The largest chunk is the code of plotly, which only outputs that need it fetch.
  build: { assetsInlineLimit: 0, target: "es2022", chunkSizeWarningLimit: 5_000 },
});
