// Where in an ordered list of cells a new or moved one stands; the positions themselves are the schema's.

import { positionsBetween } from "@runt/schema";

/** Make the position of a cell that shall stand at `index` of an ordered list; ties in it are stepped over. */
export function positionAt(ordered: readonly { readonly position: string }[], index: number): string {
  const before = ordered[index - 1]?.position ?? null;
  const after = ordered.slice(index).find((cell) => before === null || cell.position > before)?.position ?? null;
  const [position] = positionsBetween(before, after, 1);
  if (position === undefined) throw new RangeError("no position was made");
  return position;
}
