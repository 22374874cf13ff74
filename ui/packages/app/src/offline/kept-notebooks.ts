// The notebooks that can be opened without the server, as the list shows them.
import type { Notebook } from "../api";
import { openKeeping } from "./keeping";

export async function keptNotebooks(userId: string): Promise<readonly Notebook[]> {
  const kept = (await (await openKeeping())?.notebooks(userId)) ?? [];
  return kept.map(({ storeId, title, savedMs }) => ({ id: storeId, title, createdMs: 0, updatedMs: savedMs }));
}

/** The server has told which notebooks there are: what is kept of others is of no use. */
export async function keepListed(userId: string, notebooks: readonly Notebook[]): Promise<void> {
  await (await openKeeping())?.keepOnly(userId, new Set(notebooks.map(({ id }) => id))).catch(() => {});
}
