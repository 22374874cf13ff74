// What output-frame.html and a renderer's module have to do with each other. A module exports `start: StartRenderer`.

export interface FrameHost {
  /** Where to draw; its height is told to the app. */
  readonly output: HTMLElement;
  /** Say something to the part of the app that owns this frame. */
  readonly tell: (message: unknown) => void;
}

export interface Renderer {
  /** Draw this, or take in what the app says; a rejection is shown in place of the output. */
  readonly receive: (content: unknown) => void | Promise<void>;
  /** The colours of the page changed. */
  readonly retheme: () => void | Promise<void>;
}

export type StartRenderer = (host: FrameHost) => Renderer;

/** Tell whether the page is dark now. */
export function isDark(): boolean {
  return document.documentElement.dataset.theme === "dark";
}

/** A colour or font of the app, by the name of its variable. */
export function themeValue(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
