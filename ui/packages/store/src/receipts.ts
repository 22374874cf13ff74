// Receipts: what whoever committed an event holds in hand until the authority has decided.

import type { RejectedError, StoreClosedError } from "./errors";

/** What became of a committed event: its place in the log, and whether its guard held there. */
export interface Applied {
  readonly seq: number;
  readonly applied: boolean;
}

/** Awaiting it gives the decision; it may also be dropped. */
export interface Receipt extends PromiseLike<Applied> {
  /** The event's number in this life of the store. */
  readonly n: number;
}

class OpenReceipt implements Receipt {
  readonly n: number;
  readonly name: string;
  private readonly promise: Promise<Applied>;
  resolve: (applied: Applied) => void = () => {};
  reject: (error: RejectedError | StoreClosedError) => void = () => {};

  constructor(n: number, name: string) {
    this.n = n;
    this.name = name;
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Whoever does not await the receipt does not want to hear of a rejection.
    this.promise.catch(() => {});
  }

  // biome-ignore lint/suspicious/noThenProperty: a receipt is awaited, and carries its number besides
  then<A = Applied, B = never>(
    onDone?: ((applied: Applied) => A | PromiseLike<A>) | null,
    onFailed?: ((error: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B> {
    return this.promise.then(onDone, onFailed);
  }
}

/** The undecided receipts of one store session. */
export class PendingReceipts {
  private readonly byN = new Map<number, OpenReceipt>();

  /** How many are not decided. */
  get size(): number {
    return this.byN.size;
  }

  open(n: number, name: string): Receipt {
    const receipt = new OpenReceipt(n, name);
    this.byN.set(n, receipt);
    return receipt;
  }

  /** A receipt of an event that was never recorded. */
  refuse(error: RejectedError): Receipt {
    const receipt = new OpenReceipt(0, error.event);
    receipt.reject(error);
    return receipt;
  }

  settle(n: number, applied: Applied): void {
    this.byN.get(n)?.resolve(applied);
    this.byN.delete(n);
  }

  fail(n: number, error: (name: string) => RejectedError | StoreClosedError): void {
    const receipt = this.byN.get(n);
    receipt?.reject(error(receipt.name));
    this.byN.delete(n);
  }

  failAll(error: (name: string) => StoreClosedError): void {
    for (const n of [...this.byN.keys()]) this.fail(n, error);
  }
}
