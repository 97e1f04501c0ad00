import { homedir } from "node:os";
import { readAddress } from "../address.ts";
import { LbctlError } from "../errors.ts";
import { outside } from "../formats.ts";
import type { Connection, Fleet, Variable, Variables } from "../model/fleet.ts";
import { Problems } from "../problems.ts";
import { place, readAs } from "../words.ts";
import { nameProblem } from "./names.ts";
import { splitWords } from "./split-words.ts";

// of two names, Ansible's ssh plugin lets the later win
const names = {
  kind: ["ansible_connection"],
  address: ["ansible_host", "ansible_ssh_host"],
  port: ["ansible_port", "ansible_ssh_port"],
  user: ["ansible_user", "ansible_ssh_user"],
  key: ["ansible_private_key_file", "ansible_ssh_private_key_file"],
  commonArgs: ["ansible_ssh_common_args"],
  extraArgs: ["ansible_ssh_extra_args"],
  become: ["ansible_become"],
  becomeMethod: ["ansible_become_method"],
  becomeUser: ["ansible_become_user"],
} as const;
const passwords = ["ansible_password", "ansible_ssh_pass", "ansible_ssh_password"];

/** Every variable that says how to connect. */
export const connectionNames: readonly string[] = Object.values(names).flat();

/** Reads how to reach a host. Throws LbctlError `invalid` with every problem. */
export function readConnection(host: string, vars: Variables): Connection {
  const reader = new Reader(vars);
  reader.refuse(names.kind, (text) =>
    /^(?:ssh|smart|ansible\.builtin\.ssh)$/.test(text)
      ? undefined
      : "lbctl connects with ssh only in this version",
  );
  reader.refuse(names.becomeMethod, (text) =>
    /^(?:ansible\.builtin\.)?sudo$/.test(text) ? undefined : "lbctl becomes root with sudo only",
  );
  reader.refuse(names.becomeUser, (text) => (text === "root" ? undefined : "lbctl works as root"));
  reader.refusePasswords();
  const address = reader.text(names.address, addressProblem) ?? host;
  const port = reader.port();
  const user = reader.text(names.user, userProblem);
  const keyFile = reader.text(names.key, keyProblem);
  const sshArgs = [...reader.words(names.commonArgs), ...reader.words(names.extraArgs)];
  const become = reader.flag(names.become);
  reader.problems.throwIfAny();
  return {
    kind: "ssh",
    address,
    ...(port === undefined ? {} : { port }),
    ...(user === undefined ? {} : { user }),
    ...(keyFile === undefined ? {} : { keyFile: keyFile.replace(/^~(?=\/|$)/, () => homedir()) }),
    sshArgs,
    become,
  };
}

/** Checks how each of these hosts is reached. Throws LbctlError `invalid` with the problems of all. */
export function checkConnections(fleet: Fleet, hosts: readonly string[]): void {
  const problems = new Problems();
  for (const host of hosts) {
    try {
      void fleet.hosts.get(host)?.connection;
    } catch (error) {
      if (!(error instanceof LbctlError)) throw error;
      problems.take(error);
    }
  }
  problems.throwIfAny();
}

class Reader {
  readonly problems = new Problems();
  private readonly vars: Variables;

  constructor(vars: Variables) {
    this.vars = vars;
  }

  text(from: readonly string[], problemIn: (text: string) => string | undefined): string | undefined {
    const found = this.find(from);
    if (!found) return undefined;
    const { value } = found.variable;
    if (typeof value !== "string" && typeof value !== "number") {
      this.report(found, `must be a string; read ${readAs(value)}`, "Put the value in quotes.");
      return undefined;
    }
    const problem = problemIn(String(value));
    if (problem)
      this.report(
        found,
        `${JSON.stringify(value)} ${problem}`,
        "Correct it; such a value could be read as an option or a command.",
      );
    return problem ? undefined : String(value);
  }

  refuse(from: readonly string[], reason: (text: string) => string | undefined): void {
    const found = this.find(from);
    const problem = found && reason(String(found.variable.value));
    if (problem)
      this.report(
        found,
        `${readAs(found.variable.value)} is not supported: ${problem}`,
        "Change it or remove it for the hosts that lbctl manages.",
      );
  }

  refusePasswords(): void {
    for (const name of passwords) {
      const found = this.find([name]);
      if (found)
        this.report(
          found,
          "passwords are not supported: lbctl logs in with keys or an agent",
          `Remove ${name} and give the host a key (ansible_ssh_private_key_file).`,
        );
    }
  }

  port(): number | undefined {
    const found = this.find(names.port);
    if (!found) return undefined;
    const { value } = found.variable;
    const port = typeof value === "string" && /^\d{1,5}$/.test(value) ? Number(value) : value;
    if (typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65535) return port;
    this.report(found, `must be a whole number from 1 to 65535; read ${readAs(value)}`, "Correct the port.");
    return undefined;
  }

  flag(from: readonly string[]): boolean {
    const found = this.find(from);
    if (!found) return false;
    const text = String(found.variable.value).toLowerCase();
    if (/^(?:true|yes|on|y|t|1)$/.test(text)) return true;
    if (!/^(?:false|no|off|n|f|0)$/.test(text))
      this.report(
        found,
        `must be true or false; read ${readAs(found.variable.value)}`,
        "Write true or false.",
      );
    return false;
  }

  words(from: readonly string[]): string[] {
    const found = this.find(from);
    if (!found) return [];
    const words = typeof found.variable.value === "string" ? splitWords(found.variable.value) : undefined;
    if (!words) {
      this.report(
        found,
        `must be ssh options on one line, with closed quotes; read ${readAs(found.variable.value)}`,
        'Write for example "-o ProxyJump=bastion".',
      );
    } else if (words[0] !== undefined && !words[0].startsWith("-")) {
      this.report(
        found,
        `must start with an option; read ${readAs(found.variable.value)}`,
        'Write for example "-o ProxyJump=bastion".',
      );
    } else return words;
    return [];
  }

  private find(from: readonly string[]): Found | undefined {
    const name = from.findLast(
      (candidate) => Object.hasOwn(this.vars, candidate) && this.vars[candidate]?.value !== null,
    );
    const variable = name === undefined ? undefined : this.vars[name];
    return name !== undefined && variable ? { name, variable } : undefined;
  }

  private report(found: Found, what: string, hint: string): void {
    this.problems.add({ what: `${found.name}: ${what}`, at: place(found.variable.originOf([])), hint });
  }
}

interface Found {
  readonly name: string;
  readonly variable: Variable;
}

function addressProblem(text: string): string | undefined {
  return text.includes(":") && "canonical" in readAddress(text) ? undefined : nameProblem(text);
}

function userProblem(text: string): string | undefined {
  if (text.startsWith("-")) return "starts with -, and would be read as an option";
  return outside(text, /[A-Za-z0-9_.@-]/);
}

function keyProblem(text: string): string | undefined {
  if (text.startsWith("-")) return "starts with -, and would be read as an option";
  if (/^~[^/]/.test(text)) return "starts with ~ and a user's name, which is not supported";
  return outside(text, /[A-Za-z0-9_.~/+@,:= -]/);
}
