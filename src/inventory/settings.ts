import type { Host, Variable } from "../model/fleet.ts";
import { Problems } from "../document/problems.ts";
import { place, readAs } from "../document/words.ts";
import { splitWords } from "./split-words.ts";

interface Found {
  readonly name: string;
  readonly variable: Variable;
}

const wordsHint = 'Write for example "-o ProxyJump=bastion".';

/**
 * Reads a host's connection variables by kind. What is wrong goes to `problems`, and reads as absent; what is only not
 * supported may be right for other hosts, so it is not told of a host that is partial.
 */
export class Settings {
  readonly problems = new Problems();
  private readonly host: Pick<Host, "vars" | "unresolved" | "isPartial">;

  constructor(host: Pick<Host, "vars" | "unresolved" | "isPartial">) {
    this.host = host;
  }

  has(names: readonly string[]): boolean {
    return this.written(names) !== undefined;
  }

  text(names: readonly string[], problemIn: (text: string) => string | undefined): string | undefined {
    const found = this.find(names);
    if (!found) return undefined;
    const text = scalarText(found.variable);
    if (text === undefined) {
      this.report(
        found,
        `must be a string; read ${readAs(found.variable.value)}`,
        "Put the value in quotes.",
      );
      return undefined;
    }
    const problem = problemIn(text);
    if (problem === undefined) return text;
    const hint = "Correct it; such a value could be read as an option or a command.";
    this.report(found, `${JSON.stringify(text)} ${problem}`, hint);
    return undefined;
  }

  /** Accepts only absent values and those that match. */
  only(names: readonly string[], accepted: RegExp, reason: string): void {
    const found = this.find(names);
    if (!found || this.host.isPartial || accepted.test(scalarText(found.variable) ?? "")) return;
    const hint = "Change it or remove it for the hosts that lbctl manages.";
    this.report(found, `${readAs(found.variable.value)} is not supported: ${reason}`, hint);
  }

  /** The meaning of one of a few words; others are a problem. */
  oneOf<Meaning>(
    names: readonly string[],
    meanings: Readonly<Record<string, Meaning>>,
    reason: string,
  ): Meaning | undefined {
    const text = scalarText(this.find(names)?.variable ?? { value: null });
    if (text !== undefined && Object.hasOwn(meanings, text)) return meanings[text];
    this.only(names, /^$/, reason);
    return undefined;
  }

  /** One line of text that no message shows. */
  secret(names: readonly string[]): string | undefined {
    const found = this.find(names);
    if (!found) return undefined;
    const text = scalarText(found.variable);
    if (text !== undefined && text !== "" && !/[\0\r\n]/.test(text)) return text;
    this.report(found, "must be one line of text (its value is not shown)", "Correct it, or remove it.");
    return undefined;
  }

  absent(names: readonly string[], reason: string, hint: string): void {
    const found = this.written(names);
    if (found && !this.host.isPartial) this.report(found, reason, hint);
  }

  port(names: readonly string[]): number | undefined {
    const found = this.find(names);
    if (!found) return undefined;
    const { value } = found.variable;
    const port = typeof value === "string" && /^\d{1,5}$/.test(value) ? Number(value) : value;
    if (typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65535) return port;
    this.report(found, `must be a whole number from 1 to 65535; read ${readAs(value)}`, "Correct the port.");
    return undefined;
  }

  /** A boolean as Ansible reads one, from text too. */
  flag(names: readonly string[]): boolean {
    const found = this.find(names);
    if (!found) return false;
    const text = scalarText(found.variable)?.toLowerCase() ?? "";
    if (/^(?:true|yes|on|y|t|1)$/.test(text)) return true;
    if (/^(?:false|no|off|n|f|0)$/.test(text)) return false;
    this.report(found, `must be true or false; read ${readAs(found.variable.value)}`, "Write true or false.");
    return false;
  }

  /** Options for ssh, split as a shell would. */
  options(names: readonly string[]): readonly string[] {
    const found = this.find(names);
    const { value } = found?.variable ?? { value: null };
    if (!found || value === "") return [];
    const text = scalarText(found.variable);
    const words = text === undefined ? undefined : splitWords(text);
    if (!words) {
      const what = `must be ssh options on one line, with closed quotes; read ${readAs(value)}`;
      this.report(found, what, wordsHint);
    } else if (words[0]?.startsWith("-") === false) {
      this.report(found, `must start with an option; read ${readAs(value)}`, wordsHint);
    } else return words;
    return [];
  }

  private find(names: readonly string[]): Found | undefined {
    const found = this.written(names);
    const why = found && this.host.unresolved.get(found.name);
    this.problems.addAll(why ?? []);
    return why ? undefined : found;
  }

  /** Of several names, the last one that is set: so does Ansible's ssh plugin. */
  private written(names: readonly string[]): Found | undefined {
    const { vars } = this.host;
    for (const name of names.toReversed()) {
      const variable = Object.hasOwn(vars, name) ? vars[name] : undefined;
      if (variable && variable.value !== null) return { name, variable };
    }
    return undefined;
  }

  private report(found: Found, what: string, hint: string): void {
    this.problems.add({ what: `${found.name}: ${what}`, at: place(found.variable.originOf([])), hint });
  }
}

function scalarText({ value }: Pick<Variable, "value">): string | undefined {
  return typeof value === "object" ? undefined : String(value);
}
