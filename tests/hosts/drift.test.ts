import { beforeAll, expect, test } from "vitest";
import { get } from "../support/http.ts";
import { addressOf, balancer, freshBalancer, inventory } from "../support/hosts.ts";
import { incus, inside, liveState, output, runtime } from "../support/lab.ts";
import { lbctl, lbctlJson } from "../support/lbctl.ts";

interface PlanDocument {
  readonly changes: boolean;
  readonly hosts: {
    drift: string[];
    generation: number | null;
    adopts: boolean;
    files: { path: string; action: string; drift: boolean }[];
    activate: { how: string; why: string } | null;
  }[];
}

interface ChangeDocument {
  readonly hosts: { name: string; outcome: string }[];
}

const onLab = ["-i", inventory];
const state = "/var/lib/lbctl/haproxy";
const cfg = "/etc/haproxy/haproxy.cfg";
const apply = (...args: string[]) => lbctlJson<ChangeDocument>(["apply", ...onLab, "--yes", ...args]);
const plan = async () => {
  const { document } = await lbctlJson<PlanDocument>(["plan", ...onLab]);
  const [host] = document.hosts;
  if (!host) throw new Error("no host");
  return host;
};
const nothingToDo = { drift: [], files: [], activate: null };
const changedAfter = { how: "reload", why: "files changed after HAProxy loaded them" };
/** Writes through the link, as an editor does that keeps the inode. */
const edit = (script: string) =>
  output(balancer, `t=$(mktemp); sed '${script}' ${cfg} > $t; cat $t > ${cfg}`);
/** Has HAProxy load what is there now, and returns when it has. */
const loadWith = (maxconn: number) =>
  `systemctl reload haproxy; n=0; until perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new("/run/haproxy/admin.sock"); print $s "show info\\n"; print <$s>' | grep -qx 'Maxconn: ${String(maxconn)}'; do n=$((n + 1)); [ $n -lt 500 ] || exit 1; sleep 0.02; done`;
const maxconn = async () => /^Maxconn: (\d+)$/m.exec(await runtime(balancer, "show info"))?.[1];

beforeAll(async () => {
  await freshBalancer();
  expect((await apply("-e", "haproxy_maxconn=2000")).code).toBe(0);
  expect((await apply("-e", "haproxy_maxconn=2001")).code).toBe(0);
  expect((await apply()).code).toBe(0);
});

test("an edit through the link is shown, refused with the next command, and kept when it is overwritten", async () => {
  const before = await plan();
  expect(before).toMatchObject(nothingToDo);
  await edit("s/retries 3/retries 9/");
  expect(await plan()).toMatchObject({
    drift: ["haproxy.cfg"],
    files: [{ path: "haproxy.cfg", action: "update", drift: true }],
    activate: { how: "reload" },
  });
  const live = await liveState(balancer);
  const refused = await lbctl(["apply", ...onLab, "--yes"]);
  expect(refused.code).toBe(3);
  expect(refused.stdout).toContain(`edited by hand since generation ${String(before.generation)}`);
  expect(refused.stdout).toContain("-    retries 9");
  expect(refused.stderr).toContain(`lbctl apply -i ${inventory} --yes --force`);
  // to adopt is for what lbctl never wrote
  expect((await apply("--adopt")).code).toBe(3);
  expect(await liveState(balancer)).toBe(live);

  const forced = await apply("--force");
  expect(forced.code).toBe(0);
  // what was live is a generation of its own
  const kept = `${state}/replaced/${String((before.generation ?? 0) + 2)}`;
  expect(forced.stderr).toContain(kept);
  expect(await output(balancer, `grep -c 'retries 9' ${kept}/haproxy.cfg`)).toBe("1");
  expect(await plan()).toMatchObject(nothingToDo);
  // the set that was edited is no longer what lbctl wrote
  const back = await lbctl(["rollback", ...onLab, "--yes", "--to", String(before.generation)]);
  expect(back.code).toBe(5);
  expect(back.stderr).toContain("haproxy.cfg has another content");
});

