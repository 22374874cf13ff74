// Lets the browser keep the app itself, so that it opens without the server.

/** Have the service worker installed, or looked after. Only a built app has one, and only a secure page may. */
export function keepShell(): void {
  if (!import.meta.env.PROD || navigator.serviceWorker === undefined) return;
  // After what the page itself needs.
  window.addEventListener("load", () => {
    navigator.serviceWorker.register("/service-worker.js", { updateViaCache: "none" }).catch((error: unknown) => {
      console.warn(`the app does not open without the server: ${error instanceof Error ? error.message : error}`);
    });
  });
}
