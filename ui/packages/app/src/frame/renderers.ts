// Renderers of charts inside of a widget's frame: the app is asked for their code when one is needed.
import type { FrameHost, Renderer, StartRenderer } from "./host";

interface Wanted {
  readonly promise: Promise<StartRenderer>;
  readonly resolve: (start: StartRenderer) => void;
}

export class Renderers {
  readonly #tell: FrameHost["tell"];
  readonly #starts = new Map<string, Wanted>();
  readonly #running = new Set<Renderer>();

  constructor(tell: FrameHost["tell"]) {
    this.#tell = tell;
  }

  /** Draw content by a renderer. */
  async draw(name: string, output: HTMLElement, content: unknown): Promise<void> {
    const start = await this.#start(name).promise;
    const renderer = start({ output, tell: () => {} });
    this.#running.add(renderer);
    await renderer.receive(content);
  }

  /** The code that was asked for. */
  async take(name: string, code: string): Promise<void> {
    const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    const module: { readonly start: StartRenderer } = await import(/* @vite-ignore */ url);
    URL.revokeObjectURL(url);
    this.#start(name).resolve(module.start);
  }

  retheme(): void {
    for (const renderer of this.#running) void renderer.retheme();
  }

  #start(name: string): Wanted {
    const known = this.#starts.get(name);
    if (known !== undefined) return known;
    let resolve: Wanted["resolve"] = () => {};
    const promise = new Promise<StartRenderer>((settle) => {
      resolve = settle;
    });
    const made = { promise, resolve };
    this.#starts.set(name, made);
    this.#tell({ want: name });
    return made;
  }
}
