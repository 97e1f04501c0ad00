// lbctl itself, but that each step of an apply waits on the host for as long as somebody holds it there.
import { steps } from "../../src/apply/steps.ts";
import { main } from "../../src/cli.ts";
import { pauseBefore } from "./pause.ts";

for (const step of steps) {
  const real = step.script;
  Object.assign(step, {
    script: (context: Parameters<typeof real>[0]) => `${pauseBefore(step.name)}\n${real(context)}`,
  });
}
await main(process.argv);
process.exit();
