// One run for all packages; only the app's tests have a document.
import { defineConfig } from "vitest/config";

const include = ["{src,tests}/**/*.test.{ts,tsx}"];

export default defineConfig({
  test: {
    projects: [
      { root: "packages/schema", test: { name: "schema", include } },
      { root: "packages/store", test: { name: "store", include } },
      { root: "packages/runtime-browser", test: { name: "runtime-browser", include } },
      { extends: "packages/app/vite.config.ts", root: "packages/app", test: { name: "app", include, environment: "happy-dom" } },
    ],
  },
});
