// Errors of the page's half of a runtime: BrowserRuntimeError with DistributionError and BootTimeoutError.

/** Something kept Python from running in this page; the message is a sentence for people. */
export class BrowserRuntimeError extends Error {
  override readonly name: string = "BrowserRuntimeError";
}

/** A file of the Python distribution could not be had. */
export class DistributionError extends BrowserRuntimeError {
  override readonly name = "DistributionError";
  readonly url: string;

  constructor(what: string, url: string, why: string) {
    super(`${what} could not be fetched from ${url}: ${why}`);
    this.url = url;
  }
}

/** The runtime was not ready in time. */
export class BootTimeoutError extends BrowserRuntimeError {
  override readonly name = "BootTimeoutError";

  constructor(timeoutMs: number) {
    super(`Python was not ready within ${timeoutMs / 60_000} minutes. Check the connection and start it again.`);
  }
}
