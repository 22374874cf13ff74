// A module bundled to the text of one ES module; see runtime-browser's vite-plugin.ts.
declare module "*?bundle" {
  const source: string;
  export default source;
}
