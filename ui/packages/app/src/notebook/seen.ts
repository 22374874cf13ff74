// Tells whether an element is near the viewport, or was, or that the browser has had time for it: what is heavy waits for that.
import { type RefObject, useEffect, useState } from "react";

const MARGIN = "1200px 0px";
const callbacks = new WeakMap<Element, Set<(isNear: boolean) => void>>();
let observer: IntersectionObserver | null = null;

function observe(element: Element, callback: (isNear: boolean) => void): () => void {
  observer ??= new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) for (const tell of callbacks.get(target) ?? []) tell(isIntersecting);
    },
    { rootMargin: MARGIN },
  );
  const waiters = callbacks.get(element) ?? new Set();
  callbacks.set(element, waiters.add(callback));
  observer.observe(element);
  return () => {
    waiters.delete(callback);
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
    const stops = [observe(element, (isNear) => isNear && show()), ...(idle ? [whenIdle(show)] : [])];
    return () => {
      for (const stop of stops) stop();
    };
  }, [seen, target, idle]);
  return seen;
}

/** Whether the element is near the viewport now; true where nobody asks. */
export function useNear(target: RefObject<Element | null>, asked: boolean): boolean {
  const [near, setNear] = useState(false);
  useEffect(() => (asked && target.current !== null ? observe(target.current, setNear) : undefined), [target, asked]);
  return near || !asked;
}
