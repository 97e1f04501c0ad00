import { mask, withoutAnySecret } from "../document/secrets.ts";
import { LbctlError } from "../errors.ts";
import { plainAlerts } from "../haproxy/alerts.ts";

/**
 * HAProxy's complaint about files that nobody rendered now, for people. It quotes words of them, and what was secret in
 * one long ago nobody knows any more: of a file that is not for everybody to read, none is shown.
 */
export function inWords(error: LbctlError, files: readonly { readonly mode: string }[]): LbctlError {
  if (error.code !== "rejected" && error.code !== "rolled-back") return error;
  const mayTell = files.some(({ mode }) => (Number.parseInt(mode, 8) & 0o004) === 0);
  const problems = error.problems.map((problem) => {
    const what = withoutAnySecret(plainAlerts(problem.what));
    return { ...problem, what: mayTell ? what.replace(/'[^'\n]*'/g, `'${mask}'`) : what };
  });
  return new LbctlError(error.code, problems, { cause: error });
}
