import { connect, type Socket } from "node:net";

/** As OpenSSH's ConnectTimeout for the other transport. */
export const connectTimeoutMs = 10_000;

/** Without TCP_NODELAY each command would wait 40 ms for the other side's delayed acknowledgement. */
export function dial(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, signal, noDelay: true, timeout: connectTimeoutMs });
    socket.once("connect", () => {
      socket.setTimeout(0);
      sendTogether(socket);
      resolve(socket);
    });
    socket.once("timeout", () => {
      socket.destroy(new Error("the connection timed out"));
    });
    socket.once("error", reject);
  });
}

/** Makes one segment of what is written in one turn: ssh2 writes a packet in three parts. */
function sendTogether(socket: Socket): void {
  const write = socket.write.bind(socket);
  socket.write = (...words: unknown[]): boolean => {
    if (socket.writableCorked === 0) {
      socket.cork();
      process.nextTick(() => {
        socket.uncork();
      });
    }
    return write(...(words as [Uint8Array]));
  };
}
