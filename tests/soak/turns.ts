import { change } from "../matrix/host-state.ts";
import { mulberry32 } from "../support/random.ts";

/** What is wrong with a change on purpose, and the exit code that it must have. */
interface Broken {
  readonly what: string;
  readonly setting: string;
  readonly code: number;
}

const broken: readonly Broken[] = [
  { what: "a hostile value", setting: "haproxy_api_health_path=/x # y", code: 3 },
  { what: "a certificate that is missing", setting: "haproxy_tls_cert_path=/etc/ssl/no.pem", code: 5 },
  { what: "a port that is taken", setting: "haproxy_stats_port=22", code: 5 },
  { what: "a check that fails", setting: "haproxy_api_health_path=/_demo/nowhere", code: 6 },
  { what: "a port without servers", setting: "haproxy_stream_server_port=9", code: 6 },
];

/** How an apply is cut off. */
const cuts = ["SIGKILL", "SIGTERM", "SIGINT", "its session"] as const;

/** One apply of a soak. */
export interface Turn {
  readonly number: number;
  /** Words for lbctl: this change, and what comes with it. */
  readonly words: readonly string[];
  readonly broken: Broken | null;
  readonly cut: { readonly how: (typeof cuts)[number]; readonly afterMs: number } | null;
}

/** Words for lbctl: what is there before the first turn. */
export const beginning: readonly string[] = ["-e", change(5000)];

/** The turns of a soak, the same for the same seed: each changes something, a third is broken or cut off. */
export function turnsOf(seed: number, count: number): Turn[] {
  const random = mulberry32(seed);
  const below = (end: number): number => Math.floor(random() * end);
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)] as Item;
  return Array.from({ length: count }, (_, index) => {
    const number = 5001 + index;
    const harmless = pick([
      `haproxy_retries=${String(1 + below(9))}`,
      `haproxy_health_check_rise=${String(2 + below(3))}`,
      `haproxy_timeout_tunnel_ms=${String(3_600_000 + below(1000))}`,
      `haproxy_stream_timeout_server_ms=${String(60_000 + below(1000))}`,
      `{"haproxy_trusted_ips": ["198.51.100.${String(below(256))}", "203.0.113.0/24"]}`,
    ]);
    const settings = [change(number), harmless];
    const [isOdd, isCut] = [random() < 1 / 3, random() < 1 / 2];
    const wrong = isOdd && !isCut ? pick(broken) : null;
    const cut = isOdd && isCut ? { how: pick(cuts), afterMs: 100 + below(900) } : null;
    if (wrong) settings.push(wrong.setting);
    return { number, words: settings.flatMap((setting) => ["-e", setting]), broken: wrong, cut };
  });
}
