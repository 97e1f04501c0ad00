import http from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

export interface Reply {
  readonly status: number;
  readonly server: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** One GET on a connection of its own. */
export function get(url: string, headers: Record<string, string> = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { headers, agent: false, timeout: 10_000 }, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString()));
      response.on("error", reject);
      response.on("end", () => {
        const server = String(response.headers["x-server"] ?? "");
        resolve({ status: response.statusCode ?? 0, server, headers: response.headers, body });
      });
    });
    request.on("timeout", () => request.destroy(new Error("timeout")));
    request.on("error", reject);
  });
}

export interface LoadResult {
  readonly sent: number;
  readonly failures: string[];
}

/** Milliseconds that a client rests; without any, the load itself takes the processor from what is tested. */
const restMs = 5;

/**
 * Requests one after another from `clients` at once, half of them over kept connections, until `stop` is called.
 * Every answer but a 200 is a failure.
 */
export function startLoad(url: string, clients: number): { stop: () => Promise<LoadResult> } {
  let running = true;
  let sent = 0;
  const failures: string[] = [];
  const agent = new http.Agent({ keepAlive: true, maxSockets: clients });
  const one = (keep: boolean): Promise<void> =>
    new Promise((resolve) => {
      sent += 1;
      const fail = (why: string): void => {
        failures.push(why);
        resolve();
      };
      const request = http.get(url, { agent: keep ? agent : false, timeout: 10_000 }, (response) => {
        response.resume();
        response.on("error", (error) => {
          fail(error.message);
        });
        response.on("end", () => {
          if (response.statusCode === 200) resolve();
          else fail(`status ${String(response.statusCode)}`);
        });
      });
      request.on("timeout", () => request.destroy(new Error("timeout")));
      request.on("error", (error) => {
        fail(error.message);
      });
    });
  const client = async (keep: boolean): Promise<void> => {
    while (running && sent < 200_000) {
      await one(keep);
      await sleep(restMs);
    }
  };
  const clientsDone = Promise.all(Array.from({ length: clients }, (_, index) => client(index % 2 === 0)));
  return {
    stop: async () => {
      running = false;
      await clientsDone;
      agent.destroy();
      return { sent, failures };
    },
  };
}

interface WebSocketClient {
  /** The first text message: in the lab, the server's name. */
  readonly first: string;
  readonly echo: (text: string) => Promise<string>;
  readonly close: () => void;
  /** Resolves when the connection ends, from either side. */
  readonly closed: Promise<void>;
}

/** Opens a WebSocket (RFC 6455) and returns the first text message and the connection. */
export function openWebSocket(url: string, headers: Record<string, string> = {}): Promise<WebSocketClient> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, {
      agent: false,
      timeout: 10_000,
      headers: {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": Buffer.from("0123456789abcdef").toString("base64"),
        ...headers,
      },
    });
    request.on("error", reject);
    request.on("response", (response) => {
      reject(new Error(`no upgrade: ${String(response.statusCode)}`));
    });
    request.on("upgrade", (_response, socket, head) => {
      let buffered = head;
      const waiting: ((text: string) => void)[] = [];
      const deliver = (): void => {
        // Text messages of up to 125 bytes from a server: no mask, one length byte.
        while (buffered.length >= 2 && buffered.length >= 2 + (buffered[1] ?? 0)) {
          const length = buffered[1] ?? 0;
          const text = buffered.subarray(2, 2 + length).toString();
          buffered = buffered.subarray(2 + length);
          waiting.shift()?.(text);
        }
      };
      socket.on("data", (chunk: Buffer) => {
        buffered = Buffer.concat([buffered, chunk]);
        deliver();
      });
      socket.on("error", () => undefined);
      const closed = new Promise<void>((done) => {
        socket.on("close", done);
      });
      const next = (): Promise<string> =>
        new Promise((done) => {
          waiting.push(done);
          deliver();
        });
      const echo = (text: string): Promise<string> => {
        const payload = Buffer.from(text);
        // A zero mask leaves the payload as it is.
        socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]));
        return next();
      };
      void next().then((first) => {
        resolve({ first, echo, close: () => socket.destroy(), closed });
      });
    });
  });
}
