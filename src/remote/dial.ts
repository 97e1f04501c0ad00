import { Socket } from "node:net";

/** As OpenSSH's ConnectTimeout for the other transport. */
export const connectTimeoutMs = 10_000;

/** Sends what is written in one turn as one segment: ssh2 writes a packet in three parts. */
class PacketSocket extends Socket {
  override write(...words: unknown[]): boolean {
    if (this.writableCorked === 0) {
      this.cork();
      process.nextTick(() => {
        this.uncork();
      });
    }
    return super.write(...(words as [Uint8Array]));
  }
}

/** Without TCP_NODELAY each command would wait 40 ms for the other side's delayed acknowledgement. */
export function dial(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = new PacketSocket({ signal });
    socket.setNoDelay(true).setTimeout(connectTimeoutMs);
    socket.connect({ host, port });
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
