// Runs pytest inside Pyodide: `node run.mjs SITE CACHE ARGUMENT...` from the root of the checkout; exits with pytest's code.
// SITE is the folder that `install` made; CACHE keeps byte code from one run to the next.
import fs from "node:fs";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { loadPyodide, version } from "../../ui/node_modules/pyodide/pyodide.mjs";

const [site, cache, ...given] = process.argv.slice(2);
const root = path.resolve(import.meta.dirname, "../..");

// The standard library of our own distribution is compiled and saves two seconds; where none was built the plain one does as well.
function compiledLibrary() {
  const built = path.join(root, "packages/runtime-server/src/runtime_server/pyodide");
  const index = path.join(built, "index.json");
  if (!fs.existsSync(index) || JSON.parse(fs.readFileSync(index, "utf8")).version !== version) return {};
  const stdLibURL = path.resolve(cache, "python_stdlib.zip");
  fs.writeFileSync(stdLibURL, gunzipSync(fs.readFileSync(path.join(built, "python_stdlib.zip.gz"))));
  return { stdLibURL };
}

fs.mkdirSync(cache, { recursive: true });
const env = { HOME: "/home/pyodide", PYTHONPYCACHEPREFIX: "/cache", PYTHONPATH: "/site" };
const pyodide = await loadPyodide({ env, ...compiledLibrary() });
for (const [folder, place] of [
  [root, "/runt"],
  [path.resolve(site), "/site"],
  [path.resolve(cache), "/cache"],
]) {
  pyodide.FS.mkdirTree(place);
  pyodide.FS.mount(pyodide.FS.filesystems.NODEFS, { root: folder }, place);
}

let code = 1;
try {
  const run = pyodide.runPython(`
import importlib, os, sys
os.chdir("/runt")
sys.path.insert(0, "/runt/tests/pyodide")
importlib.invalidate_caches()
import inside
inside.main`);
  code = run("/runt", pyodide.toPy(given));
} catch (error) {
  console.error(error.message); // Node would print the line that threw, and it is a megabyte long
}
process.exit(code); // an interpreter keeps Node's loop alive
