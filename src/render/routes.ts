/** An entry of `haproxy_routes`, as the role's schema has it. */
export interface DeclaredRoute {
  readonly hosts?: readonly string[];
  readonly paths?: readonly string[];
  readonly prefixes?: readonly string[];
  readonly pool: string;
}

/** One `use_backend` line of a frontend (Configuration Manual 4.2). */
export interface RouteView {
  readonly pool: string;
  /** Anonymous ACLs (Configuration Manual 7.2). */
  readonly condition: string;
}

/** One host and path of a route; null is any. */
export interface Match {
  readonly pool: string;
  readonly host: string | null;
  readonly path: { readonly is: "exact" | "below"; readonly text: string } | null;
}

/**
 * The routes as lines, the most exact first, whatever their order; of two for the same, the earlier one. `shown` are the
 * same routes with masks in place of secrets, when the lines are for people: the order is that of the real ones. Pure.
 */
export function routeLines(routes: readonly DeclaredRoute[], shown = routes): RouteView[] {
  const masked = shown.flatMap(matchesOf);
  return inOrder(routes).flatMap(({ match, at }) => linesOf(masked[at] ?? match, match.pool === "api_pool"));
}

/** Each host and path of the routes, the most exact first; `route` is the place of its route. Pure. */
export function inOrder(routes: readonly DeclaredRoute[]): { match: Match; route: number; at: number }[] {
  const seen = new Set<string>();
  const all = routes.flatMap((route, index) => matchesOf(route).map((match) => ({ match, route: index })));
  const order = all.flatMap((each, at) => {
    const taken = textOf(each.match);
    if (seen.has(taken)) return [];
    seen.add(taken);
    return [{ ...each, at, taken, rank: rankOf(each.match) }];
  });
  return order.sort((a, b) => compare(a.rank, b.rank) || (a.taken < b.taken ? -1 : 1));
}

function matchesOf({ pool, hosts, paths, prefixes }: DeclaredRoute): Match[] {
  const below = (prefixes ?? []).map((text) => ({ is: "below", text }) as const);
  const exact = (paths ?? []).map((text) => ({ is: "exact", text }) as const);
  const all: readonly Match["path"][] = [...exact, ...below];
  return (hosts ?? [null]).flatMap((host) =>
    (all.length > 0 ? all : [null]).map((path) => ({ pool, host: host?.toLowerCase() ?? null, path })),
  );
}

function textOf({ host, path }: Match): string {
  return [host ?? "", path?.text ?? "", path?.is ?? ""].join(" ");
}

/** Lower comes first: exact host, wildcards from the longest, any; there exact path, prefixes from the longest, any. */
function rankOf({ host, path }: Match): readonly number[] {
  const ofHost = host === null ? [2, 0] : host.startsWith("*") ? [1, -host.length] : [0, 0];
  const ofPath = path === null ? [2, 0] : path.is === "below" ? [1, -path.text.length] : [0, 0];
  return [...ofHost, ...ofPath];
}

function compare(a: readonly number[], b: readonly number[]): number {
  return a.map((rank, at) => rank - (b[at] ?? 0)).find((difference) => difference !== 0) ?? 0;
}

/** WebSockets to the API have a backend of their own: docs/decisions/0003. */
function linesOf({ pool, host, path }: Match, isApi: boolean): RouteView[] {
  const conditions = pathConditions(path).map((ofPath) => [...hostConditions(host), ...ofPath].join(" "));
  return conditions.flatMap((condition) => [
    ...(isApi ? [{ pool: "api_websockets", condition: `${condition} { hdr(upgrade) -i websocket }` }] : []),
    { pool, condition },
  ]);
}

function hostConditions(host: string | null): string[] {
  if (host === null) return [];
  const name = "req.hdr(host),field(1,:)";
  return [host.startsWith("*") ? `{ ${name} -m end -i ${host.slice(1)} }` : `{ ${name} -m str -i ${host} }`];
}

/** One list of ACLs a line. */
function pathConditions(path: Match["path"]): string[][] {
  if (path === null) return [[]];
  const itself = [`{ path ${path.text} }`];
  return path.is === "exact" ? [itself] : [itself, [`{ path_beg ${path.text}/ }`]];
}
