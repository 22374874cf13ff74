// The host of anywidgets: widgets whose code comes as a trait. It speaks the protocol of @anywidget/types.
import type { AnyWidget, Experimental, Host, AnyModel as ModelOfWidget, ResolvedWidget } from "@anywidget/types";
import { DOMWidgetModel, DOMWidgetView } from "@jupyter-widgets/base";
import { attach, type FrameManager } from "./manager";

type Cleanup = () => void | Promise<void>;
type Definition = Exclude<AnyWidget, () => unknown>;

/** One life of a widget's code: from its loading until there is newer code, or the model is closed. */
interface Life {
  readonly definition: Definition;
  /** What `initialize` gave beside a clean-up. */
  readonly exports: unknown;
  readonly end: () => Promise<void>;
}

const STYLES = new WeakMap<AnyModel, HTMLStyleElement>();

export class AnyModel extends DOMWidgetModel {
  // No fields of its own: Backbone initializes within the constructor of the class above, before fields are there.
  declare life: Promise<Life>;

  override initialize(attributes: Backbone.ObjectHash, options: Parameters<DOMWidgetModel["initialize"]>[1]): void {
    super.initialize(attributes, options);
    this.life = this.begin();
    this.dress();
    this.on("change:_css", () => this.dress());
    this.on("change:_esm", () => {
      const before = this.life;
      this.life = before.then((life) => life.end(), noop).then(() => this.begin());
      this.trigger("code", this);
    });
    this.once("destroy", () => {
      STYLES.get(this)?.remove();
      void this.life.then((life) => life.end(), noop);
    });
  }

  /** Binary values stay what they are; the default makes JSON of everything. */
  override serialize(state: Parameters<DOMWidgetModel["serialize"]>[0]): ReturnType<DOMWidgetModel["serialize"]> {
    const own = (this.constructor as typeof AnyModel).serializers ?? {};
    for (const [key, value] of Object.entries(state)) {
      const serialize = own[key]?.serialize;
      if (serialize !== undefined) state[key] = serialize(value, this as DOMWidgetModel);
      else state[key] = key === "layout" || key === "style" ? JSON.parse(JSON.stringify(value)) : structuredClone(value);
    }
    return state;
  }

  private async begin(): Promise<Life> {
    const url = URL.createObjectURL(new Blob([this.get("_esm") ?? ""], { type: "text/javascript" }));
    const module = (await import(/* @vite-ignore */ url)) as { default?: AnyWidget; render?: Definition["render"] };
    URL.revokeObjectURL(url);
    // Before there was `default`, a module exported `render` itself.
    const given = module.default ?? (module.render === undefined ? {} : { render: module.render });
    const definition: Definition = typeof given === "function" ? await given() : given;
    const ending = new AbortController();
    const context = {};
    const made = await definition.initialize?.({ model: facade(this, context), signal: ending.signal, experimental: commands(this) });
    return {
      definition,
      exports: typeof made === "object" ? made : undefined,
      end: async () => {
        ending.abort();
        this.off(null as never, null as never, context);
        if (typeof made === "function") await (made as Cleanup)();
      },
    };
  }

  private dress(): void {
    const css: unknown = this.get("_css");
    const style = STYLES.get(this) ?? document.head.appendChild(document.createElement("style"));
    STYLES.set(this, style);
    style.textContent = typeof css === "string" ? css : "";
  }
}

export class AnyView extends DOMWidgetView {
  #end: () => Promise<void> = async () => {};

  override render(): Promise<void> {
    super.render();
    this.el.classList.add("jupyter-widgets");
    this.listenTo(this.model, "code", () => void this.#again());
    return this.#again();
  }

  override remove(): this {
    void this.#end();
    return super.remove() as this;
  }

  async #again(): Promise<void> {
    await this.#end();
    this.el.replaceChildren();
    const model = this.model as AnyModel;
    const ending = new AbortController();
    const context = {};
    try {
      const { definition } = await model.life;
      const { signal } = ending;
      const cleanup = await definition.render?.({
        model: facade(model, context),
        el: this.el,
        signal,
        host: host(model, signal),
        experimental: commands(model),
      });
      this.#end = async () => {
        ending.abort();
        model.off(null as never, null as never, context);
        if (typeof cleanup === "function") await cleanup();
      };
    } catch (error) {
      const note = document.createElement("p");
      note.className = "output-note";
      note.textContent = problemOf(error, model.get("_esm"));
      this.el.replaceChildren(note);
      console.error(error);
    }
  }
}

/** What widgets' code sees of its model; what it listens to ends with `context`. */
function facade(model: AnyModel | DOMWidgetModel, context: object): ModelOfWidget {
  return {
    get: model.get.bind(model),
    set: (key: string, value: unknown) => void model.set(key, value),
    save_changes: () => model.save_changes(),
    send: (content, callbacks, buffers) => model.send(content, callbacks, buffers as ArrayBuffer[]),
    on: (name: string, callback: unknown) => void model.on(name, callback as () => void, context),
    off: (name?: string | null, callback?: ((...values: unknown[]) => void) | null) =>
      void model.off((name ?? null) as never, (callback ?? null) as never, context),
    widget_manager: model.widget_manager as never,
  };
}

function commands(model: AnyModel): Experimental {
  return {
    invoke: <T>(name: string, msg?: unknown, options: Parameters<Experimental["invoke"]>[2] = {}) => {
      const id = crypto.randomUUID();
      const { signal, buffers } = options;
      return new Promise<[T, DataView[]]>((resolve, reject) => {
        const leave = () => {
          model.off("msg:custom", hear);
          signal?.removeEventListener("abort", give);
        };
        const give = () => {
          leave();
          reject(signal?.reason);
        };
        const hear = (answer: { id?: unknown; kind?: unknown; response: T }, parts: DataView[]) => {
          if (answer.id !== id || answer.kind !== "anywidget-command-response") return;
          leave();
          resolve([answer.response, parts]);
        };
        signal?.addEventListener("abort", give);
        model.on("msg:custom", hear);
        model.send({ id, kind: "anywidget-command", name, msg } as never, undefined, buffers as never);
      });
    },
  };
}

/** How widgets' code reaches other widgets, by the references that their traits hold. */
function host(model: AnyModel, signal: AbortSignal): Host {
  const manager = model.widget_manager as unknown as FrameManager;
  const find = (ref: string) => manager.get_model(ref.replace(/^(?:IPY_MODEL_|anywidget:)/, "")) as Promise<AnyModel>;
  return {
    getModel: async <T extends object>(ref: string) => facade(await find(ref), {}) as ModelOfWidget<T>,
    getWidget: async <T>(ref: string): Promise<ResolvedWidget<T>> => {
      const found = await find(ref);
      return {
        exports: (await found.life)?.exports as T,
        render: async ({ el, signal: own = signal }) => {
          const view = await manager.create_view<DOMWidgetView>(found);
          attach(view, el);
          own.addEventListener("abort", () => view.remove());
        },
      };
    },
  };
}

function problemOf(error: unknown, esm: unknown): string {
  const site = /(?:from|import)\s*\(?\s*["'](https?:\/\/[^"'/]+)/.exec(String(esm))?.[1];
  if (site !== undefined)
    return `This widget loads code from ${site}, which outputs may not: it works if its package brings all of its code.`;
  return `This widget's code failed. ${error instanceof Error ? error.message : String(error)}`;
}

function noop(): void {}
