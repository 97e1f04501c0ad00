import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface RelayOptions {
  /** Cut both sides after so many bytes from the server, or to it. */
  readonly cutAfter?: { readonly from: "server" | "client"; readonly bytes: number };
  /** Pass nothing on any more after so many bytes from the server. */
  readonly swallowAfter?: number;
  /** One way, in milliseconds. */
  readonly delayMs?: number;
  /** The address that it listens at, instead of loopback's. */
  readonly at?: string;
  /** To the server, no faster than this. */
  readonly bytesPerSecond?: number;
}

export interface Relay {
  readonly port: number;
  /** Bytes of all connections so far, and how many there were. */
  readonly seen: { server: number; client: number; connections: number };
  close(): void;
}

/** A TCP relay, on loopback where nothing else is asked for, that misbehaves as told. */
export async function startRelay(host: string, port: number, options: RelayOptions = {}): Promise<Relay> {
  const seen = { server: 0, client: 0, connections: 0 };
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect({ host, port, noDelay: true });
    client.setNoDelay(true);
    seen.connections += 1;
    const count = { server: 0, client: 0 };
    const both = [client, target] as const;
    const drop = (): void => {
      for (const each of both) each.destroy();
    };
    for (const socket of both) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        setTimeout(drop, (options.delayMs ?? 0) + 1);
      });
    }
    const pass = (from: "server" | "client", to: Socket) => (chunk: Buffer) => {
      const { cutAfter, swallowAfter, delayMs } = options;
      const left = cutAfter?.from === from ? cutAfter.bytes - count[from] : Infinity;
      count[from] += chunk.length;
      seen[from] += chunk.length;
      if (swallowAfter !== undefined && count.server > swallowAfter) return;
      const send = (): void => {
        if (left >= chunk.length) to.write(chunk);
        else to.end(chunk.subarray(0, Math.max(left, 0)), drop);
      };
      if (delayMs === undefined) send();
      else setTimeout(send, delayMs);
    };
    target.on("data", pass("server", client));
    client.on("data", pass("client", target));
    const { bytesPerSecond } = options;
    if (bytesPerSecond !== undefined) {
      client.on("data", (chunk: Buffer) => {
        client.pause();
        setTimeout(() => client.resume(), (1000 * chunk.length) / bytesPerSecond);
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, options.at ?? "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    close() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
