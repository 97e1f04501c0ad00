import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";
import { verifyFunction } from "../../../src/apply/verify.ts";

/** What `verify` says of lbctl:new, where HAProxy's answers are these in turn, the last one for ever. */
function verify(...answers: { readonly loaded: string; readonly web: string }[]): string {
  const texts = answers.map(
    ({ loaded, web }) => `Description: ${loaded}\\nweb,FRONTEND${",".repeat(16)}${web}\\n`,
  );
  const list = texts.map((text) => `"${text}"`).join(", ");
  const script = `ask_in_perl='my @answers = (${list}); sub ask_worker { return @answers > 1 ? shift @answers : $answers[0] } '
state=/nowhere next=1
${verifyFunction}
verify lbctl:new`;
  return execFileSync("sh", ["-c", script]).toString();
}

const [old, serving] = [
  { loaded: "lbctl:old", web: "STOP" },
  { loaded: "lbctl:new", web: "OPEN" },
];

test("the old worker, which takes a connection for a while after a reload, is not taken for the new one", () => {
  expect(verify(old, old, serving)).toBe("");
});

test("another configuration, and a frontend that is not open, are told", () => {
  expect(verify(old)).toBe("HAProxy does not run the new configuration\nfrontend web is STOP\n");
  expect(verify({ loaded: "lbctl:new", web: "STOP" })).toBe("frontend web is STOP\n");
});
