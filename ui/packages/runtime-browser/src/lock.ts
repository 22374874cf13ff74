// The lock file of a distribution: which of its own packages stand in for those in our archive. Ours fit the Python they
// were chosen for; on another one IPython must be that of the distribution, or its matplotlib shows no figures.

import type { WorkerPlan } from "./worker-handle";

export const LOCK = "pyodide-lock.json";

// What our archive brings that reaches into Pyodide or into other packages of the distribution.
const STAND_INS = ["ipython", "micropip"];

/** What is read here of a lock file. */
interface Lock {
  readonly info: { readonly python: string };
  readonly packages: Readonly<Record<string, { readonly depends: readonly string[]; readonly file_name: string }>>;
}

/** Name the distribution's packages to load in place of those in our archive: none where its Python is the archive's. */
export function standIns(lockText: string, plan: Pick<WorkerPlan, "site" | "names">): readonly string[] {
  const lock = JSON.parse(lockText) as Lock;
  const python = lock.info.python.split(".").slice(0, 2).join(".");
  if (plan.site === null || plan.site.python === null || plan.site.python === python) return [];
  const names = STAND_INS.filter((name) => isThere(name, lock, plan.names));
  return names.includes("ipython") ? names : [];
}

/** Tell whether a package and all it needs can be had. */
function isThere(name: string, { packages }: Lock, files: readonly string[] | null): boolean {
  const needed = new Set([name]);
  for (const each of needed) {
    const found = packages[each];
    if (found === undefined || files?.includes(found.file_name) === false) return false;
    // Its packages stand under normalized names (PEP 503), what they depend on does not.
    for (const other of found.depends) needed.add(other.toLowerCase().replace(/[-_.]+/g, "-"));
  }
  return true;
}
