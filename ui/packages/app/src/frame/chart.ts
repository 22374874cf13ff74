// What the app hands to a renderer of charts. Pure.

export interface Chart {
  readonly spec: Readonly<Record<string, unknown>>;
  /** The output metadata of the chart's own type. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly mime: string;
}

/** Read what was handed in. */
export function readChart(content: unknown): Chart {
  const { source, options, mime } = content as { source: string; options: Chart["options"]; mime: string };
  const spec: unknown = JSON.parse(source);
  if (!isFields(spec)) throw new Error("It is no object.");
  return { spec, options, mime };
}

export function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
