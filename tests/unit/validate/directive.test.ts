import { expect, test } from "vitest";
import { readConfig } from "../../../src/validate/config.ts";
import { directiveBehind } from "../../../src/validate/directive.ts";

const lines = readConfig(`global
    chroot /nowhere
    maxconn 900000
    stats socket /nowhere/admin.sock mode 660
frontend web
    bind :80
    bind 10.0.0.1:443
`);

// Printed by HAProxy 2.6.12 and 3.0.11.
test.each([
  ["[ALERT]    (4) : [haproxy.main()] Cannot chroot(/nowhere).", 2],
  ["[ALERT]    (4) : [haproxy.main()] Cannot raise FD limit to 1800034, current limit is 20000.", 3],
  ["[ALERT] (4) : Starting frontend GLOBAL: cannot bind UNIX socket (No such file) [/nowhere/admin.sock]", 4],
  ["[ALERT]    (4) : Starting frontend web: cannot bind socket (Address in use) [10.0.0.1:443]", 7],
  ["[ALERT]    (4) : something else", null],
])("%s", (alert, line) => {
  expect(directiveBehind(alert, lines)).toBe(line);
});
