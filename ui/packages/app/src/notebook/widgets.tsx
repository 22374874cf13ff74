// Lends the open notebook's comm hub to the outputs below.
import { createContext, type ReactNode, useContext, useEffect, useMemo } from "react";
import { CommHub } from "./comm-hub";
import { commLink, useStore } from "./state";

const CommHubContext = createContext<CommHub | null>(null);

export function WidgetsProvider({ children }: { readonly children: ReactNode }) {
  const store = useStore();
  const hub = useMemo(() => new CommHub(commLink(store)), [store]);
  useEffect(() => () => hub.close(), [hub]);
  return <CommHubContext value={hub}>{children}</CommHubContext>;
}

/** The hub of the open notebook; null outside of one. */
export function useCommHub(): CommHub | null {
  return useContext(CommHubContext);
}
