// Which of a runtime's variables are listed. Pure.
import type { Variable } from "./live-answers";

/** Above this a box narrows the list down. */
export const FEW_VARIABLES = 20;
/** More than these are not drawn; the box finds the others. */
export const MOST_VARIABLES = 200;

/** Narrow a list down to what has a text in name or type, whatever its case, and to what is drawn. */
export function listed(variables: readonly Variable[], wanted: string): { readonly rows: readonly Variable[]; readonly more: number } {
  const text = wanted.trim().toLowerCase();
  const found = variables.filter(({ name, type }) => name.toLowerCase().includes(text) || type.toLowerCase().includes(text));
  return { rows: found.slice(0, MOST_VARIABLES), more: Math.max(0, found.length - MOST_VARIABLES) };
}
