import { connect, type Socket } from "node:net";

/** As OpenSSH's ConnectTimeout for the other transport. */
export const connectTimeoutMs = 10_000;

/** Without TCP_NODELAY each command would wait 40 ms for the other side's delayed acknowledgement. */
export function dial(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal, noDelay: true, timeout: connectTimeoutMs });
    socket.once("connect", () => {
      socket.setTimeout(0);
      resolve(socket);
    });
    socket.once("timeout", () => {
      socket.destroy(new Error("the connection timed out"));
    });
    socket.once("error", reject);
  });
}
