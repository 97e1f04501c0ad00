import { LbctlError } from "../errors.ts";

export type HaproxyRelease = "2.6" | "3.0";
export type MemberRole = "lb" | "api" | "stream";

/** How many of each, and which HAProxy they can install. */
export interface LabSize {
  readonly lb: number;
  readonly api: number;
  readonly stream: number;
  readonly haproxy: HaproxyRelease;
}

/** One container that the lab should have. */
export interface Member {
  readonly name: string;
  readonly role: MemberRole;
  readonly ip: string;
  /** The port of its demo backend. */
  readonly port?: number;
}

interface Kind {
  readonly prefix: string;
  /** Addresses of a role never move when the count of another changes. */
  readonly offset: number;
  readonly max: number;
  readonly port?: number;
}

const kinds: Readonly<Record<MemberRole, Kind>> = {
  lb: { prefix: "lb", offset: 10, max: 40 },
  api: { prefix: "backend-api", offset: 50, max: 50, port: 8080 },
  stream: { prefix: "stream-server", offset: 100, max: 50, port: 8082 },
};

/** `subnet` is the first three numbers of the bridge's /24. */
export function labMembers(size: LabSize, subnet: string): readonly Member[] {
  return (["lb", "api", "stream"] as const).flatMap((role) => {
    const { prefix, offset, max, port } = kinds[role];
    const count = size[role];
    if (!Number.isInteger(count) || count < 0 || count > max) {
      throw new LbctlError("invalid", {
        what: `--${role} must be a whole number from 0 to ${max}, not ${count}`,
      });
    }
    return Array.from({ length: count }, (_, index) => ({
      name: `${prefix}-${index + 1}`,
      role,
      ip: `${subnet}.${offset + index + 1}`,
      ...(port === undefined ? {} : { port }),
    }));
  });
}

/** Every container that a lab of any size may have. */
export function everyMember(subnet: string): readonly Member[] {
  return labMembers(
    { lb: kinds.lb.max, api: kinds.api.max, stream: kinds.stream.max, haproxy: "2.6" },
    subnet,
  );
}
