// When completions open by themselves, what kinds there are, and what is known without a runtime. Pure.
import type { CompletionMatch } from "./live-answers";

/** A word of at least two letters, an attribute, or a magic; not a number, and not what an assignment target makes up. */
const OPENS =
  /(?:^|[^\p{L}\p{N}_.])[\p{L}_][\p{L}\p{N}_]+$|(?:(?<![\p{L}\p{N}_])[\p{L}_][\p{L}\p{N}_]*|[\])}"'])\.(?:[\p{L}_][\p{L}\p{N}_]*)?$|^\s*%{1,2}[\p{L}_]\w*$/u;
const NEW_NAME = /(?:^|[^\p{L}\p{N}_.])(?:def|class|as|for|lambda)\s+[\p{L}\p{N}_]*$/u;
/** After these a Tab asks for completions; anywhere else it indents. */
const COMPLETABLE = /[\p{L}\p{N}_.%!/\\~"'([{]$/u;
const WORD = /[\p{L}_][\p{L}\p{N}_]*/gu;
const LONGEST_SEARCHED = 50_000;

const KEYWORDS =
  "False None True and as assert async await break case class continue def del elif else except finally for from global if import in is lambda match nonlocal not or pass raise return try while with yield".split(
    " ",
  );

/** Icons that the list has, for what runtimes call their matches. */
const ICONS: Readonly<Record<string, string>> = {
  attribute: "property",
  class: "class",
  "dict key": "text",
  function: "function",
  instance: "variable",
  keyword: "keyword",
  magic: "constant",
  method: "method",
  module: "namespace",
  param: "property",
  path: "text",
  property: "property",
  statement: "variable",
  variable: "variable",
};

/** Tell whether typing that led to this text before the caret, in its line, opens completions. */
export function opensByItself(before: string): boolean {
  return OPENS.test(before) && !NEW_NAME.test(before);
}

/** Tell whether a Tab after this text, in its line, completes. */
export function isCompletable(before: string): boolean {
  return COMPLETABLE.test(before);
}

/** The icon of a match. */
export function iconOf(type: string): string {
  return ICONS[type] ?? "text";
}

/** A match's kind as people read it; empty when the runtime does not know. */
export function kindInWords(type: string): string {
  if (type === "statement" || type === "instance") return "variable";
  return /^[a-z][a-z ]*$/.test(type) ? type : "";
}

/**
 * Leave out what matches repeat of the text before the word, such as the dot of an attribute or the folder of a path.
 *
 * @param typed - what stands where the matches go
 * @returns the matches, and how many UTF-16 units of `typed` they no longer replace
 */
export function withoutRepetition(
  matches: readonly CompletionMatch[],
  typed: string,
): { readonly matches: readonly CompletionMatch[]; readonly repeated: number } {
  const prefix = /^.*[^\p{L}\p{N}_%]/su.exec(typed)?.[0] ?? "";
  if (!matches.every(({ text }) => text.length > prefix.length && text.startsWith(prefix))) return { matches, repeated: 0 };
  return { matches: matches.map(({ text, type }) => ({ text: text.slice(prefix.length), type })), repeated: prefix.length };
}

/** Words of the code, and of the language, that begin as the word before the caret does. What stands after a dot is not known. */
export function knownWords(code: string, caret: number): { readonly matches: readonly CompletionMatch[]; readonly start: number } {
  const typed = /[\p{L}_][\p{L}\p{N}_]*$/u.exec(code.slice(Math.max(0, caret - 200), caret))?.[0] ?? "";
  const start = caret - typed.length;
  if (typed === "" || code[start - 1] === ".") return { matches: [], start };
  const begins = (word: string) => word !== typed && word.toLowerCase().startsWith(typed.toLowerCase());
  const around = code.slice(0, start).slice(-LONGEST_SEARCHED) + code.slice(caret).slice(0, LONGEST_SEARCHED);
  const words = new Set(around.match(WORD) ?? []);
  for (const keyword of KEYWORDS) words.delete(keyword);
  const matches = [...words]
    .filter(begins)
    .sort()
    .map((text) => ({ text, type: "word" }));
  const fromLanguage = KEYWORDS.filter(begins).map((text) => ({ text, type: "keyword" }));
  return { matches: [...matches, ...fromLanguage], start };
}
