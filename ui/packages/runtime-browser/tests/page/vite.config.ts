// Builds the page for the checks of the port; whoever builds it says where to.
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { runtimeBrowser } from "../../vite-plugin";

export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/conformance/",
  plugins: [runtimeBrowser()],
  build: { assetsInlineLimit: 0, target: "es2022" },
});
