// Memory and processor use as people read them. Pure.
import type { Resources } from "./live-answers";

const UNITS = ["bytes", "KB", "MB", "GB", "TB"];
const STEP = 1024;
const NOTEWORTHY = 0.5;

/** Write a size: `512 bytes`, `3.4 MB`, `312 MB`. A number and its unit stay on one line. */
export function memory(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= STEP - 0.5 && unit < UNITS.length - 1) {
    value /= STEP;
    unit += 1;
  }
  const digits = unit > 0 && value < 10 && Math.round(value * 10) % 10 !== 0 ? 1 : 0;
  return `${value.toFixed(digits)}\u00a0${UNITS[unit]}`;
}

/** How much of the memory that it may have a runtime uses, from 0; null without a limit. */
export function usedFraction({ rssBytes, limitBytes }: Resources): number | null {
  return limitBytes === null ? null : rssBytes / limitBytes;
}

/** Tell whether a runtime's memory is worth a word while nobody asks. */
export function isMemoryNoteworthy(resources: Resources | null): boolean {
  return resources !== null && (usedFraction(resources) ?? 0) > NOTEWORTHY;
}

/** Write processor use; a hundred percent is one processor. */
export function processor(percent: number): string {
  return `${Math.round(Math.max(0, percent))}\u00a0%`;
}
