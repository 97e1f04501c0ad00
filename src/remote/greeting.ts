import type { Socket } from "node:net";

/** What a server says in the open, before encryption begins (RFC 4253, sections 4.2 and 7.1). */
export interface Greeting {
  /** It speaks SSH. */
  readonly isSsh: () => boolean;
  /** It has a host certificate: it offers to show one. */
  readonly offersCertificate: () => boolean;
  readonly stop: () => void;
}

const longestGreeting = 1024 * 1024;

export function hearGreeting(socket: Socket): Greeting {
  let said = "";
  const hear = (chunk: Buffer): void => {
    // a server that says so much before it begins is none
    if (said.length < longestGreeting) said += chunk.toString("latin1");
  };
  socket.on("data", hear);
  return {
    isSsh: () => said.includes("SSH-"),
    offersCertificate: () => said.includes("-cert-v01@openssh.com"),
    stop: () => socket.off("data", hear),
  };
}
