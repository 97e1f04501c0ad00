import { describe, expect, test } from "vitest";
import {
  backportsOf,
  formatDeb822,
  parseDeb822,
  parseOneLine,
  retarget,
} from "../../../src/lab/apt-sources.ts";

const deb822 = `Types: deb
# a comment within a stanza
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb deb-src
URIs: http://mirror.test/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://vendor.test/debian
Suites: bookworm
Components: main
Signed-By: /usr/share/keyrings/vendor.gpg

Types: deb
Enabled: no
URIs: http://mirror.test/debian
Suites: bookworm-proposed-updates
Components: main
`;

describe("the machine's apt sources", () => {
  test("a deb822 file gives its enabled archives, comments left out", () => {
    const sources = parseDeb822(deb822);
    expect(sources.map((source) => source.suites)).toEqual([
      ["bookworm", "bookworm-updates"],
      ["bookworm-security"],
      ["bookworm"],
    ]);
    expect(sources[0]?.components).toEqual(["main", "contrib"]);
  });

  test("a key that is written into the source is not taken for a file", () => {
    const stanza =
      "Types: deb\nURIs: http://a.test/debian\nSuites: bookworm\nComponents: main\nSigned-By:\n -----BEGIN\n .\n";
    expect(parseDeb822(stanza)[0]).not.toHaveProperty("signedBy");
  });

  test("a one-line source gives the same as deb822 would", () => {
    const line =
      "deb [arch=amd64 signed-by=/k.gpg] http://a.test/debian trixie main contrib # note\n# deb http://b x y\n";
    expect(parseOneLine(line)).toEqual([
      {
        uris: ["http://a.test/debian"],
        suites: ["trixie"],
        components: ["main", "contrib"],
        signedBy: "/k.gpg",
      },
    ]);
  });

  test("another release takes the machine's archives, its suites renamed and vendors left out", () => {
    const suites = retarget(parseDeb822(deb822), "bookworm", "trixie").map((source) => source.suites);
    expect(suites).toEqual([["trixie", "trixie-updates"], ["trixie-security"]]);
  });

  test("backports come from the archive that has the release itself", () => {
    const source = backportsOf(parseDeb822(deb822), "bookworm");
    expect(source && formatDeb822([source])).toBe(
      "Types: deb\nURIs: http://mirror.test/debian\nSuites: bookworm-backports\nComponents: main\n" +
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n",
    );
    expect(backportsOf([], "bookworm")).toBeUndefined();
  });
});
