import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Incus } from "../../src/lab/incus.ts";
import { describeImages } from "../../src/lab/images.ts";
import { installPackages } from "../../src/lab/packages.ts";
import { labPaths } from "../../src/lab/paths.ts";
import type { Shell } from "../../src/lab/shell.ts";
import { StateFile } from "../../src/lab/state.ts";
import { undoMachine, type LeftOver } from "../../src/lab/undo.ts";
import { runProcess } from "../../src/remote/process.ts";
import { incus, output } from "../support/lab.ts";

// What the lab does to the machine's packages, done to a container instead.
const host = "test-packages";
const folder = mkdtempSync(join(tmpdir(), "lbctl-packages-"));
const state = new StateFile(join(folder, "state.json"));
const paths = { ...labPaths(), packages: "/var/tmp/kept" };
const shell = shellIn(host);
const machine = { shell, state, paths, incus: new Incus(shell, paths) };
const silent = (): void => undefined;

function shellIn(name: string): Shell {
  const run: Shell["run"] = async (argv, { env = {}, ...options } = {}) => {
    const words = Object.entries(env).map(([key, value]) => `${key}=${value}`);
    const inside = ["incus", "exec", "--project", "lbctl-lab", name, "-T", "--", "env", ...words, ...argv];
    const [file = "", ...args] = process.getuid?.() === 0 ? inside : ["sudo", "-n", ...inside];
    return runProcess(file, args, options);
  };
  return { isRoot: true, run, root: run, prepareRoot: () => Promise.resolve() };
}

/** An archive in which `wanted` needs a newer `base`, as an older Debian has it against the present archive. */
const archive = `
until systemctl is-system-running --wait 2>/dev/null | grep -qE 'running|degraded'; do sleep 0.1; done
set -e
make() {
  t=$(mktemp -d); mkdir -p $t/DEBIAN $t/etc $t/usr/share/$1; chmod 755 $t
  printf 'Package: %s\\nVersion: %s\\nArchitecture: all\\nMaintainer: x <x@example.org>\\nDepends: %s\\nDescription: test\\n' $1 $2 "$3" | sed '/^Depends: $/d' >$t/DEBIAN/control
  printf '/etc/%s.conf\\n/etc/%s.d\\n' $1 $1 >$t/DEBIAN/conffiles
  echo "$2" >$t/etc/$1.conf; echo "$2" >$t/etc/$1.d
  echo "$2" >$t/usr/share/$1/data; chmod 2750 $t/usr/share/$1; chgrp adm $t/usr/share/$1; ln $t/usr/share/$1/data "$t/usr/share/$1/two words"; ln -s data $t/usr/share/$1/link
  dpkg-deb -b $t $4 >/dev/null; rm -rf $t
}
mkdir -p /srv/archive /srv/others; cd /srv/archive
make base 1:1.0 '' /srv/others; make base 1:2.0 '' .; make base 1:3.0 '' /srv/others
make wanted 1.0 'base (>= 1:2.0)' .
make needs-base 1.0 'base (>= 1:2.0)' /srv/others; make needs-wanted 1.0 wanted /srv/others
for deb in *.deb; do dpkg-deb -f $deb; echo "Filename: ./$deb"; stat -c 'Size: %s' $deb; sha256sum $deb | sed 's/^\\(\\S*\\).*/SHA256: \\1/'; echo; done >Packages
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/archive ./' >/etc/apt/sources.list
apt-get update -q`;

/** All that could be seen of the packages. */
const look = `dpkg-query -W; apt-mark showauto; dpkg --audit; dpkg -L base | sort; cd / && find etc/base* etc/wanted* usr/share/base usr/share/wanted -printf '%p %y %m %g %n %l\\n' 2>/dev/null | sort; cat etc/base.conf etc/base.d usr/share/base/data`;

beforeAll(async () => {
  await incus("delete", "--force", host);
  const { alias } = (await describeImages("2.6")).lb;
  const owner = `user.lbctl-lab.owner=${String(process.getuid?.())}`;
  expect((await incus("launch", alias, host, "-p", "lbctl-lab", "-c", owner)).code).toBe(0);
  await output(host, archive);
});

beforeEach(async () => {
  // apt takes a list of packages for unchanged that was written again within the second, of the same size
  await output(
    host,
    "rm -f /var/cache/apt/*.bin; dpkg --purge --force-depends needs-base needs-wanted wanted base; rm -f /etc/base*; dpkg -i /srv/others/base_1.0_all.deb; apt-mark auto base; echo mine >/etc/base.conf",
  );
  await state.forget("packages", "upgraded");
});

afterAll(async () => {
  await incus("delete", "--force", host);
  rmSync(folder, { recursive: true });
});

async function install(): Promise<void> {
  await installPackages(["wanted"], machine, silent);
  expect(await version("base")).toBe("1:2.0");
}

async function undo(): Promise<LeftOver> {
  return undoMachine(machine, silent);
}

async function version(name: string): Promise<string> {
  return output(host, `dpkg-query -W -f '\${Version}' ${name}`);
}

test("what was upgraded for the lab gets its old version back, and nothing else differs", async () => {
  const before = await output(host, look);
  await install();
  expect(await output(host, look)).not.toBe(before);
  expect(await undo()).toEqual({ packages: [], needed: [], foreign: [] });
  expect(await output(host, look)).toBe(before);
  expect(await state.read()).toEqual({ format: 1 });
  // dpkg still knows that the file is somebody's own
  await output(host, "dpkg --force-confdef --force-confold -i /srv/others/base_3.0_all.deb");
  expect(await output(host, "cat /etc/base.conf /etc/base.d")).toBe("mine\n1:3.0");
});

test("a second installation remembers the oldest version", async () => {
  const before = await output(host, look);
  await install();
  await output(host, "apt-get purge -y -q wanted");
  await install();
  await undo();
  expect(await output(host, look)).toBe(before);
});

test("an upgrade that was cut short in the middle of a package is undone too", async () => {
  const before = await output(host, look);
  await install();
  await output(
    host,
    "sed -i '/^Package: base$/,/^$/s/^Status: .*/Status: install reinstreq half-installed/' /var/lib/dpkg/status",
  );
  expect(await undo()).toEqual({ packages: [], needed: [], foreign: [] });
  expect(await output(host, look)).toBe(before);
});

test("what somebody upgraded further is left as it is", async () => {
  await install();
  await output(host, "dpkg --force-confold -i /srv/others/base_3.0_all.deb");
  expect(await undo()).toEqual({ packages: [], needed: [], foreign: ["base"] });
  expect(await version("base")).toBe("1:3.0");
});

test("what others need by now stays, and goes when they are gone", async () => {
  const before = await output(host, look);
  await install();
  await output(host, "dpkg -i /srv/others/needs-base_1.0_all.deb /srv/others/needs-wanted_1.0_all.deb");
  expect(await undo()).toEqual({ packages: ["wanted"], needed: ["base"], foreign: [] });
  await output(host, "dpkg --purge needs-wanted");
  expect(await undo()).toEqual({ packages: [], needed: ["base"], foreign: [] });
  await output(host, "dpkg --purge needs-base");
  expect(await undo()).toEqual({ packages: [], needed: [], foreign: [] });
  expect(await output(host, look)).toBe(before);
});