test("files that were added, removed, or lost their mode are kept or put back, a replaced link too", async () => {
  await output(
    balancer,
    `cd /etc/haproxy; echo 192.0.2.1 > lists/mine.list; rm maps/trusted_ips.map; chmod 600 lists/trusted_ips.list; sed -i 's/retries 3/retries 8/' haproxy.cfg`,
  );
  const { drift, generation } = await plan();
  expect([...drift].sort()).toEqual([
    "haproxy.cfg",
    "lists/mine.list",
    "lists/trusted_ips.list",
    "maps/trusted_ips.map",
  ]);
  expect((await apply("--force")).code).toBe(0);
  const kept = `${state}/replaced/${String((generation ?? 0) + 2)}`;
  expect(await output(balancer, `cd ${kept}; find . -type f | sort; grep -c 'retries 8' haproxy.cfg`)).toBe(
    "./haproxy.cfg\n./lists/mine.list\n./lists/trusted_ips.list\n1",
  );
  expect(await output(balancer, `readlink ${cfg}`)).toBe(`${state}/current/haproxy.cfg`);
  expect(await plan()).toMatchObject(nothingToDo);
});

test("what was edited, loaded and put back within a second is loaded anew", async () => {
  const described = await maxconn();
  await output(
    balancer,
    `cp -pL ${cfg} /root/cfg; sed 's/^global$/&\\n    maxconn 1234/' /root/cfg > ${cfg}; ${loadWith(1234)}; cat /root/cfg > ${cfg}; touch -r /root/cfg ${cfg}`,
  );
  expect(await maxconn()).toBe("1234");
  expect(await plan()).toMatchObject({ ...nothingToDo, activate: changedAfter });
  expect((await apply()).code).toBe(0);
  expect(await maxconn()).toBe(described);
  expect(await plan()).toMatchObject(nothingToDo);

  // the same by a link that led elsewhere meanwhile
  await output(
    balancer,
    `cd /etc/haproxy; sed 's/^global$/&\\n    maxconn 1234/' haproxy.cfg > other.cfg; ln -sfn other.cfg haproxy.cfg; ${loadWith(1234)}; ln -sfn ${state}/current/haproxy.cfg haproxy.cfg; rm other.cfg`,
  );
  expect(await maxconn()).toBe("1234");
  expect(await plan()).toMatchObject({ ...nothingToDo, activate: changedAfter });
  expect((await apply()).code).toBe(0);
  expect(await plan()).toMatchObject(nothingToDo);
});

test("an edit that the inventory describes by now is no refusal", async () => {
  await edit("s/retries 3/retries 7/");
  const described = ["-e", "haproxy_retries=7"];
  expect((await apply(...described)).code).toBe(0);
  const { document } = await lbctlJson<PlanDocument>(["plan", ...onLab, ...described]);
  expect(document.changes).toBe(false);
});

test("a rollback asks for --force over an edit, and leaves nothing to do for a second one", async () => {
  expect((await apply()).code).toBe(0);
  expect((await apply("-e", "haproxy_retries=7")).code).toBe(0);
  await edit("s/retries 7/retries 6/");
  const refused = await lbctl(["rollback", ...onLab, "--yes"]);
  expect(refused.code).toBe(3);
  expect(refused.stderr).toContain(`lbctl rollback -i ${inventory} --yes --force`);
  expect((await lbctl(["rollback", ...onLab, "--yes", "--force"])).code).toBe(0);
  expect(await output(balancer, `grep -c 'retries 3' ${cfg}`)).toBe("1");
  expect(await plan()).toMatchObject(nothingToDo);
});

test("what others put into certs/ outlives an apply, links as links, and is no drift", async () => {
  await output(
    balancer,
    "cd /etc/haproxy/certs; echo x > theirs.pem; chmod 640 theirs.pem; ln -s /etc/ssl/x.pem link.pem",
  );
  expect(await plan()).toMatchObject(nothingToDo);
  expect((await apply("-e", "haproxy_retries=4")).code).toBe(0);
  const there = "cd /etc/haproxy/certs/; stat -c '%n %a' theirs.pem; readlink link.pem";
  expect(await output(balancer, there)).toBe("theirs.pem 640\n/etc/ssl/x.pem");
  await output(balancer, "rm /etc/haproxy/certs/*");
  expect((await apply()).code).toBe(0);
});

test("a host that booted again has nothing to do", async () => {
  expect((await incus("restart", balancer)).code).toBe(0);
  await expect
    .poll(async () => (await inside(balancer, "systemctl is-active haproxy")).stdout.trim(), {
      timeout: 60_000,
    })
    .toBe("active");
  expect(await plan()).toMatchObject(nothingToDo);
  expect((await get(`http://${addressOf(balancer)}/`)).status).toBe(200);
});
