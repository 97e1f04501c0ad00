import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inside, output } from "./lab.ts";
import { root, run } from "./lbctl.ts";

/** A self-signed certificate for this name: the certificate alone, and with its key. */
export async function selfSigned(name: string): Promise<{ certificate: string; withKey: string }> {
  const folder = mkdtempSync(join(tmpdir(), "lbctl-certificate-"));
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const made = await run("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"],
    ...["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`, "-keyout", key, "-out", certificate],
  ]);
  if (made.code !== 0) throw new Error(made.stderr);
  const text = readFileSync(certificate, "utf8");
  return { certificate: text, withKey: text + readFileSync(key, "utf8") };
}

export async function writeFile(host: string, path: string, text: string): Promise<void> {
  await output(host, `cat > ${path} <<'END'\n${text}END`);
}

const script = readFileSync(join(root, "tests/support/own-servers.py"), "utf8");

/** Starts own-servers.py on a host, as this unit; resolves when each port answers. */
export async function startServers(host: string, unit: string, ...words: readonly string[]): Promise<void> {
  await writeFile(host, "/run/own-servers.py", script);
  await stopServers(host, unit);
  await output(host, `systemd-run -q --unit ${unit} python3 /run/own-servers.py ${words.join(" ")}`);
  const ports = words.map((word) => word.split("=")[1] ?? "");
  const listen = ports.map((port) => `ss -Htln 'sport = :${port}' | grep -q .`).join(" && ");
  await output(host, `for i in $(seq 100); do ${listen} && exit; sleep 0.1; done; exit 1`);
}

export async function stopServers(host: string, unit: string): Promise<void> {
  await inside(host, `systemctl stop ${unit}`);
}
