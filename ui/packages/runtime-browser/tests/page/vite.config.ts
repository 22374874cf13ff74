// Builds the script of a page for checks of the port, main.js; whoever builds it says where to.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { runtimeBrowser } from "../../vite-plugin";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/conformance/",
  plugins: [runtimeBrowser()],
  build: {
    assetsInlineLimit: 0,
    target: "es2022",
    modulePreload: false,
    rolldownOptions: { input: fileURLToPath(new URL("main.ts", import.meta.url)), output: { entryFileNames: "main.js" } },
  },
});
