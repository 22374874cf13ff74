// Builds the tests' page, with the workspace's own vite and plugins. Nothing of it is shipped.
import react from "@vitejs/plugin-react";
import { runtimeBrowser } from "../packages/runtime-browser/vite-plugin.ts";

export default {
  root: "page",
  base: "/livestore-page/",
  plugins: [react(), runtimeBrowser()],
  resolve: { dedupe: ["react", "react-dom"] },
  worker: { format: "es" },
  build: { outDir: "../dist", emptyOutDir: true, target: "es2022", assetsInlineLimit: 0, chunkSizeWarningLimit: 4_000 },
};
