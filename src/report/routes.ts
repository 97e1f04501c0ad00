import { wrap } from "./columns.ts";
import { style } from "./style.ts";

/** Where one load balancer sends a request. */
export interface RouteAnswer {
  readonly host: string;
  readonly pool: string | null;
  /** Why, as words behind "since". */
  readonly since: string;
  /** Path of the route in the variables, e.g. `haproxy_routes/0`; null where none takes it. */
  readonly route: string | null;
  /** `file:line` of it. */
  readonly at: string | null;
}

/** A block for each answer, with the load balancers that give it. */
export function routeReport(answers: readonly RouteAnswer[]): string[] {
  const blocks = new Map<string, { readonly lines: string[]; readonly hosts: string[] }>();
  for (const { host, ...rest } of answers) {
    const known = blocks.get(JSON.stringify(rest)) ?? { lines: linesOf(rest), hosts: [] };
    blocks.set(JSON.stringify(rest), known);
    known.hosts.push(host);
  }
  return [...blocks.values()].flatMap(({ lines: [first = "", ...more], hosts }) => [
    first,
    ...more,
    ...wrap(`on ${hosts.join(", ")}`, 80, "  ").map((line) => style.dim(line)),
  ]);
}

function linesOf({ pool, since, route, at }: Omit<RouteAnswer, "host">): string[] {
  return [
    pool === null ? style.red("503: no pool takes it") : style.cyan(pool),
    ...wrap(`since ${since}`, 80, "  "),
    ...(route === null ? [] : wrap(`${route}${at === null ? "" : `, ${at}`}`, 80, "  ")),
  ];
}

/** The JSON that programs rely on; keys are only ever added. */
export function routeDocument(answers: readonly RouteAnswer[]): object {
  return {
    format_version: 1,
    hosts: answers.map(({ host, pool, since, route, at }) => ({ name: host, pool, route, at, since })),
  };
}
