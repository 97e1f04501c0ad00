import { expect, test } from "vitest";
import { readAlerts, plainAlerts } from "../../../src/haproxy/alerts.ts";

// Printed by HAProxy 2.6.12.
const output = `[NOTICE]   (515) : haproxy version is 2.6.12-1+deb12u4
[NOTICE]   (515) : path to executable is /usr/sbin/haproxy
[ALERT]    (515) : config : parsing [/var/lib/lbctl/haproxy/staging/haproxy.cfg:14] : unknown keyword 'maxcon' in 'global' section
[ALERT]    (515) : config : [/var/lib/lbctl/haproxy/staging/haproxy.cfg:40] : 'server a' : invalid address: 'x' in 'x:80'
[ALERT]    (515) : config : Error(s) found in configuration file : /var/lib/lbctl/haproxy/staging/haproxy.cfg
[ALERT]    (515) : config : Fatal errors found in configuration.
`;

test("alerts that name a line are read, with and without the word parsing", () => {
  expect(readAlerts(output)).toEqual([
    {
      places: [{ file: "/var/lib/lbctl/haproxy/staging/haproxy.cfg", line: 14 }],
      text: "unknown keyword 'maxcon' in 'global' section",
    },
    {
      places: [{ file: "/var/lib/lbctl/haproxy/staging/haproxy.cfg", line: 40 }],
      text: "'server a' : invalid address: 'x' in 'x:80'",
    },
  ]);
});

test("what an alert says before and after its line is kept; an address is no file", () => {
  const late = `[ALERT]    (7) : config : Proxy 'web': no SSL certificate specified for bind ':443' at [/staged/haproxy.cfg:10] (use 'crt').
[ALERT]    (7) : Starting frontend web: cannot bind socket (Address already in use) [0.0.0.0:9200]
[ALERT]    (7) : config : multiple argument resolution errors:
        parsing [/staged/haproxy.cfg:11]: unable to find backend 'nope' referenced in arg 1.
`;
  expect(readAlerts(late)).toEqual([
    {
      places: [{ file: "/staged/haproxy.cfg", line: 10 }],
      text: "Proxy 'web': no SSL certificate specified for bind ':443' (use 'crt').",
    },
    { places: [], text: "Starting frontend web: cannot bind socket (Address already in use) [0.0.0.0:9200]" },
    {
      places: [{ file: "/staged/haproxy.cfg", line: 11 }],
      text: "unable to find backend 'nope' referenced in arg 1.",
    },
  ]);
});

test("for people, process ids, notices and closing remarks are left out", () => {
  const plain = plainAlerts(output);
  expect(plain.split("\n")).toHaveLength(2);
  expect(plain).not.toMatch(/515|NOTICE|Fatal/);
});

test("what has no alert is said as it is", () => {
  expect(plainAlerts("frontend web is STOP\n")).toBe("frontend web is STOP");
});
