import { connect } from "node:net";

export interface Probe {
  stop(): void;
}

export interface ProbeOptions {
  /** As HAProxy shows it: `10.0.0.12:8080` or `[fd00::1]:8080`. */
  readonly address: string;
  readonly path: string;
  readonly now: () => number;
  readonly onResult: (result: {
    readonly kind: "probe";
    readonly sentMs: number;
    readonly ok: boolean;
  }) => void;
}

const everyMs = 20;
const patienceMs = 400;

/** Asks the victim itself every 20 ms, so that the moment it died is known to 20 ms. */
export function startProbe({ address, path, now, onResult }: ProbeOptions): Probe {
  const place = parseAddress(address);
  if (place === null) return { stop: () => undefined };
  const underWay = new Set<() => void>();
  const timer = setInterval(() => {
    if (underWay.size > 25) return;
    const sentMs = now();
    const cancel = askOnce(place, path, (ok) => {
      underWay.delete(cancel);
      onResult({ kind: "probe", sentMs, ok });
    });
    underWay.add(cancel);
  }, everyMs);
  return {
    stop() {
      clearInterval(timer);
      for (const cancel of underWay) cancel();
    },
  };
}

interface Place {
  readonly host: string;
  readonly port: number;
}

/** null for what is not an address and port, such as a Unix socket. */
export function parseAddress(address: string): Place | null {
  const parts = /^\[?([0-9A-Fa-f:.]+?)\]?:(\d{1,5})$/.exec(address);
  return parts?.[1] && parts[2] ? { host: parts[1], port: Number(parts[2]) } : null;
}

/** Alive means an HTTP answer below 500. Returns a function that gives up without a result. */
function askOnce(place: Place, path: string, onEnd: (ok: boolean) => void): () => void {
  const socket = connect(place);
  let head = "";
  let ended = false;
  const end = (ok: boolean): void => {
    if (ended) return;
    ended = true;
    clearTimeout(timer);
    socket.destroy();
    onEnd(ok);
  };
  const timer = setTimeout(() => {
    end(false);
  }, patienceMs);
  socket.on("connect", () => {
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${place.host}\r\nUser-Agent: lbctl-drill\r\nConnection: close\r\n\r\n`,
    );
  });
  socket.on("data", (bytes) => {
    head += bytes.toString("latin1");
    if (head.length >= 12) end(/^HTTP\/1\.[01] [1-4]/.test(head));
  });
  socket.on("error", () => {
    end(false);
  });
  socket.on("close", () => {
    end(false);
  });
  return () => {
    ended = true;
    clearTimeout(timer);
    socket.destroy();
  };
}
