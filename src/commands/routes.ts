import { shownPath } from "../document/shown-path.ts";
import { place } from "../document/words.ts";
import { LbctlError } from "../errors.ts";
import type { Host } from "../model/fleet.ts";
import { makeView } from "../render/view.ts";
import { whichRoute, type Asked } from "../render/which-route.ts";
import { printJson, printLines } from "../report/out.ts";
import { routeDocument, routeReport, type RouteAnswer } from "../report/routes.ts";
import type { FleetOptions } from "./options.ts";
import { loadProject, type Project } from "./project.ts";

/** `lbctl routes URL`: which pool a request goes to on each load balancer, and why; offline. */
export async function routesCommand(url: string, options: FleetOptions): Promise<number> {
  const asked = readUrl(url);
  const project = await loadProject(options);
  const answers = project.hosts.map((host) => answer(project, host, asked));
  if (options.json) printJson(routeDocument(answers));
  else printLines(routeReport(answers));
  return 0;
}

/** As it would be sent: nothing in it is decoded or made shorter. Throws LbctlError `invalid`. */
export function readUrl(url: string): Asked {
  const [, host, path] =
    /^(?:https?:\/\/)?([A-Za-z0-9.-]+)(?::\d{1,5})?(\/[^?#\s]*)?(?:[?#]\S*)?$/.exec(url) ?? [];
  if (host !== undefined) return { host, path: path ?? "/" };
  throw new LbctlError("invalid", {
    what: `${JSON.stringify(url)} is no URL that a request could have`,
    hint: "Write it like https://www.example.com/assets/logo.png.",
  });
}

function answer({ fleet, role }: Project, host: Host, asked: Asked): RouteAnswer {
  const { view } = makeView(fleet, host, role, { haproxyVersion: "", watched: {} });
  const vars = Object.fromEntries(Object.entries(host.vars).map(([name, { value }]) => [name, value]));
  const { pool, variable, path, since } = whichRoute(vars, view, asked);
  const said = variable === null ? undefined : host.vars[variable];
  return {
    host: host.name,
    pool,
    since,
    route: said ? shownPath(said, [variable ?? "", ...path]) : null,
    at: said ? place(said.originOf(path)) : null,
  };
}
