import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Remote } from "../../src/remote/port.ts";

interface FakeServer {
  /** Bits of srv_admin_state. */
  admin: number;
  /** What `show stat` says while nobody has taken it away. */
  status: string;
  weight: number;
  tracks: string;
}

/** A master and a worker that know as much as drains ask for, and a host whose programs only note what they are told. */
export class FakeHaproxy {
  readonly servers = new Map<string, FakeServer>();
  /** What was set, in order. */
  readonly told: string[] = [];
  /** Answers of old workers by process id; null from one that does not answer. */
  readonly old = new Map<number, string | null>();
  /** Commands that are answered so instead. */
  readonly refusals = new Map<string, string>();
  masterAnswers = true;
  /** Called before a server's state is set. */
  onSet: () => void = () => undefined;
  readonly dir = mkdtempSync(join(tmpdir(), "lbctl-drain-"));
  readonly state = join(this.dir, "state");
  readonly role = { service: "haproxy", state: this.state };
  private readonly listening: Server[] = [];

  async start(): Promise<void> {
    for (const folder of ["bin", "run", "state/state"])
      mkdirSync(join(this.dir, folder), { recursive: true });
    for (const name of ["systemctl", "systemd-run", "logger"]) {
      const file = join(this.dir, "bin", name);
      writeFileSync(file, `#!/bin/sh\necho "${name} $*" >>'${this.dir}/log'\n`);
      chmodSync(file, 0o755);
    }
    for (const path of ["admin.sock", "master.sock"]) {
      const server = createServer((socket) => {
        socket.on("error", () => undefined);
        socket.once("data", (data) => {
          const [command = ""] = data.toString().split("\n");
          if (path === "admin.sock") socket.end(this.worker(command));
          else if (this.masterAnswers) socket.end(this.master(command));
          else socket.destroy();
        });
      });
      this.listening.push(server);
      await new Promise<void>((resolve) => server.listen(join(this.dir, path), resolve));
    }
  }

  stop(): void {
    for (const server of this.listening) server.close();
    rmSync(this.dir, { recursive: true, force: true });
  }

  add(name: string, over: Partial<FakeServer> = {}): this {
    this.servers.set(name, { admin: 0, status: "UP", weight: 1, tracks: "", ...over });
    return this;
  }

  /** Status of each server, as `show stat` has it. */
  statuses(): Record<string, string> {
    return Object.fromEntries([...this.servers].map(([name, server]) => [name, statusOf(server)]));
  }

  /** Lines of `state/drains`. */
  records(): string[] {
    const file = join(this.state, "state/drains");
    return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
  }

  /** What the host's programs were told. */
  log(): string {
    const file = join(this.dir, "log");
    return existsSync(file) ? readFileSync(file, "utf8") : "";
  }

  /** A script as it is on this host. */
  here(script: string): string {
    return script
      .replaceAll("/run/haproxy/admin.sock", join(this.dir, "admin.sock"))
      .replaceAll("/run/haproxy-master.sock", join(this.dir, "master.sock"))
      .replaceAll("/run/lbctl", join(this.dir, "run"))
      .replaceAll("/etc/systemd/system", join(this.dir, "units"))
      .replaceAll("$> != 0", "0")
      .replaceAll("sleep($round < 60 ? 1 : 30)", "select undef, undef, undef, 0.05")
      .replaceAll("uptime() - $begun > 2", "1");
  }

  readonly remote: Remote = {
    host: "lb-1",
    run: ({ script }) => this.sh(["-c", this.here(script)]),
    close: () => Promise.resolve(),
  };

  /** Runs the program of a timer; what it ends with. */
  async giveBack(token: string): Promise<void> {
    const program = join(this.dir, "run", `ready-${token}`);
    const { stderr } = await this.sh(["-c", 'exec perl "$@"', "sh", program, this.state, "haproxy", token]);
    if (stderr !== "") throw new Error(stderr);
  }

  private sh(args: readonly string[]): Promise<{ status: number; stdout: string; stderr: string }> {
    return new Promise((resolve) => {
      const env = { ...process.env, PATH: `${join(this.dir, "bin")}:${process.env.PATH ?? ""}`, LC_ALL: "C" };
      const child = spawn("sh", args, { env });
      let [stdout, stderr] = ["", ""];
      child.stdout.on("data", (text: Buffer) => (stdout += text.toString()));
      child.stderr.on("data", (text: Buffer) => (stderr += text.toString()));
      child.on("close", (code) => {
        resolve({ status: code ?? 1, stdout, stderr });
      });
    });
  }

  private worker(command: string): string {
    const refusal = this.refusals.get(command);
    if (refusal !== undefined) return `${refusal}\n\n`;
    if (command === "show stat") return this.stat();
    if (command === "show servers state") return this.adminStates();
    const [, name = "", to = ""] = /^set server (\S+) state (\S+)$/.exec(command) ?? [];
    const server = this.servers.get(name);
    if (!server) return "No such server.\n\n";
    this.onSet();
    this.told.push(`${name} ${to}`);
    server.admin = (server.admin & ~9) | ({ maint: 1, drain: 8 }[to] ?? 0);
    return "\n";
  }

  private stat(): string {
    const row = (cells: Readonly<Record<number, string | number>>): string =>
      Array.from({ length: 34 }, (_, at) => cells[at] ?? "").join(",");
    const header = row({
      0: "# pxname",
      1: "svname",
      4: "scur",
      7: "stot",
      17: "status",
      18: "weight",
      32: "type",
    });
    const rows = [...this.servers].map(([name, server]) => {
      const [pool = "", own = ""] = name.split("/");
      return row({ 0: pool, 1: own, 4: 0, 7: 0, 17: statusOf(server), 18: server.weight, 32: 2 });
    });
    return `${[header, ...rows].join("\n")}\n\n`;
  }

  private adminStates(): string {
    const rows = [...this.servers].map(([name, { admin }], at) => {
      const [pool = "", own = ""] = name.split("/");
      return `3 ${pool} ${String(at)} ${own} 127.0.0.1 2 ${String(admin)} 1 1 100`;
    });
    return `1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state\n${rows.join("\n")}\n\n`;
  }

  private master(command: string): string {
    const [, pid] = /^@!(\d+) show stat$/.exec(command) ?? [];
    if (pid !== undefined) return this.old.get(Number(pid)) ?? "";
    if (command !== "show proc") return "";
    const old = [...this.old.keys()].map((one) => `${String(one)}  worker  1  0d00h00m01s  2.6\n`).join("");
    return `#<PID> <type> <reloads> <uptime> <version>\n${String(process.pid)}  master  1  0d  2.6\n# workers\n# old workers\n${old}# programs\n\n`;
  }
}

function statusOf({ admin, status }: FakeServer): string {
  return admin & 1 ? "MAINT" : admin & 8 ? "DRAIN" : status;
}
