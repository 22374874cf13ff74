// Builds the app into the server's package. Everything is a file of its own: the server's CSP allows no data: fonts.
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";
import { runtimeBrowser } from "../runtime-browser/vite-plugin.ts";

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

export default defineConfig({
  base: "/",
  plugins: [onlyWoff2(), react(), runtimeBrowser()],
  // The largest chunk is the code of plotly, which only outputs that need it fetch.
  build: { assetsInlineLimit: 0, target: "es2022", chunkSizeWarningLimit: 5_000 },
});
