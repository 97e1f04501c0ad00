import type { Path } from "../model/fleet.ts";
import { routesOf } from "./all-routes.ts";
import type { View } from "./engine.ts";
import { inOrder, type Match } from "./routes.ts";
import type { Server } from "./servers.ts";

/** What a request says that a route can ask for: the name without port, and the path without query, as it is sent. */
export interface Asked {
  readonly host: string;
  readonly path: string;
}

/** Which pool a request goes to; `variable` and `path` name what says so, null where no route does. */
export interface Taken {
  readonly pool: string | null;
  readonly variable: string | null;
  readonly path: Path;
  /** Why, as words behind "since". */
  readonly since: string;
}

/** The first of the most exact routes that fits, as haproxy.cfg has them. `view` is that of the templates. Pure. */
export function whichRoute(vars: View, view: View, asked: Asked): Taken {
  const said = routesOf(vars, view);
  const found = inOrder(said.map(({ route }) => route)).find(({ match }) => fits(match, asked));
  if (found) {
    const { variable = null, path = [] } = said[found.route] ?? {};
    return { pool: found.match.pool, variable, path, since: words(found.match) };
  }
  const has = (name: string): boolean => (view[name] as readonly Server[]).length > 0;
  const pool = has("api_servers") ? "api_pool" : has("stream_servers") ? "stream_pool" : null;
  return { pool, variable: null, path: [], since: "no route takes it" };
}

function fits({ host, path }: Match, asked: Asked): boolean {
  const name = asked.host.toLowerCase();
  const isHost = host === null || (host.startsWith("*") ? name.endsWith(host.slice(1)) : name === host);
  if (!isHost || path === null) return isHost;
  return asked.path === path.text || (path.is === "below" && asked.path.startsWith(`${path.text}/`));
}

function words({ host, path }: Match): string {
  const ofHost = host === null ? "it is for any host" : `its host is ${host}`;
  if (path === null) return ofHost;
  const ofPath = path.is === "exact" ? `its path is ${path.text}` : `its path is ${path.text} or below`;
  return host === null ? ofPath : `${ofHost} and ${ofPath}`;
}
