import { describe, expect, it } from "vitest";
import { standIns } from "../src/lock";

const PACKAGES = {
  ipython: { depends: ["traitlets", "Prompt_Toolkit"], file_name: "ipython.whl" },
  traitlets: { depends: ["six", "ipython"], file_name: "traitlets.whl" },
  "prompt-toolkit": { depends: [], file_name: "prompt_toolkit.whl" },
  six: { depends: [], file_name: "six.whl" },
  micropip: { depends: [], file_name: "micropip.whl" },
};
const IPYTHON_WHEELS = ["ipython.whl", "traitlets.whl", "prompt_toolkit.whl"];

function lock(python: string, packages: object = PACKAGES): string {
  return JSON.stringify({ info: { python }, packages });
}

function plan(names: readonly string[] | null, python: string | null = "3.14") {
  return { site: { name: "site.tar", format: "tar", python }, names };
}

describe("packages that stand in for those in our archive", () => {
  it("are none on the Python of the archive", () => {
    expect(standIns(lock("3.14.2"), plan(null))).toEqual([]);
  });

  it("are the distribution's IPython and micropip on another Python", () => {
    expect(standIns(lock("3.12.7"), plan(null))).toEqual(["ipython", "micropip"]);
    expect(standIns(lock("3.1.0"), plan(null))).toEqual(["ipython", "micropip"]);
  });

  it("are none where IPython or what it needs is not in the folder", () => {
    expect(standIns(lock("3.12.7"), plan([...IPYTHON_WHEELS, "micropip.whl"]))).toEqual([]);
    expect(standIns(lock("3.12.7"), plan([...IPYTHON_WHEELS, "six.whl"]))).toEqual(["ipython"]);
    expect(standIns(lock("3.12.7", {}), plan(null))).toEqual([]);
  });

  it("are none where there is no archive, or nothing is known of it", () => {
    expect(standIns(lock("3.12.7"), { site: null, names: null })).toEqual([]);
    expect(standIns(lock("3.12.7"), plan(null, null))).toEqual([]);
  });
});
