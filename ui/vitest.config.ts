// One run for all packages; only the app's tests have a document.
import { defineConfig } from "vitest/config";

const include = ["{src,tests}/**/*.test.{ts,tsx}"];
// A property runs long on a machine that does other things, too.
const testTimeout = 30_000;

export default defineConfig({
  test: {
    projects: [
      { root: "packages/schema", test: { name: "schema", include } },
      { root: "packages/store", test: { name: "store", include, testTimeout } },
      { root: "packages/runtime-browser", test: { name: "runtime-browser", include, testTimeout } },
      { extends: "packages/app/vite.config.ts", root: "packages/app", test: { name: "app", include, environment: "happy-dom" } },
    ],
  },
});
