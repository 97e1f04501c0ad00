import { readFileSync } from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { askRuntime, answerText, parseAnswers, runtimeScript } from "../../../src/haproxy/runtime.ts";
import { localRemote } from "../../support/local-remote.ts";

const fixture = (name: string): string =>
  readFileSync(new URL(`../../fixtures/haproxy/${name}`, import.meta.url), "utf8");

describe("a Runtime API script", () => {
  it.each([
    "show stat; set server a/b state maint",
    "show stat\nshow info",
    "show stat\n",
    "show 'stat'",
    "show $(id)",
    "debug dev exec id",
    "show  stat",
    "set map <<",
    "",
  ])("is never made from %j", (command) => {
    expect(() => runtimeScript([command])).toThrow(/not a Runtime API command/);
  });

  it.each([
    "show stat api_pool 6 -1",
    "set server api_pool/web-1 state drain",
    "@1 show info",
    "show map lists/x.map",
  ])("may hold %j", (command) => {
    expect(runtimeScript([command])).toContain(`'${command}'`);
  });

  it.each(["relative.sock", "/run/a b", "/run/x'; id; '"])("is never made for the socket %j", (socket) => {
    expect(() => runtimeScript(["show info"], socket)).toThrow(/not a socket path/);
  });

  it("uses only modules of perl-base", () => {
    const used = [...runtimeScript(["show info"]).matchAll(/\buse ([A-Za-z:]+)/g)].map((match) => match[1]);
    expect(used).toEqual(["strict"]);
  });
});

describe.each(["2.6", "3.0"])("answers that HAProxy %s gave", (version) => {
  const commands = [
    "show stat",
    "show info",
    "set server api_pool/nope state drain",
    "show foo",
    "set server api_pool/backend-api-1 weight 999",
    "show stat nope 6 -1",
    "set server api_pool/backend-api-1 state ready",
  ];
  const answers = parseAnswers(fixture(`answers-${version}.txt`), commands);

  it("tell a refusal from a success", () => {
    expect(answers.map(({ ok }) => ok)).toEqual([true, true, false, false, false, false, true]);
    expect(answers[2]).toMatchObject({ why: "No such server." });
    expect(answers[5]).toMatchObject({ why: "No such proxy." });
  });

  it("cannot be faked by a description that looks like a frame", () => {
    expect(answerText("lb-1", answers[1])).toContain("description: lbctl-end 2 |x lbctl-answer 1 ok");
    expect(answers).toHaveLength(commands.length);
  });

  it("are refused when the end is cut off", () => {
    const cut = fixture(`answers-${version}.txt`).replace(/lbctl-end 7\n$/, "");
    expect(() => parseAnswers(cut, commands)).toThrow(/incomplete/);
    expect(() => parseAnswers(cut.slice(0, 900), commands)).toThrow(/incomplete/);
  });

  it("make an error that names the host when a refusal is read as an answer", () => {
    expect(() => answerText("lb-1", answers[3])).toThrow(
      /lb-1: HAProxy did not answer "show foo": Unknown command/,
    );
  });
});

describe("asking over a real Unix socket", () => {
  const folder = mkdtempSync(join(tmpdir(), "lbctl-runtime-"));
  const socket = join(folder, "admin.sock");
  let server: Server;

  beforeAll(async () => {
    server = createServer((connection) => {
      connection.once("data", (bytes) => {
        connection.end(`asked: ${bytes.toString()}lbctl-end 1\n\n|x\n`);
      });
    });
    await new Promise<void>((resolve) => server.listen(socket, resolve));
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  it("uses a connection for each command and keeps lines that look like frames", async () => {
    const answers = await askRuntime(localRemote("lb-1"), ["show info", "show stat"], { socket });
    expect(answers).toEqual([
      { command: "show info", ok: true, text: "asked: show info\nlbctl-end 1\n\n|x" },
      { command: "show stat", ok: true, text: "asked: show stat\nlbctl-end 1\n\n|x" },
    ]);
  });

  it("says why when nothing listens", async () => {
    const [answer] = await askRuntime(localRemote("lb-1"), ["show info"], { socket: `${folder}/none.sock` });
    expect(answer).toEqual({
      command: "show info",
      ok: false,
      why: `${folder}/none.sock: No such file or directory`,
    });
  });
});
