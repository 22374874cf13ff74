// Text attributes of ANSI escapes (SGR): 16, 256 and 24-bit colours and decorations. Pure.
// Equal styles are one object, so that runs compare by identity. Source: ECMA-48 8.3.117; ITU T.416 for `38:2:…`.

/** A number is a palette index (0 to 255), a string a CSS `rgb()` colour, null the default. */
export type Color = number | string | null;

export type Decoration = "bold" | "dim" | "italic" | "underline" | "inverse" | "hidden" | "strike";

export interface Style {
  readonly fg: Color;
  readonly bg: Color;
  readonly decorations: readonly Decoration[];
}

const SET: Readonly<Record<number, Decoration>> = {
  1: "bold",
  2: "dim",
  3: "italic",
  4: "underline",
  7: "inverse",
  8: "hidden",
  9: "strike",
  21: "underline",
};
const UNSET: Readonly<Record<number, readonly Decoration[]>> = {
  22: ["bold", "dim"],
  23: ["italic"],
  24: ["underline"],
  27: ["inverse"],
  28: ["hidden"],
  29: ["strike"],
};
const PLAIN: Style = { fg: null, bg: null, decorations: [] };
const interned = new Map<string, Style>();

/**
 * Give the style that holds after an SGR escape.
 *
 * @param style - the style before, null for plain text
 * @param parameters - what stands between `ESC[` and `m`
 */
export function applySgr(style: Style | null, parameters: string): Style | null {
  let { fg, bg, decorations } = style ?? PLAIN;
  const codes = parameters.split(";");
  for (let at = 0; at < codes.length; at += 1) {
    const [head = "", ...colons] = (codes[at] ?? "").split(":");
    const code = head === "" ? 0 : Number.parseInt(head, 10);
    const set = SET[code];
    const unset = UNSET[code];
    if (code === 0) ({ fg, bg, decorations } = PLAIN);
    else if (code === 4 && colons[0] === "0") decorations = decorations.filter((one) => one !== "underline");
    else if (set !== undefined) decorations = decorations.includes(set) ? decorations : [...decorations, set].sort();
    else if (unset !== undefined) decorations = decorations.filter((one) => !unset.includes(one));
    else if (code >= 30 && code <= 37) fg = code - 30;
    else if (code >= 40 && code <= 47) bg = code - 40;
    else if (code >= 90 && code <= 97) fg = code - 82;
    else if (code >= 100 && code <= 107) bg = code - 92;
    else if (code === 39) fg = null;
    else if (code === 49) bg = null;
    else if (code === 38 || code === 48) {
      const operands = colons.length > 0 ? colons : codes.slice(at + 1);
      const { color, used } = extendedColor(operands, colons.length > 0);
      if (colons.length === 0) at += used;
      if (color !== undefined && code === 38) fg = color;
      if (color !== undefined && code === 48) bg = color;
    }
  }
  return fg === null && bg === null && decorations.length === 0 ? null : intern({ fg, bg, decorations });
}

/** Give the CSS colour of a palette index of 16 and above: the 6x6x6 cube and the greys of xterm. */
export function paletteColor(index: number): string {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return `rgb(${grey}, ${grey}, ${grey})`;
  }
  const level = (step: number) => (step === 0 ? 0 : 55 + step * 40);
  const cube = index - 16;
  return `rgb(${level(Math.floor(cube / 36))}, ${level(Math.floor(cube / 6) % 6)}, ${level(cube % 6)})`;
}

function extendedColor(operands: readonly string[], colons: boolean): { color?: Color; used: number } {
  const numbers = operands.map((text) => Number.parseInt(text, 10));
  if (numbers[0] === 5) {
    const index = numbers[1];
    return isByte(index) ? { color: index, used: 2 } : { used: 2 };
  }
  if (numbers[0] === 2) {
    // With colons a colour space, often empty, may stand before the three components.
    const [red, green, blue] = colons && numbers.length > 4 ? numbers.slice(2, 5) : numbers.slice(1, 4);
    return isByte(red) && isByte(green) && isByte(blue) ? { color: `rgb(${red}, ${green}, ${blue})`, used: 4 } : { used: 4 };
  }
  return { used: 1 };
}

function isByte(value: number | undefined): value is number {
  return value !== undefined && value >= 0 && value <= 255;
}

function intern(style: Style): Style {
  const key = `${style.fg}|${style.bg}|${style.decorations.join()}`;
  const known = interned.get(key);
  if (known !== undefined) return known;
  interned.set(key, style);
  return style;
}
