import { describe, expect, it } from "vitest";
import { tarFiles } from "../src/tar";

/** An archive of these entries, as tar writes it. */
function tar(...entries: readonly { readonly name: string; readonly content?: string; readonly type?: string }[]): ArrayBuffer {
  const blocks = entries.flatMap(({ name, content = "", type = "0" }) => {
    const data = new TextEncoder().encode(content);
    const header = new Uint8Array(512);
    const put = (at: number, text: string): void => header.set(new TextEncoder().encode(text), at);
    put(0, name);
    put(124, `${data.length.toString(8).padStart(11, "0")}\0`);
    put(156, type);
    const padded = new Uint8Array(Math.ceil(data.length / 512) * 512);
    padded.set(data);
    return [...header, ...padded];
  });
  return new Uint8Array([...blocks, ...new Array(1024).fill(0)]).buffer;
}

const read = (archive: ArrayBuffer) => [...tarFiles(archive)].map(({ name, content }) => [name, new TextDecoder().decode(content)]);

describe("an archive", () => {
  it("gives its files in order", () => {
    const long = "x".repeat(513);
    expect(read(tar({ name: "a.py", content: "1" }, { name: "b/é.py", content: long }, { name: "empty" }))).toEqual([
      ["a.py", "1"],
      ["b/é.py", long],
      ["empty", ""],
    ]);
  });

  it("may use all of a name's bytes", () => {
    const name = "n".repeat(100);
    expect(read(tar({ name, content: "1" }))).toEqual([[name, "1"]]);
  });

  it("may hold what is no file", () => {
    expect(read(tar({ name: "folder/", type: "5" }, { name: "folder/a", content: "1" }))).toEqual([["folder/a", "1"]]);
  });

  it("may be empty", () => {
    expect(read(tar())).toEqual([]);
  });

  it("that was cut off is an error", () => {
    const whole = tar({ name: "a.py", content: "x".repeat(600) });
    expect(() => read(whole.slice(0, 1024))).toThrow("the archive of packages is damaged");
  });
});
