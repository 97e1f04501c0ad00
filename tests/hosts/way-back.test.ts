import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { get } from "../support/http.ts";
import { addressOf, balancer, freshBalancer, inventory } from "../support/hosts.ts";
import { inside, output, runtime } from "../support/lab.ts";
import { lbctl, lbctlJson } from "../support/lbctl.ts";
import { projectWith } from "../support/project.ts";

interface ChangeDocument {
  readonly hosts: {
    outcome: string;
    error: { code: string; problems: { what: string }[] } | null;
  }[];
}

// What is gone back to is what served before, and what is said of it is so.

const onLab = ["-i", inventory];
const state = "/var/lib/lbctl/haproxy";
const cfg = "/etc/haproxy/haproxy.cfg";
/** The health gate finds nobody there. */
const refused = ["-e", "haproxy_backend_api_port=9", "-e", "haproxy_stream_server_port=9"];
const apply = (...args: string[]) => lbctlJson<ChangeDocument>(["apply", ...onLab, "--yes", ...args]);
const plan = async () => {
  const { document } = await lbctlJson<{ hosts: { adopts: boolean; drift: string[] }[] }>(["plan", ...onLab]);
  return document.hosts[0];
};
const why = ({ document }: Awaited<ReturnType<typeof apply>>) =>
  document.hosts[0]?.error?.problems[0]?.what ?? "";
const loaded = async () => /^[Dd]escription: (.*)$/m.exec(await runtime(balancer, "show info"))?.[1];
const status = async () => (await get(`http://${addressOf(balancer)}/`)).status;
const retries = () => output(balancer, `sed -n 's/^ *retries //p' ${cfg}`);

beforeAll(async () => {
  await freshBalancer();
});

beforeEach(async () => {
  expect((await apply("--force", "--adopt")).code).toBe(0);
});

afterEach(async () => {
  await inside(balancer, "kill -CONT $(systemctl show -p MainPID --value ssh)");
});

test("an edit that was forced over is back when the change does not hold, and still the operator's", async () => {
  await output(
    balancer,
    `sed -i 's/retries 3/retries 9/' ${cfg}; echo 192.0.2.9 >>/etc/haproxy/lists/trusted_ips.list`,
  );
  await output(balancer, "systemctl reload haproxy");
  const before = await output(balancer, `cat ${cfg} /etc/haproxy/lists/trusted_ips.list`);
  const { code } = await apply("--force", ...refused);
  expect(code).toBe(6);
  expect(await output(balancer, `cat ${cfg} /etc/haproxy/lists/trusted_ips.list`)).toBe(before);
  expect(await status()).toBe(200);
  expect(await plan()).toMatchObject({ adopts: false, drift: ["haproxy.cfg", "lists/trusted_ips.list"] });
  expect((await apply()).code).toBe(3);
  expect((await apply("--force")).code).toBe(0);
  // a rollback goes back to what stood there, not to what lbctl had before it
  expect((await lbctl(["rollback", ...onLab, "--yes"])).code).toBe(0);
  expect(await retries()).toBe("9");
});

test("a link that became a file while a change was not confirmed is a link again, and the edit is kept", async () => {
  const before = await loaded();
  const script = `until grep -qx 'phase serving' ${state}/pending 2>/dev/null; do sleep 0.01; done; sed -i 's/refresh 5s/refresh 9s/' ${cfg}`;
  await output(
    balancer,
    `systemd-run -q --collect sh -c "${script}"; systemd-run -q --collect sh -c 'until [ -e ${state}/pending ]; do sleep 0.01; done; kill -STOP $(systemctl show -p MainPID --value ssh)'`,
  );
  const { code } = await apply("-e", "haproxy_retries=7", "--confirm-timeout", "3");
  expect(code).toBe(6);
  expect(await output(balancer, `readlink ${cfg}`)).toBe(`${state}/current/haproxy.cfg`);
  expect(await retries()).toBe("3");
  expect(await loaded()).toBe(before);
  expect(await output(balancer, `grep -rl 'refresh 9s' ${state}/replaced | wc -l`)).toBe("1");
});

