import { randomBytes } from "node:crypto";
import { PassThrough, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as wait } from "node:timers/promises";
import { LbctlError, type Problem } from "../errors.ts";
import type { Becoming } from "../model/fleet.ts";
import { frame, Unframer, type Sudo } from "./frame.ts";
import { idleSignal } from "./idle.ts";
import { LineSplitter } from "./lines.ts";
import type { Remote, RemoteResult, RemoteScript } from "./port.ts";
import { explainSudo, SudoTalk } from "./sudo.ts";

/** The streams of one command. */
export interface Streams {
  readonly input: Readable;
  readonly onOutput: (chunk: Uint8Array) => void;
  readonly onError: (chunk: Uint8Array) => void;
  /** Aborted when nobody waits for the command any more. */
  readonly signal: AbortSignal;
  /** Whether it was aborted because nothing was heard for too long. */
  readonly silent: () => boolean;
}

/** What is known of a command that ended without the script's own status. */
export interface Lost {
  /** What was said on stderr outside of the script. */
  readonly said: string;
  /** What was printed on stdout outside of it. */
  readonly printed: string;
  /** The script had begun. */
  readonly began: boolean;
  /** The way's own word on why: an exit code, an error. */
  readonly cause: string;
}

/** A problem of the way to the host. `again`: nothing was run, and the next attempt may well succeed. */
export interface LinkProblem extends Problem {
  readonly again?: boolean;
  /** `unreachable`, when it is not told. */
  readonly code?: "invalid";
}

/** No link could be made, and nothing was run. `instead`: what OpenSSH might do better, in a few words. */
export class NoLink extends Error {
  readonly problem: LinkProblem;
  readonly instead: string | undefined;

  constructor(problem: LinkProblem, instead?: string) {
    super(problem.what);
    this.problem = problem;
    this.instead = instead;
  }
}

/** A way to run a command on a host. Each transport is one. */
export interface Way {
  /** The host in messages, e.g. `root@192.0.2.1`. */
  readonly target: string;
  /**
   * Runs a command line; resolves with a word on how it ended when that is over, whatever happened to it.
   * Throws NoLink.
   */
  readonly exec: (command: string, streams: Streams) => Promise<string>;
  /** Says why there is no result, unless it was sudo, or silence. Pure. */
  readonly explain: (lost: Lost) => LinkProblem;
  readonly close?: () => Promise<void>;
}

const attempts = 4;

/** The port over a way: framing, sudo, deadlines and words for what went wrong are the same on all. */
export function remoteOver(host: string, becoming: Becoming, way: Way): Remote {
  return {
    host,
    async run(request) {
      for (let attempt = 1; ; attempt++) {
        const { result, problem } = await runOnce(host, becoming, way, request);
        if (result) return result;
        const { again, code = "unreachable", ...told } = problem;
        if (!again || attempt === attempts) throw new LbctlError(code, { at: host, ...told });
        // a busy sshd turns away some of those who come at once (MaxStartups)
        await wait(250 * attempt * (1 + Math.random()), undefined, { signal: request.signal }).catch(() => {
          throw interrupted(host);
        });
      }
    },
    close: () => way.close?.() ?? Promise.resolve(),
  };
}

type Outcome = { result: RemoteResult; problem?: never } | { result?: never; problem: LinkProblem };

async function runOnce(
  host: string,
  { become, becomePassword }: Becoming,
  way: Way,
  request: RemoteScript,
): Promise<Outcome> {
  const nonce = randomBytes(12).toString("hex");
  const input = new PassThrough();
  const talk = become && becomePassword ? new SudoTalk(nonce, becomePassword, input) : undefined;
  const sudo: Sudo = talk ?? (become ? "silent" : "no");
  const framed = frame(nonce, request, sudo);
  const [output, errors] = [new Unframer(nonce, request.onLine), new Unframer(nonce)];
  const idle = idleSignal(request.idleTimeoutMs ?? 60_000);
  const over = new AbortController();
  const send = (): void =>
    void pipeline(inputOf(framed.input, request.payload, idle.touch, over.signal), input).catch(
      () => undefined,
    );
  const outputLines = new LineSplitter((line) => {
    if (talk?.isReady(line)) send();
    else output.take(line);
  });
  const errorLines = new LineSplitter((line) => {
    errors.take(line);
  });
  if (!talk) send();

  const signal = request.signal ? AbortSignal.any([idle.signal, request.signal]) : idle.signal;
  const streams: Streams = {
    input,
    signal,
    silent: idle.expired,
    onOutput: (chunk) => {
      idle.touch();
      outputLines.take(chunk);
    },
    onError: (chunk) => {
      idle.touch();
      if (!errors.began) talk?.hear(chunk);
      errorLines.take(chunk);
    },
  };
  const cause = await way
    .exec(framed.command, streams)
    .catch((error: unknown) => {
      if (error instanceof NoLink) return error;
      throw error;
    })
    .finally(() => {
      idle.stop();
      over.abort();
      input.destroy();
    });
  if (request.signal?.aborted) throw interrupted(host);
  const { status, began } = output;
  if (status !== undefined) return { result: { status, stdout: output.output, stderr: errors.output } };
  if (cause instanceof NoLink) return { problem: cause.problem };
  if (idle.expired()) return { problem: silent(way.target) };
  const said = [...errors.outside, errorLines.unfinished].join("\n").trim();
  const printed = [...output.outside, outputLines.unfinished].join("\n").trim();
  const bySudo = become && !began ? explainSudo(said, way.target, talk?.refused ?? false) : undefined;
  return { problem: bySudo ?? way.explain({ said, printed, began, cause }) };
}

async function* inputOf(
  first: Uint8Array,
  payload: RemoteScript["payload"],
  onPart: () => void,
  over: AbortSignal,
): AsyncGenerator<Uint8Array> {
  yield* slices(first, onPart);
  if (typeof payload === "function") yield* payload(over);
}

/** In parts, so that a long upload over a slow link counts as progress. */
function* slices(bytes: Uint8Array, onPart: () => void): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += 65_536) {
    onPart();
    yield bytes.subarray(start, start + 65_536);
  }
}

function silent(target: string): Problem {
  return { what: `${target} stopped answering`, hint: "Check the network and the host, then run it again." };
}

/** For a link that was lost while a script ran, whatever the way. */
export function lostWhileRunning(target: string, why: string): Problem {
  return {
    what: `the connection to ${target} was lost while a script ran${why === "" ? "" : ` (${why})`}`,
    hint: "Run it again: lbctl looks first at what is there.",
  };
}

export function interrupted(host: string): LbctlError {
  return new LbctlError("interrupted", {
    what: "interrupted",
    at: host,
    hint: "Run it again: lbctl looks first at what is there.",
  });
}
