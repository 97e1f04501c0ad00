import { hash, rootfsName, type ImageKind, type Release } from "./releases.ts";

/** The half of an Incus image that is not the file system: files that differ from instance to instance. */
export interface ImageMetadata {
  /** Also the image's alias; new whenever anything in the image is. */
  readonly alias: string;
  readonly rootfs: string;
  /** File name in the tar → text. */
  readonly files: Readonly<Record<string, string>>;
}

/** Pure. `backendScript` is the demo backend's text: a change to it needs no new root file system. */
export function imageMetadata(release: Release, kind: ImageKind, backendScript: string): ImageMetadata {
  const templates: Record<string, string> = {
    "/etc/hostname": "{{ container.name }}\n",
    "/etc/hosts":
      "127.0.0.1 localhost\n127.0.1.1 {{ container.name }}.lab {{ container.name }}\n::1 localhost\n",
    "/etc/resolv.conf": 'nameserver {{ config_get("user.lbctl-lab.dns", "127.0.0.1") }}\nsearch lab\n',
    "/etc/default/lab-network": 'ADDRESS={{ config_get("user.lbctl-lab.address", "127.0.0.2") }}\n',
    "/root/.ssh/authorized_keys": '{{ config_get("user.lbctl-lab.ssh-key", "") }}\n',
  };
  if (kind === "backend") {
    templates["/etc/default/demo-backend"] = 'PORT={{ config_get("user.lbctl-lab.port", "8080") }}\n';
    templates["/srv/demo-backend.py"] = `{% verbatim %}${backendScript}{% endverbatim %}`;
  }
  const names = Object.keys(templates).map((path, index) => [path, `${index}.tpl`] as const);
  const rootfs = rootfsName(release, kind);
  // JSON is YAML too
  const metadata = JSON.stringify({
    architecture: architecture(),
    creation_date: 1,
    properties: { os: "debian", release: release.codename, description: `lbctl lab ${kind}` },
    templates: Object.fromEntries(
      names.map(([path, template]) => [path, { when: ["create", "copy"], template }]),
    ),
  });
  const files: Record<string, string> = { "metadata.yaml": metadata };
  for (const [path, template] of names) files[`templates/${template}`] = templates[path] ?? "";
  return { alias: `${rootfs}-${hash(JSON.stringify(files))}`, rootfs, files };
}

function architecture(): string {
  return process.arch === "arm64" ? "aarch64" : "x86_64";
}
