/** What an expression may name: contexts by name. A property that is not there is an error, but for `open` ones. */
export interface Contexts {
  readonly values: Readonly<Record<string, unknown>>;
  /** Contexts whose missing properties are null, as a repository may lack a secret. */
  readonly open: readonly string[];
  /** `always()`, `success()` and so on. */
  readonly functions: Readonly<Record<string, () => boolean>>;
}

/** The value of a GitHub Actions expression, of the part of the language that the workflows use. Throws for the rest. */
export function evaluate(text: string, contexts: Contexts): unknown {
  const tokens = tokenize(text);
  const reader = new Reader(tokens, contexts);
  const value = reader.or();
  if (reader.rest().length > 0)
    throw new Error(`expression "${text}": unexpected ${reader.rest().join(" ")}`);
  return value;
}

/** Text with its `${{ }}` replaced. */
export function interpolate(text: string, contexts: Contexts): string {
  const done = text.replace(/\$\{\{(.*?)\}\}/gs, (_, expression: string) =>
    asText(evaluate(expression, contexts)),
  );
  if (done.includes("${{")) throw new Error(`not closed: ${text}`);
  return done;
}

export function truthy(value: unknown): boolean {
  return value !== null && value !== false && value !== 0 && value !== "";
}

function asText(value: unknown): string {
  if (value === null) return "";
  if (typeof value === "string" || typeof value === "boolean" || typeof value === "number")
    return String(value);
  throw new Error(`no text: ${JSON.stringify(value)}`);
}

function tokenize(text: string): string[] {
  const token = /\s*('(?:[^']|'')*'|==|!=|&&|\|\||[!().]|[A-Za-z_][\w-]*|\d+)/y;
  const tokens: string[] = [];
  while (token.lastIndex < text.trimEnd().length) {
    const at = token.lastIndex;
    const found = token.exec(text)?.[1];
    if (found === undefined) throw new Error(`expression "${text}": cannot read ${text.slice(at)}`);
    tokens.push(found);
  }
  return tokens;
}

class Reader {
  private readonly tokens: string[];
  private readonly contexts: Contexts;

  constructor(tokens: readonly string[], contexts: Contexts) {
    this.tokens = [...tokens];
    this.contexts = contexts;
  }

  rest(): readonly string[] {
    return this.tokens;
  }

  or(): unknown {
    let left = this.and();
    while (this.take("||")) {
      const right = this.and();
      left = truthy(left) ? left : right;
    }
    return left;
  }

  private and(): unknown {
    let left = this.equality();
    while (this.take("&&")) {
      const right = this.equality();
      left = truthy(left) ? right : left;
    }
    return left;
  }

  private equality(): unknown {
    const left = this.unary();
    for (const operator of ["==", "!="]) {
      if (!this.take(operator)) continue;
      const right = this.unary();
      if (typeof left !== typeof right && left !== null && right !== null)
        throw new Error(`compares ${typeof left} with ${typeof right}`);
      return (left === right) === (operator === "==");
    }
    return left;
  }

  private unary(): unknown {
    if (this.take("!")) return !truthy(this.unary());
    if (this.take("(")) {
      const value = this.or();
      this.expect(")");
      return value;
    }
    return this.primary();
  }

  private primary(): unknown {
    const token = this.tokens.shift() ?? "nothing";
    if (token.startsWith("'")) return token.slice(1, -1).replaceAll("''", "'");
    if (/^\d+$/.test(token)) return Number(token);
    if (token === "true" || token === "false") return token === "true";
    if (this.take("(")) {
      this.expect(")");
      const call = this.contexts.functions[token];
      if (!call) throw new Error(`unknown function ${token}()`);
      return call();
    }
    if (!Object.hasOwn(this.contexts.values, token)) throw new Error(`unknown name ${token}`);
    return this.properties(token);
  }

  private properties(name: string): unknown {
    let value = this.contexts.values[name];
    let path = name;
    while (this.take(".")) {
      const key = this.tokens.shift() ?? "";
      const open = this.contexts.open.some((each) => path === each || path.startsWith(`${each}.`));
      const object = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
      path += `.${key}`;
      if (!Object.hasOwn(object, key) && !open) throw new Error(`unknown property ${path}`);
      value = Object.hasOwn(object, key) ? object[key] : null;
    }
    return value;
  }

  private take(token: string): boolean {
    if (this.tokens[0] !== token) return false;
    this.tokens.shift();
    return true;
  }

  private expect(token: string): void {
    if (!this.take(token)) throw new Error(`expected ${token}, found ${this.tokens[0] ?? "the end"}`);
  }
}
