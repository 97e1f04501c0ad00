// A process of its own, so that nothing else delays it: relay.mjs ROUND_TRIP_MS HOST:PORT… prints the port at which it
// listens for each, one a line.
import { createServer, Socket, type AddressInfo } from "node:net";

/**
 * Passes every byte on, half a round trip later. TCP's handshake takes a round trip before the client may speak, and
 * half of one more before the server knows of it; so it does here.
 */
function listen(roundTripMs: number, host: string, port: number): Promise<number> {
  const server = createServer({ noDelay: true, pauseOnConnect: true, allowHalfOpen: true }, (client) => {
    const upstream = new Socket({ allowHalfOpen: true }).setNoDelay(true);
    setTimeout(() => {
      pass(client, upstream, roundTripMs / 2);
      client.resume();
    }, roundTripMs);
    setTimeout(() => {
      upstream.connect(port, host);
    }, roundTripMs * 1.5);
    pass(upstream, client, roundTripMs / 2);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function pass(from: Socket, to: Socket, delayMs: number): void {
  from.on("data", (bytes) => {
    setTimeout(() => to.write(bytes), delayMs);
  });
  from.on("end", () => {
    setTimeout(() => to.end(), delayMs);
  });
  from.on("error", ({ message }) => {
    process.stderr.write(`relay: ${message}\n`);
    to.destroy();
  });
}

// whoever started this is gone
process.stdin.resume().on("end", () => process.exit());
const [roundTrip = "0", ...targets] = process.argv.slice(2);
for (const target of targets) {
  const [host = "", port = "22"] = target.split(":");
  process.stdout.write(`${String(await listen(Number(roundTrip), host, Number(port)))}\n`);
}
