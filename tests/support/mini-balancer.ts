import { createServer, request, type Server } from "node:http";
import { createServer as createSocket, type AddressInfo, type Server as SocketServer } from "node:net";
import { present } from "./present.ts";

export interface MiniServer {
  readonly name: string;
  readonly port: number;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A backend that answers 200 with its name in X-Server, and can die and come back on the same port. */
export async function miniServer(name: string): Promise<MiniServer> {
  let server: Server | null = null;
  let port = 0;
  const self = {
    name,
    get port() {
      return port;
    },
    async start() {
      const started = createServer((_request, response) => {
        response.setHeader("X-Server", name).end(name);
      });
      await new Promise<void>((resolve) => started.listen(port, "127.0.0.1", resolve));
      port = (started.address() as AddressInfo).port;
      server = started;
    },
    async stop() {
      const ending = server;
      server = null;
      if (!ending) return;
      ending.closeAllConnections();
      await new Promise((resolve) => ending.close(resolve));
    },
  };
  await self.start();
  return self;
}

export interface MiniBalancer {
  readonly port: number;
  close(): void;
}

/**
 * The least that a drill needs of a load balancer: checks every 50 ms, an admin socket that answers "show stat"
 * and "show info", and, unless told otherwise, a second server tried when the first does not answer.
 */
export async function miniBalancer(options: {
  readonly servers: readonly MiniServer[];
  readonly socket: string;
  readonly retries: boolean;
}): Promise<MiniBalancer> {
  const members = options.servers.map((server) => ({ server, up: true, sessions: 0, redispatches: 0 }));
  type Member = (typeof members)[number];
  const ask = async (member: Member, path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      request({ port: member.server.port, host: "127.0.0.1", path, agent: false }, (response) => {
        response.resume().on("end", () => {
          resolve(String(response.headers["x-server"]));
        });
      })
        .on("error", reject)
        .end();
    });
  const checks = setInterval(() => {
    for (const member of members)
      void ask(member, "/health").then(
        () => (member.up = true),
        () => (member.up = false),
      );
  }, 50);

  let turn = 0;
  const front = createServer((_incoming, outgoing) => {
    const usable = members.filter(({ up }) => up);
    const order = usable.map((_member, at) => present(usable[(turn + at) % usable.length]));
    turn++;
    const serve = async (): Promise<void> => {
      for (const member of options.retries ? order : order.slice(0, 1)) {
        member.sessions++;
        try {
          outgoing.setHeader("X-Server", await ask(member, "/")).end("ok");
          return;
        } catch {
          member.redispatches++;
        }
      }
      outgoing.writeHead(503).end();
    };
    void serve();
  });
  const admin: SocketServer = createSocket((connection) => {
    connection.once("data", (bytes) => {
      const rows = members.map(
        ({ server, up, sessions, redispatches }) =>
          `api_pool,${server.name},${up ? "UP" : "DOWN"},0,1,${sessions},0,${redispatches},127.0.0.1:${server.port},2,${up ? "L4OK" : "L4CON"}`,
      );
      const stat = [
        "# pxname,svname,status,scur,weight,stot,wretr,wredis,addr,type,check_status",
        ...rows,
      ].join("\n");
      connection.end(bytes.toString().startsWith("show info") ? "Version: 0\nPid: 7\n\n" : `${stat}\n\n`);
    });
    connection.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => front.listen(0, "127.0.0.1", resolve));
  await new Promise<void>((resolve) => admin.listen(options.socket, resolve));
  return {
    port: (front.address() as AddressInfo).port,
    close() {
      clearInterval(checks);
      front.closeAllConnections();
      front.close();
      admin.close();
    },
  };
}
