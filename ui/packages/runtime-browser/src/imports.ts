// Packages that a cell imports and that are not there yet: loaded from the distribution before the cell runs.

import type { PyodideAPI } from "pyodide";

/** What is used here of a Python function that gives a list of names. */
type NamesFunction = (source: string) => { toJs(): string[]; destroy(): void };

// What Python finds by itself, be it in our own archive, is never fetched again.
const MISSING = `
def missing(source):
    import sys
    from importlib.util import find_spec
    from pyodide.code import find_imports
    names = dict.fromkeys(name.partition(".")[0] for name in find_imports(source))
    return [name for name in names if name and name not in sys.modules and find_spec(name) is None]
missing
`;

/**
 * Make the loader of imports.
 *
 * @param progress - told what is being loaded, and "" at the end
 * @returns a function that loads what a source needs and gives the names of the packages it loaded; it throws a
 *   sentence for people when the distribution's list names a package that could not be had
 */
export function importLoader(
  pyodide: PyodideAPI,
  version: string,
  progress: (text: string) => void,
): (source: string) => Promise<readonly string[]> {
  const scope = pyodide.globals.get("dict")();
  const missing = pyodide.runPython(MISSING, { globals: scope }) as NamesFunction;
  scope.destroy();

  const missingIn = (source: string): string[] => {
    const names = missing(source);
    try {
      return names.toJs();
    } finally {
      names.destroy();
    }
  };

  return async (source) => {
    const wanted = missingIn(source);
    if (wanted.length === 0) return [];
    const problems: string[] = [];
    const imports = wanted.map((name) => `import ${name}`).join("\n");
    try {
      const loaded = await pyodide.loadPackagesFromImports(imports, {
        checkIntegrity: true,
        messageCallback: progress,
        errorCallback: (message) => {
          // A headline before each problem, which names the package that we name anyway.
          if (!message.startsWith("The following error occurred while loading")) problems.push(message);
        },
      });
      if (problems.length > 0) {
        const names = missingIn(imports).join(", ") || wanted.join(", ");
        throw new Error(`${names} cannot be loaded from this Python distribution (Pyodide ${version}): ${problems.join("; ")}`);
      }
      return loaded.map(({ name }) => name);
    } finally {
      progress("");
    }
  };
}
