import type { Value } from "../model/fleet.ts";

// what is below the links belongs to a generation, and goes with it
const managed = /^\/(?:etc\/haproxy\/(?:haproxy\.cfg|lists|maps|certs|pages)|var\/lib\/lbctl)(?:\/|$)/;

/** Says that an operator's file is where lbctl's own are; nothing of one that is elsewhere. */
export function managedFile(path: Value | undefined): { message: string; withoutValues: string }[] {
  if (typeof path !== "string" || !managed.test(path)) return [];
  const withoutValues = "is in a folder that lbctl manages; keep it elsewhere, such as /etc/ssl/private";
  return [{ message: withoutValues.replace("is in", `is ${path}, in`), withoutValues }];
}
