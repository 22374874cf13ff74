// Where a traceback names cells: IPython writes `Cell In[3], line 2`. Pure.

export interface CellReference {
  /** Offsets in the text, in UTF-16 units. */
  readonly from: number;
  readonly to: number;
  readonly executionCount: number;
  readonly line: number | null;
}

const REFERENCE = /\bCell In ?\[(\d{1,9})\](?:, line (\d{1,9}))?/g;

/** Find the cells that a text without escapes names, in order. */
export function cellReferences(text: string): readonly CellReference[] {
  return [...text.matchAll(REFERENCE)].map((found) => ({
    from: found.index,
    to: found.index + found[0].length,
    executionCount: Number(found[1]),
    line: found[2] === undefined ? null : Number(found[2]),
  }));
}
