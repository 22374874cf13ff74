// A renderer's code for a component: loading, there, or not to be had.
import { useCallback, useEffect, useState } from "react";
import { type RendererName, rendererCode } from "./renderer-code";

export type LoadedCode =
  | { readonly state: "loading" }
  | { readonly state: "ready"; readonly code: string }
  | { readonly state: "failed"; readonly retry: () => void };

export function useRendererCode(name: RendererName): LoadedCode {
  const [code, setCode] = useState<string | null>(null);
  const [failed, setFailed] = useState(false);
  const load = useCallback(() => {
    setFailed(false);
    rendererCode(name).then(setCode, () => setFailed(true));
  }, [name]);
  useEffect(load, [load]);
  if (code !== null) return { state: "ready", code };
  return failed ? { state: "failed", retry: load } : { state: "loading" };
}
