import { expect, test } from "vitest";
import { knownHostsName, parseKnownKeys } from "../../../src/remote/known-hosts.ts";
import { parseConfig } from "../../../src/remote/ssh-config.ts";

const printed = (...extra: string[]) =>
  ["user deploy", "hostname 192.0.2.1", "port 2222", "identitiesonly no", "proxyjump none", ...extra].join(
    "\n",
  );

test("the effective configuration is read as ssh -G prints it", () => {
  const config = parseConfig(
    printed("identityfile /k/a", "identityfile /k/b", "userknownhostsfile /a /b", "globalknownhostsfile /g"),
    "/agent.sock",
  );
  expect(config).toEqual({
    hostName: "192.0.2.1",
    port: 2222,
    user: "deploy",
    identityFiles: ["/k/a", "/k/b"],
    identitiesOnly: false,
    agent: "/agent.sock",
    knownHostsFiles: ["/a", "/b", "/g"],
    needsOpenSsh: [],
  });
});

test.each(["proxyjump bastion", "proxycommand nc %h %p", "certificatefile /k/cert", "hostkeyalias other"])(
  "%s is left to OpenSSH",
  (setting) => {
    expect(parseConfig(printed(setting), undefined).needsOpenSsh).toEqual([setting]);
  },
);

test("IdentityAgent none means no agent", () => {
  expect(parseConfig(printed("identityagent none"), "/agent.sock").agent).toBeNull();
});

test("a host on another port has a name of its own in known_hosts", () => {
  expect(knownHostsName("h", 22)).toBe("h");
  expect(knownHostsName("h", 2222)).toBe("[h]:2222");
});

test("known, revoked and vouched keys are told apart", () => {
  const text = [
    "# Host h found: line 3 ",
    "h ssh-ed25519 AAAAgood",
    "# Host h found: line 4 REVOKED",
    "@revoked h ssh-rsa AAAAbad",
    "# Host h found: line 5 CA",
    "@cert-authority h ssh-ed25519 AAAAca",
  ].join("\n");
  const known = parseKnownKeys([{ file: "/kh", text }]);
  expect([...known.trusted]).toEqual(["AAAAgood"]);
  expect([...known.revoked]).toEqual(["AAAAbad"]);
  expect(known.types).toEqual(["ssh-ed25519"]);
  expect(known.at).toBe("/kh:3");
});
