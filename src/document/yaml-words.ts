/** What is wrong, and what to do. */
export interface Explanation {
  readonly what: string;
  readonly hint: string;
}

const byCode: Readonly<Record<string, Explanation>> = {
  ALIAS_PROPS: {
    what: "an alias (*name) cannot have a tag or an anchor of its own",
    hint: "Remove the & or ! before the *.",
  },
  BAD_ALIAS: {
    what: "an alias (*name) or anchor (&name) has no proper name",
    hint: "Use letters and digits; quote the value if the * or & belongs to it.",
  },
  BAD_DIRECTIVE: {
    what: "a line that starts with % is a YAML directive, and this one is unknown",
    hint: "Put the text in quotes.",
  },
  BAD_DQ_ESCAPE: {
    what: "a backslash in double quotes starts no known escape",
    hint: "Write \\\\ for a backslash, or use single quotes.",
  },
  BAD_INDENT: {
    what: "the indentation does not fit the lines around it",
    hint: "Keys of one map, and items of one list, start at the same column.",
  },
  BAD_SCALAR_START: { what: "a value cannot start with this character", hint: "Put the value in quotes." },
  BLOCK_AS_IMPLICIT_KEY: {
    what: "a list or map begins where a single value must stand",
    hint: "Put it on the next line, indented; quote a value that holds `: `.",
  },
  BLOCK_IN_FLOW: {
    what: "a bracket opened above is not closed, or holds a block list or map",
    hint: "Close the [ or {, or write the items on their own lines.",
  },
  KEY_OVER_1024_CHARS: { what: "a key is longer than 1024 characters", hint: "Shorten it." },
  MISSING_CHAR: {
    what: "something is missing: a closing quote or bracket, a colon, or a comma",
    hint: "Check quotes, brackets and the `: ` after each key, from this line up.",
  },
  MULTILINE_IMPLICIT_KEY: {
    what: "a key runs over several lines; a colon may be missing",
    hint: "Write `key: value` on one line, or quote the text.",
  },
  TAB_AS_INDENT: { what: "a tab is used for indentation", hint: "Use spaces." },
  UNEXPECTED_TOKEN: {
    what: "this cannot stand here",
    hint: "Check quotes, brackets and indentation, from this line up.",
  },
};

export const unquoted: Explanation = {
  what: "a value that starts with {{ must be in quotes",
  hint: 'Write key: "{{ name }}".',
};

/** A YAML syntax error in plain words. `line` is the text of its line, `opener` what stands there and is not closed. */
export function explainSyntax(code: string, message: string, line: string, opener?: string): Explanation {
  if (/(?:^|[:,[]|-)\s+\{[{%]/.test(line)) {
    return unquoted;
  }
  if (opener === "[" || opener === "{") {
    return {
      what: `the ${opener} that opens here is not closed`,
      hint: `Close it with ${opener === "[" ? "]" : "}"}; each of its further lines is indented, the last one too.`,
    };
  }
  if (opener !== undefined) {
    return { what: `the ${opener} that opens here is not closed`, hint: `Close it with another ${opener}.` };
  }
  if (message.includes("call stack")) {
    return { what: "values are nested more than 50 levels deep", hint: "Flatten the structure." };
  }
  return (
    byCode[code] ?? {
      what: `this is not valid YAML: ${message}`,
      hint: "Check quotes, brackets and indentation.",
    }
  );
}

export function shortTag(tag: string | undefined): string | undefined {
  return tag?.replace(/^tag:yaml\.org,2002:/, "!!");
}

/** Ansible reads a file as JSON when it is valid JSON, whatever its name. */
export function isJson(text: string): boolean {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
