import type { Path } from "../model/fleet.ts";
import type { View } from "./engine.ts";
import { routeLines, type DeclaredRoute, type RouteView } from "./routes.ts";
import type { Server } from "./servers.ts";

/**
 * What was written, then what the older variables say of the stream pool, beside an API. `shown` are the same variables
 * with masks, when the lines are for people.
 */
export function allRoutes(vars: View, servers: View, shown = vars): RouteView[] {
  const routes = (from: View): DeclaredRoute[] => routesOf(from, servers).map(({ route }) => route);
  return routeLines(routes(vars), routes(shown));
}

/** Each with the variable that says it, and its place there. */
export function routesOf(vars: View, { api_servers, stream_servers }: View): SaidRoute[] {
  const hasBoth = [api_servers, stream_servers].every((servers) => (servers as readonly Server[]).length > 0);
  const written = (vars.haproxy_routes ?? []) as readonly DeclaredRoute[];
  return [
    ...written.map((route, at) => ({ route, variable: "haproxy_routes", path: [at] })),
    ...(hasBoth ? streamRoutes(vars) : []),
  ];
}

interface SaidRoute {
  readonly route: DeclaredRoute;
  readonly variable: string;
  readonly path: Path;
}

function streamRoutes(vars: View): SaidRoute[] {
  const texts = (name: string): readonly string[] => {
    const list = vars[name];
    // what is no text is told by the schema
    return Array.isArray(list) ? list.filter((item) => typeof item === "string") : [];
  };
  const pool = "stream_pool";
  const said = (variable: string, key: "hosts" | "prefixes"): SaidRoute[] =>
    texts(variable).length === 0 ? [] : [{ route: { [key]: texts(variable), pool }, variable, path: [] }];
  return [...said("haproxy_stream_hosts", "hosts"), ...said("haproxy_stream_path_prefixes", "prefixes")];
}
