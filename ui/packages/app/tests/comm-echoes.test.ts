import { describe, expect, it } from "vitest";
import { CommEchoes } from "../src/model/comm-echoes";
import type { CommMessage, Fields } from "../src/model/comms";

const message = (method: string, state: Fields): CommMessage => ({
  kind: "msg",
  commId: "a",
  data: { method, state },
  metadata: {},
  buffers: [],
});
const said = (state: Fields) => message("update", state);
const echo = (state: Fields) => message("echo_update", state);

function after(...states: Fields[]): CommEchoes {
  const echoes = new CommEchoes();
  for (const state of states) echoes.said(said(state));
  return echoes;
}

describe("CommEchoes", () => {
  it("holds back what is older than what this page said, until that has come back", () => {
    const echoes = after({ x: 1 }, { x: 2 });
    expect(echoes.admit(echo({ x: 1, y: 7 }))?.data.state).toEqual({ y: 7 });
    expect(echoes.admit(echo({ x: 1 }))).toBeNull();
    expect(echoes.admit(echo({ x: 2 }))?.data.state).toEqual({ x: 2 });
    expect(echoes.holds).toBe(false);
    expect(echoes.admit(echo({ x: 1 }))?.data.state).toEqual({ x: 1 });
  });

  it("lets through what other pages say, and what Python itself sets", () => {
    const echoes = after({ x: 1 });
    expect(echoes.admit(echo({ y: 1 }))?.data.state).toEqual({ y: 1 });
    expect(echoes.admit(said({ x: 5 }))?.data.state).toEqual({ x: 5 });
  });

  it("gives what was held back when nothing newer comes: somebody else had the last word", () => {
    const echoes = after({ x: 1 });
    echoes.admit(echo({ x: 4 }));
    echoes.admit(echo({ x: 5 }));
    expect(echoes.holds).toBe(true);
    expect(echoes.settle().map(({ data }) => data.state)).toEqual([{ x: 5 }]);
    expect(echoes.admit(echo({ x: 6 }))?.data.state).toEqual({ x: 6 });
    expect(echoes.settle()).toEqual([]);
  });
});
