// A page that only says something: no session, no server, no such notebook.
import type { ReactNode } from "react";

export function PlainPage({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <main className="plain-page">
      <div className="plain-card">
        <img src="/icon.svg" alt="" width="40" height="40" />
        <h1>{title}</h1>
        {children}
      </div>
    </main>
  );
}