test("a previous set that cannot be loaded any more is told as such, and so is what HAProxy runs", async () => {
  const cwd = projectWith((text) =>
    text.replace("    stats timeout", "    stats socket /run/other/x.sock\n    stats timeout"),
  );
  await output(balancer, "mkdir -p /run/other");
  expect((await lbctl(["apply", ...onLab, "--yes"], { cwd })).code).toBe(0);
  await output(balancer, "rm -rf /run/other");
  const gone = await apply(...refused);
  expect(gone.code).toBe(1);
  expect(why(gone)).toContain("The previous configuration is back on disk, but HAProxy could not load it:");
  expect(why(gone)).toMatch(/HAProxy still runs the configuration that did not hold\.$/);
  const { stdout } = await lbctl(["history", ...onLab]);
  expect(stdout).toMatch(/failed +[^]*health gate/);
});

test("an edit that HAProxy cannot read is not called what still serves", async () => {
  await output(balancer, `echo 'bogus line' >>${cfg}`);
  const gone = await apply("--force", ...refused);
  expect(gone.code).toBe(1);
  expect(why(gone)).toContain("back on disk, but it does not load:");
  expect(why(gone)).toMatch(/HAProxy still runs the configuration that did not hold\.$/);
});

test("what HAProxy runs is told by its worker: the set that failed may call itself as the one before", async () => {
  const ungated = ["-e", '{"haproxy_health_gate": false}'];
  expect((await apply(...refused, ...ungated)).code).toBe(0);
  await output(
    balancer,
    `mkdir -p /run/other; t=$(mktemp); sed 's#:9 #:8080 #; s#^    stats timeout#    stats socket /run/other/x.sock\\n&#' ${cfg} >$t; cat $t >${cfg}; systemctl reload haproxy; rm -rf /run/other`,
  );
  const gone = await apply("--force", ...refused);
  expect(gone.code).toBe(1);
  expect(why(gone)).toMatch(/HAProxy still runs the configuration that did not hold\.$/);
});

test("an adoption that did not hold, an edit, and another one: the edit is what is gone back to", async () => {
  expect((await lbctl(["release", balancer, ...onLab, "--yes"])).code).toBe(0);
  await output(balancer, `sed -i 's/retries 3/retries 4/; /description/d' ${cfg}; systemctl reload haproxy`);
  expect((await apply("--adopt", ...refused)).code).toBe(6);
  await output(balancer, `sed -i 's/retries 4/retries 5/' ${cfg}; systemctl reload haproxy`);
  expect((await apply("--adopt", ...refused)).code).toBe(6);
  expect(await retries()).toBe("5");
  expect((await apply("--adopt")).code).toBe(0);
  expect((await lbctl(["rollback", ...onLab, "--yes"])).code).toBe(0);
  expect(await retries()).toBe("5");
});

test("certificates of others that are links stay links, whatever is kept and gone back to", async () => {
  const link = "readlink /etc/haproxy/certs/le.pem";
  await output(
    balancer,
    "mkdir -p /root/le; echo one >/root/le/x.pem; ln -s /root/le/x.pem /etc/haproxy/certs/le.pem",
  );
  await output(balancer, `sed -i 's/retries 3/retries 9/' ${cfg}`);
  expect((await apply("--force", ...refused)).code).toBe(6);
  expect(await output(balancer, link)).toBe("/root/le/x.pem");
  expect((await apply("--force")).code).toBe(0);
  expect((await lbctl(["rollback", ...onLab, "--yes"])).code).toBe(0);
  expect(await output(balancer, link)).toBe("/root/le/x.pem");
  await output(balancer, "rm /etc/haproxy/certs/le.pem");
});

test("forced applies that do not hold leave one generation of the edit, not one each", async () => {
  await output(balancer, `sed -i 's/retries 3/retries 9/' ${cfg}`);
  const count = `ls ${state}/generations | wc -l`;
  expect((await apply("--force", ...refused)).code).toBe(6);
  const before = await output(balancer, count);
  expect((await apply("--force", ...refused)).code).toBe(6);
  expect(await output(balancer, count)).toBe(before);
  expect(await retries()).toBe("9");
});

