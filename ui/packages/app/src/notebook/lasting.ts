// What is shown only when it lasts: what is over in a moment would flicker.
import { useEffect, useState } from "react";

/** True once `value` has been true for so long; false at once. */
export function useLasting(value: boolean, ms: number): boolean {
  const [lasting, setLasting] = useState(false);
  useEffect(() => {
    if (!value) {
      setLasting(false);
      return;
    }
    const timer = setTimeout(() => setLasting(true), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return value && lasting;
}
