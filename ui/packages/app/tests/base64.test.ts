import { describe, expect, it } from "vitest";
import { fromBase64, toBase64 } from "../src/frame/base64";

describe("base64", () => {
  it("keeps bytes, of views into buffers too", () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, at) => at % 256);
    const back = fromBase64(toBase64(bytes.subarray(3)));
    expect(new Uint8Array(back.buffer)).toEqual(bytes.subarray(3));
    expect(toBase64(bytes.buffer.slice(0, 3))).toBe("AAEC");
  });
});
