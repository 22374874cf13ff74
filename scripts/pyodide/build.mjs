// Makes the files that a page boots Python from: `node build.mjs PYODIDE OUT SITE...` writes OUT/made, which is served, and OUT/raw.
// It compiles with the very interpreter that will run the result, so the byte code fits and names the page's paths, not ours.
import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { constants, gzipSync } from "node:zlib";

const [pyodideFolder, out, ...sites] = process.argv.slice(2).map((given) => path.resolve(given));
const here = import.meta.dirname;
const { loadPyodide, version } = await import(pathToFileURL(path.join(pyodideFolder, "pyodide.mjs")).href);

// Sets of strings are compiled in the order of their hashes: with a fixed seed two builds give the same bytes.
const pyodide = await loadPyodide({ env: { HOME: "/home/pyodide", PYTHONHASHSEED: "0" } });
const { FS } = pyodide;
const sitePackages = pyodide.runPython("import sys; next(entry for entry in sys.path if entry.endswith('/site-packages'))");
for (const site of sites) {
  for (const entry of fs.readdirSync(site, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const from = path.join(entry.parentPath, entry.name);
    const to = path.posix.join(sitePackages, path.relative(site, from).split(path.sep).join("/"));
    FS.mkdirTree(path.posix.dirname(to));
    FS.writeFile(to, fs.readFileSync(from));
  }
}
FS.mkdirTree("/build");
FS.writeFile("/build/stdlib.zip", fs.readFileSync(path.join(pyodideFolder, "python_stdlib.zip")));
for (const module of ["warm_up.py", "archives.py"]) FS.writeFile(`/build/${module}`, fs.readFileSync(path.join(here, module)));
try {
  await pyodide.runPythonAsync(`
import sys
sys.path.insert(0, "/build")
import warm_up
warm = await warm_up.warm_up()
import archives
archives.pack(warm)`);
} catch (error) {
  console.error(error.message); // Node would print the line that threw, and it is a megabyte long
  process.exit(1);
}

// In the order in which a page should ask for them: what takes longest first.
const boot = ["pyodide.asm.wasm", "python_stdlib.zip", "pyodide.asm.mjs", "pyodide.mjs", "pyodide-lock.json"];
const made = { "python_stdlib.zip": FS.readFile("/build/python_stdlib.zip"), "site.tar": FS.readFile("/build/site.tar") };
const served = path.join(out, "made");
const raw = path.join(out, "raw"); // the same, not compressed, for Node
for (const folder of [served, raw]) {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
}
const files = {};
const hash = createHash("sha256");
for (const name of [...boot, "site.tar"]) {
  const bytes = made[name] ?? fs.readFileSync(path.join(pyodideFolder, name));
  fs.writeFileSync(path.join(raw, name), bytes);
  fs.writeFileSync(path.join(served, `${name}.gz`), gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }));
  hash.update(`${name}\0${createHash("sha256").update(bytes).digest("hex")}\n`);
  files[name] = bytes.length;
}
const { info } = JSON.parse(fs.readFileSync(path.join(pyodideFolder, "pyodide-lock.json"), "utf8"));
const index = { version, python: info.python, abi: info.abi_version, hash: hash.digest("hex").slice(0, 16), boot, files };
fs.writeFileSync(path.join(served, "index.json"), `${JSON.stringify(index, null, 2)}\n`);
process.exit(0); // an interpreter keeps Node's loop alive
