import type { View } from "./engine.ts";
import { routeLines, type DeclaredRoute, type RouteView } from "./routes.ts";
import type { Server } from "./servers.ts";

/**
 * What was written, then what the older variables say of the stream pool, beside an API. `shown` are the same variables
 * with masks, when the lines are for people.
 */
export function allRoutes(vars: View, { api_servers, stream_servers }: View, shown = vars): RouteView[] {
  const hasBoth = [api_servers, stream_servers].every((servers) => (servers as readonly Server[]).length > 0);
  const routes = (from: View): DeclaredRoute[] => [
    ...((from.haproxy_routes ?? []) as readonly DeclaredRoute[]),
    ...(hasBoth ? streamRoutes(from) : []),
  ];
  return routeLines(routes(vars), routes(shown));
}

function streamRoutes(vars: View): DeclaredRoute[] {
  const texts = (name: string): readonly string[] => {
    const list = vars[name];
    // what is no text is told by the schema
    return Array.isArray(list) ? list.filter((item) => typeof item === "string") : [];
  };
  const [hosts, prefixes] = [texts("haproxy_stream_hosts"), texts("haproxy_stream_path_prefixes")];
  const pool = "stream_pool";
  return [
    ...(hosts.length > 0 ? [{ hosts, pool }] : []),
    ...(prefixes.length > 0 ? [{ prefixes, pool }] : []),
  ];
}
