// Errors of the schema: InvalidEventError (args that do not fit), InvalidJsonError, InvalidPositionError.

/** The args of an event do not fit its definition; `field` is a wire path such as `items[2].cellId`. */
export class InvalidEventError extends Error {
  override readonly name = "InvalidEventError";
  readonly event: string;
  readonly field: string;
  readonly problem: string;

  constructor(event: string, field: string, problem: string) {
    super(`${field === "" ? event : `${event}.${field}`}: ${problem}`);
    this.event = event;
    this.field = field;
    this.problem = problem;
  }
}

/** Text that is not JSON as this project accepts it (no duplicate keys, bounded depth and integers, no lone surrogates). */
export class InvalidJsonError extends Error {
  override readonly name = "InvalidJsonError";
  readonly problem: string;

  constructor(problem: string) {
    super(`not acceptable JSON: ${problem}`);
    this.problem = problem;
  }
}

/** A position that is malformed, or two positions that are not in ascending order. */
export class InvalidPositionError extends Error {
  override readonly name = "InvalidPositionError";
}
