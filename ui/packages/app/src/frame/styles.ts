// The styles of widgets, into the frame's document.
import icons from "@fortawesome/fontawesome-free/css/fontawesome.min.css?inline";
import iconFont from "@fortawesome/fontawesome-free/webfonts/fa-solid-900.woff2?inline";
import jupyter from "@jupyter-widgets/controls/css/widgets.css?inline";
import outputs from "../styles/output.css?inline";
import tokens from "../styles/tokens.css?inline";
import own from "./widgets.css?inline";

/** Buttons name their icons as Font Awesome does. */
const FONT = `@font-face { font-family: "Font Awesome 7 Free"; font-weight: 900; src: url("${iconFont}") format("woff2"); }
.fa { font-family: "Font Awesome 7 Free"; font-weight: 900; }`;

export function addStyles(): void {
  const style = document.createElement("style");
  style.textContent = [tokens, outputs, icons, FONT, jupyter, own].join("\n");
  document.head.append(style);
}
