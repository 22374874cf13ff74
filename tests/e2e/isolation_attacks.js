// What a stranger's code tries upon the app; [whether it was reached, what was read or why not] by name, as JSON.
// The same code runs in the app's own page, where every attack must succeed: else it would show nothing.
async (app, notebook, asset) => {
  const settled = (target, good, bad) =>
    new Promise((done, fail) => {
      target[good] = () => done(target);
      target[bad] = () => fail(target.error ?? new Error(`${bad} of ${target.constructor.name}`));
    });
  const xhr = (wait) => {
    const request = new XMLHttpRequest();
    request.open("GET", `${app}/api/me`, wait);
    if (wait) request.withCredentials = true;
    const end = wait ? settled(request, "onload", "onerror") : Promise.resolve();
    request.send();
    return end.then(() => request.responseText);
  };
  const attacks = {
    fetch: async () => (await fetch(`${app}/api/me`, { credentials: "include" })).text(),
    "fetch without credentials": async () => (await fetch(`${app}/api/me`, { credentials: "omit" })).text(),
    "fetch that reads nothing": async () => (await fetch(`${app}/api/me`, { mode: "no-cors", credentials: "include" })).type,
    "fetch of a notebook": async () => (await fetch(`${app}/api/notebooks/${notebook}/export`, { credentials: "include" })).text(),
    "fetch of the page": async () => (await fetch(`${app}/`)).text(),
    "making a notebook": async () => {
      const headers = { "Content-Type": "application/json" };
      return (await fetch(`${app}/api/notebooks`, { method: "POST", headers, body: "{}", credentials: "include" })).status;
    },
    "request as of a form": async () => (await fetch(`${app}/api/notebooks`, { method: "POST", body: "{}", mode: "no-cors" })).type,
    xhr: () => xhr(true),
    "blocking xhr": () => xhr(false),
    websocket: async () => {
      const socket = new WebSocket(`${app.replace("http", "ws")}/sync/${notebook}`, "runt-sync.v1");
      await settled(socket, "onopen", "onerror");
      socket.close();
      return "open";
    },
    "event source": async () => {
      const source = new EventSource(`${app}/api/me`, { withCredentials: true });
      await settled(source, "onopen", "onerror").finally(() => source.close());
      return "open";
    },
    beacon: async () => navigator.sendBeacon(`${app}/api/notebooks`, "{}") || Promise.reject(new Error("refused")),
    import: async () => {
      await import(app + asset).catch((error) => {
        if (error.name === "TypeError") throw error; // what was fetched may fail when it runs
      });
      return "ran";
    },
    "worker of the app": async () => String(new Worker(app + asset, { type: "module" }).terminate()),
    "shared worker": async () => String(new SharedWorker(app + asset, { type: "module" }).port),
    "worker within": async () => {
      const text = `fetch("${app}/api/me").then(answer => answer.text()).then(text => postMessage([text]), error => postMessage(String(error)))`;
      const worker = new Worker(URL.createObjectURL(new Blob([text])));
      const told = await new Promise((done) => {
        worker.onmessage = ({ data }) => done(data);
        worker.onerror = () => done("it did not start");
      }).finally(() => worker.terminate());
      if (typeof told === "string") throw new Error(told);
      return told[0];
    },
    cookies: async () => document.cookie,
    "cookie store": async () => JSON.stringify(await cookieStore.getAll()),
    "local storage": async () => localStorage.getItem("canary"),
    "session storage": async () => sessionStorage.getItem("canary"),
    "indexed db": async () => {
      const database = (await settled(indexedDB.open("canary"), "onsuccess", "onerror")).result;
      return [...database.objectStoreNames].join();
    },
    "private files": async () => JSON.stringify(await Array.fromAsync((await navigator.storage.getDirectory()).keys())),
    caches: async () => JSON.stringify(await caches.keys()),
    locks: async () => JSON.stringify(await navigator.locks.query()),
    "service worker": async () => String(await navigator.serviceWorker.getRegistrations()),
    "service worker of its own": async () => (await navigator.serviceWorker.register(`${app}/service-worker.js`)).scope,
    "word to the service worker": async () => String((await navigator.serviceWorker.ready).active.postMessage("word")),
    "parent's document": async () => parent.document.title,
    "parent's storage": async () => String(parent.localStorage.length),
  };
  const told = {};
  for (const [name, attack] of Object.entries(attacks)) {
    try {
      told[name] = [true, String(await attack())];
    } catch (error) {
      told[name] = [false, `${error.name}: ${error.message}`];
    }
  }
  new BroadcastChannel("canary").postMessage(self.origin === app ? "by the app" : "by a stranger");
  return JSON.stringify(told);
}