test("without the link of haproxy.cfg, what is current is kept, and no other generation", async () => {
  expect((await apply("-e", "haproxy_retries=5")).code).toBe(0);
  await output(balancer, "/var/lib/lbctl/bin/rollback");
  await output(balancer, `echo 192.0.2.33 >>/etc/haproxy/lists/trusted_ips.list; rm ${cfg}`);
  expect((await apply("--force", ...refused)).code).toBe(6);
  expect(await output(balancer, "cat /etc/haproxy/lists/trusted_ips.list")).toContain("192.0.2.33");
  expect(await retries()).toBe("3");
});

test("a set whose servers were not waited for once is gated when it is gone back to", async () => {
  expect((await apply(...refused, "-e", '{"haproxy_health_gate": false}')).code).toBe(0);
  expect((await apply()).code).toBe(0);
  const back = await lbctlJson<ChangeDocument>(["rollback", ...onLab, "--yes"]);
  expect(back.code).toBe(6);
  expect(why(back)).toContain("health gate");
  expect((await inside(balancer, "/var/lib/lbctl/bin/rollback")).code).toBe(6);
  expect(await status()).toBe(200);
});

test("`systemctl edit` does not switch off what undoes a change", async () => {
  const folder = "/etc/systemd/system/haproxy.service.d";
  await output(
    balancer,
    `printf '[Service]\nExecStartPre=\nExecStartPre=/bin/true mine\nExecReload=\nExecReload=/bin/kill -USR2 $MAINPID\n' >${folder}/override.conf; systemctl daemon-reload`,
  );
  // what an older lbctl wrote goes
  await output(balancer, `mv ${folder}/zz-lbctl.conf ${folder}/lbctl.conf`);
  expect((await apply()).code).toBe(0);
  expect(await output(balancer, `ls ${folder}`)).toBe("override.conf\nzz-lbctl.conf");
  const said = await output(balancer, "systemctl show -p ExecStartPre -p ExecReload haproxy");
  expect(said).toMatch(/^ExecStartPre=.*resolve boot/m);
  expect(said).toMatch(/^ExecStartPre=.*true mine/m);
  expect(said).toMatch(/^ExecReload=.*resolve save /m);
  await output(balancer, `rm ${folder}/override.conf; systemctl daemon-reload`);
});

test("a symbolic link among the lists is an edit: shown, refused, and kept when it is overwritten", async () => {
  await output(balancer, "echo 192.0.2.7 >/root/x.list; ln -s /root/x.list /etc/haproxy/lists/x.list");
  expect((await plan())?.drift).toEqual(["lists/x.list"]);
  expect((await apply("-e", "haproxy_retries=2")).code).toBe(3);
  expect((await apply("--force")).code).toBe(0);
  expect(await output(balancer, `cat ${state}/replaced/*/lists/x.list`)).toBe("192.0.2.7");
});

test("an interface that the host has not is refused, HAProxy's own sockets beside it or not", async () => {
  const cwd = projectWith((text) =>
    text.replace("bind :<%= it.haproxy_listen_http %>", "bind :<%= it.haproxy_listen_http %> interface eth9"),
  );
  const { code, stderr } = await lbctl(["apply", ...onLab, "--yes"], { cwd });
  expect(code).toBe(5);
  expect(stderr).toContain("this host has no interface eth9");
});

test("a link to nowhere among one's own files is named, and nothing is left behind", async () => {
  expect((await lbctl(["release", balancer, ...onLab, "--yes"])).code).toBe(0);
  await output(balancer, "ln -s /nowhere /etc/haproxy/lists/lost.list");
  const { code, stderr } = await lbctl(["apply", ...onLab, "--yes", "--adopt"]);
  expect(code).toBe(5);
  expect(stderr).toContain("lost.list");
  expect((await inside(balancer, `ls -d ${state}/generations/.kept`)).code).not.toBe(0);
  await output(balancer, "rm /etc/haproxy/lists/lost.list");
});
