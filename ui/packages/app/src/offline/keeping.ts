// What this browser keeps for when the server is out of reach; opened once, and done without where the browser does not let it.
import { Keeping } from "@runt/store";

/** Browsers have been seen that never answer. */
const OPEN_WITHIN_MS = 3_000;

let opening: Promise<Keeping | null> | null = null;

/** What is kept here; null where nothing can be. */
export function openKeeping(): Promise<Keeping | null> {
  opening ??= open().catch((error: unknown) => {
    console.warn(`nothing is kept in this browser: ${error instanceof Error ? error.message : error}`);
    return null;
  });
  return opening;
}

async function open(): Promise<Keeping> {
  if (navigator.locks === undefined) throw new Error("it cannot tell tabs apart: the server is reached without https");
  const late = new Promise<never>((_, fail) => {
    setTimeout(() => fail(new Error("its database does not open")), OPEN_WITHIN_MS);
  });
  return Promise.race([Keeping.open(), late]);
}
