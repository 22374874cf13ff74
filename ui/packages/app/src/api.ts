// The server's REST interface, as this app uses it. Answers are checked here; failures carry the server's own words.

export interface Notebook {
  readonly id: string;
  readonly title: string;
  readonly createdMs: number;
  readonly updatedMs: number;
  readonly path?: string;
}

export interface Me {
  readonly id: string;
  readonly name: string;
  readonly role: string;
}

/** The server refused, or could not be reached (`status` 0). */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
  }
}

/** Tell whether the server, or what stands before it, did not answer at all. */
export function isOutOfReach(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || (error.status >= 502 && error.status <= 504));
}

async function request(method: string, path: string, body?: object | Blob): Promise<unknown> {
  const init: RequestInit = { method };
  if (body instanceof Blob) {
    init.body = body;
    init.headers = { "Content-Type": "application/x-ipynb+json" };
  } else if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { "Content-Type": "application/json" };
  }
  const response = await fetch(path, init).catch(() => {
    throw new ApiError(0, "offline", "The server does not answer. Is the command still running?");
  });
  const answer: unknown = await response.json().catch(() => null);
  if (response.ok) return answer;
  const code = field(answer, "code") ?? String(response.status);
  throw new ApiError(response.status, code, field(answer, "message") ?? `The server answered ${response.status}.`);
}

function field(value: unknown, name: string): string | null {
  if (typeof value !== "object" || value === null) return null;
  const found: unknown = (value as Readonly<Record<string, unknown>>)[name];
  return typeof found === "string" ? found : null;
}

function notebook(value: unknown): Notebook {
  const id = field(value, "id");
  if (id === null)
    throw new ApiError(0, "bad-answer", "The server's answer has no notebook id. Reload the page: the app may be of another version.");
  return { createdMs: 0, updatedMs: 0, title: "", ...(value as object), id };
}

export async function startSession(code: string): Promise<void> {
  await request("POST", "/api/session", { code });
}

/** Who the session's user is, or null without a session. */
export async function whoAmI(): Promise<Me | null> {
  try {
    const answer = await request("GET", "/api/me");
    return { id: field(answer, "id") ?? "", name: field(answer, "name") ?? "", role: field(answer, "role") ?? "" };
  } catch (error) {
    if (error instanceof ApiError && (error.status === 401 || error.status === 403)) return null;
    throw error;
  }
}

export async function listNotebooks(): Promise<readonly Notebook[]> {
  const answer = await request("GET", "/api/notebooks");
  const list: unknown = Array.isArray(answer) ? answer : (answer as { notebooks?: unknown } | null)?.notebooks;
  return Array.isArray(list) ? list.map(notebook) : [];
}

/** Tell whether there is such a notebook. */
export async function notebookExists(id: string): Promise<boolean> {
  try {
    await request("GET", `/api/notebooks/${id}`);
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false;
    throw error;
  }
}

export async function createNotebook(title: string): Promise<Notebook> {
  return notebook(await request("POST", "/api/notebooks", { title }));
}

export async function renameNotebook(id: string, title: string): Promise<void> {
  await request("PATCH", `/api/notebooks/${id}`, { title });
}

export async function deleteNotebook(id: string): Promise<void> {
  await request("DELETE", `/api/notebooks/${id}`);
}

/** Make a notebook of an .ipynb file. */
export async function importNotebook(file: File): Promise<Notebook> {
  return notebook(await request("POST", `/api/notebooks/import?name=${encodeURIComponent(file.name)}`, file));
}

export function exportUrl(id: string): string {
  return `/api/notebooks/${id}/export`;
}

export function artifactUrl(notebookId: string, sha256: string): string {
  return `/api/notebooks/${notebookId}/artifacts/${sha256}`;
}
