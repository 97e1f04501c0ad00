import { appendFileSync } from "node:fs";
import { env } from "node:process";
import type { Reporter, TestModule, TestRunEndReason } from "vitest/node";

/**
 * A reporter that adds what failed to the file that LBCTL_FAILURES names: where several runs go side by side, what
 * failed in one is far above the end of the log.
 */
export default class Failures implements Reporter {
  onTestRunEnd(
    modules: readonly TestModule[],
    unhandled: readonly { readonly message: string }[],
    reason: TestRunEndReason,
  ): void {
    const told = [
      ...modules.flatMap((module) => [
        ...module.errors().map(({ message }) => tell(module.relativeModuleId, message)),
        ...[...module.children.allSuites()].flatMap((suite) =>
          suite
            .errors()
            .map(({ message }) => tell(`${module.relativeModuleId} > ${suite.fullName}`, message)),
        ),
        ...[...module.children.allTests("failed")].flatMap((test) =>
          (test.result().errors ?? []).map(({ message }) =>
            tell(`${module.relativeModuleId} > ${test.fullName}`, message),
          ),
        ),
      ]),
      ...unhandled.map(({ message }) => tell("outside of a test", message)),
    ];
    if (reason !== "passed" && told.length === 0) told.push(`the run ended as ${reason}\n`);
    if (env.LBCTL_FAILURES !== undefined && told.length > 0)
      appendFileSync(env.LBCTL_FAILURES, told.join(""));
  }
}

function tell(where: string, message: string): string {
  return `- ${where}\n${message.replace(/^/gm, "    ")}\n`;
}
