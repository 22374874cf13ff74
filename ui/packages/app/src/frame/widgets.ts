// Draws a widget in an output frame: a view of one model, on comms that the app hands in.
import type { FrameMessage } from "./comm";
import type { StartRenderer } from "./host";
import { FrameManager } from "./manager";
import { Renderers } from "./renderers";
import { addStyles } from "./styles";

/** What the app says: which model to show, what was said of comms, or code that was asked for. */
type Content =
  | { readonly model: string }
  | { readonly comms: readonly FrameMessage[] }
  | { readonly renderer: string; readonly code: string };

export const start: StartRenderer = ({ output, tell }) => {
  addStyles();
  const renderers = new Renderers(tell);
  const manager = new FrameManager(tell, renderers);
  let model: string | null = null;
  let shown = false;

  return {
    receive: async (content) => {
      const said = content as Content;
      if ("model" in said) model = said.model;
      else if ("comms" in said) for (const message of said.comms) manager.hear(message);
      else await renderers.take(said.renderer, said.code);
      if (shown || model === null || !manager.has_model(model)) return;
      shown = true;
      await manager.show(model, output);
    },
    retheme: () => renderers.retheme(),
  };
};
