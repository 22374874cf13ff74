// Tells when an element first comes near the viewport, or, if asked, when the browser has time: what is heavy waits for it.
import { type RefObject, useEffect, useState } from "react";

const MARGIN = "1200px 0px";
const callbacks = new WeakMap<Element, Set<() => void>>();
let observer: IntersectionObserver | null = null;

function observe(element: Element, seen: () => void): () => void {
  observer ??= new IntersectionObserver(
    (entries) => {
      for (const entry of entries) if (entry.isIntersecting) for (const seen of callbacks.get(entry.target) ?? []) seen();
    },
    { rootMargin: MARGIN },
  );
  const waiters = callbacks.get(element) ?? new Set();
  callbacks.set(element, waiters.add(seen));
  observer.observe(element);
  return () => {
    waiters.delete(seen);
    if (waiters.size === 0) observer?.unobserve(element);
  };
}

const waiting = new Set<() => void>();
let scheduled = false;

function whenIdle(callback: () => void): () => void {
  waiting.add(callback);
  schedule();
  return () => waiting.delete(callback);
}

function schedule(): void {
  if (scheduled || waiting.size === 0) return;
  scheduled = true;
  const request = window.requestIdleCallback ?? ((run: () => void) => setTimeout(run, 50));
  request(() => {
    scheduled = false;
    const [next] = waiting;
    if (next !== undefined) {
      waiting.delete(next);
      next();
    }
    schedule();
  });
}

/** Stays true once the element was near the viewport; `idle` also counts the element's turn in spare time. */
export function useSeen(target: RefObject<Element | null>, idle: boolean): boolean {
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    const element = target.current;
    if (seen || element === null) return;
    const show = () => setSeen(true);
    const stops = [observe(element, show), ...(idle ? [whenIdle(show)] : [])];
    return () => {
      for (const stop of stops) stop();
    };
  }, [seen, target, idle]);
  return seen;
}
