/**
 * The firmware for Linux, as its manifest builds it, through the simulated module to mosquitto: what must
 * connect, and what must fail with one typed failure.
 */
import { join } from "node:path";
import type { ModuleName } from "../../hosts/firmware/config.js";
import { absoluteManifest, configured } from "./manifest.js";
import { BROKER, credentials, type Pki } from "./pki.js";
import {
  broker,
  fragmenting,
  lastLines,
  Modem,
  PTY,
  run,
  type BrokerOptions,
  type Server,
} from "./processes.js";
import { root, type Toolchain } from "./toolchain.js";

const STATIC_RSA = "AES128-SHA256";
const TLS12 = "tls_version tlsv1.2";

interface Case {
  readonly name: string;
  readonly route: "module-tls" | "host-tls";
  readonly modules?: readonly ModuleName[];
  readonly device?: "rsa" | "p256" | "none" | "stranger" | "mismatched" | "cut" | "otherCa";
  readonly server?: keyof Pki["servers"];
  /** Lines of the listener's configuration, by module. */
  readonly lines?: (module: ModuleName) => readonly string[];
  /** Bytes of the records that the server cuts its messages into. */
  readonly fragment?: number;
  readonly expected: RegExp;
}

const OK = /^handshake .*[^]*^done/m;
const fails = (code: number, words: string): RegExp =>
  new RegExp(`^failure broker tls ${code} .*${words}`, "m");
const suites = (list: string) => (): readonly string[] => [`ciphers ${list}`, TLS12];

const cases: readonly Case[] = [
  {
    name: "mutual authentication, publishing",
    route: "module-tls",
    // The BC66's own TLS has nothing else.
    lines: module => (module === "bc66" ? suites(STATIC_RSA)() : []),
    expected: /^mqtt [^]*^done/m,
  },
  { name: "C02F, RSA client key", route: "host-tls", expected: OK },
  { name: "C02F, P-256 client key", route: "host-tls", device: "p256", expected: OK },
  {
    name: "C02B (server on P-256), P-256 client key",
    route: "host-tls",
    device: "p256",
    server: "p256",
    expected: OK,
  },
  { name: "003C", route: "host-tls", lines: suites(STATIC_RSA), expected: OK },
  { name: "C027", route: "host-tls", lines: suites("ECDHE-RSA-AES128-SHA256"), expected: OK },
  {
    name: "the server's certificate alone, issued by the trusted one",
    route: "host-tls",
    server: "leafAlone",
    expected: OK,
  },
  { name: "records of 512 bytes (`max_send_fragment`)", route: "host-tls", fragment: 512, expected: OK },
  { name: "records of 1,024 bytes", route: "host-tls", fragment: 1024, expected: OK },
  {
    name: "certificate for another name",
    route: "host-tls",
    server: "otherName",
    expected: fails(42, "not for broker"),
  },
  { name: "expired certificate", route: "host-tls", server: "expired", expected: fails(45, "expired") },
  {
    name: "certificate of tomorrow",
    route: "host-tls",
    server: "future",
    expected: fails(45, "not yet valid"),
  },
  { name: "another CA", route: "host-tls", device: "otherCa", expected: fails(48, "does not lead to") },
  {
    name: "a server of another CA",
    route: "host-tls",
    server: "stranger",
    expected: fails(48, "does not lead to"),
  },
  {
    name: "altered certificate",
    route: "host-tls",
    server: "altered",
    expected: fails(48, "does not lead to"),
  },
  {
    name: "intermediate missing",
    route: "host-tls",
    server: "noIntermediate",
    expected: fails(48, "does not lead to"),
  },
  {
    name: "no certificate where one is required",
    route: "host-tls",
    device: "none",
    expected: fails(40, ""),
  },
  {
    name: "RSA key beside a certificate on P-256",
    route: "host-tls",
    device: "mismatched",
    expected: fails(47, ""),
  },
  {
    name: "certificate cut short",
    route: "host-tls",
    device: "cut",
    expected: /^failure broker (tls 50|credential) /m,
  },
  {
    name: "certificate the broker does not know",
    route: "host-tls",
    device: "stranger",
    expected: fails(48, ""),
  },
  {
    name: "no suite in common",
    route: "host-tls",
    lines: suites("ECDHE-RSA-AES256-GCM-SHA384"),
    expected: fails(40, ""),
  },
  { name: "TLS 1.3 only", route: "host-tls", lines: () => ["tls_version tlsv1.3"], expected: fails(70, "") },
];

function deviceOf(kind: NonNullable<Case["device"]>, pki: Pki): string {
  const { ca, other, devices } = pki;
  const { rsa, p256, stranger } = devices;
  const parts = {
    rsa,
    p256,
    stranger,
    none: { certificate: undefined, key: undefined },
    mismatched: { certificate: p256.certificate, key: rsa.key },
    cut: { certificate: rsa.certificate.slice(0, -40), key: rsa.key },
    otherCa: rsa,
  }[kind];
  return credentials(kind, {
    ca: kind === "otherCa" ? other.certificate : ca.certificate,
    certificate: parts.certificate,
    key: parts.key,
  });
}

/** `tls 42 ... the certificate is not for ...`, or the handshake's figures. */
function outcome(text: string): string {
  const [, failure] = /^failure (broker .*)$/m.exec(text) ?? /^failure (.*)$/m.exec(text) ?? [];
  const [, handshake] = /^handshake (.*)$/m.exec(text) ?? [];
  const [abort] = /^LAUNCHER .*$/m.exec(text) ?? [];
  return abort ?? failure ?? (handshake === undefined ? "published" : `published; ${figures(handshake)}`);
}

function figures(handshake: string): string {
  const [suite, sent, received, commands] = handshake.split(" ");
  return `${Number(suite).toString(16).toUpperCase().padStart(4, "0")}, ${sent} bytes sent, ${received} received, ${commands} commands`;
}

export interface Row {
  readonly module: ModuleName;
  readonly name: string;
  readonly outcome: string;
  readonly passed: boolean;
}

async function server(tools: Toolchain, pki: Pki, one: Case, module: ModuleName): Promise<readonly Server[]> {
  const issued = pki.servers[one.server ?? "rsa"];
  const clients = pki.ca.certificatePem;
  const options: BrokerOptions = { server: issued, clients, lines: one.lines?.(module) };
  if (one.fragment === undefined) return [await broker(tools, options)];
  const plain = await broker(tools, {});
  return [await fragmenting({ server: issued, clients }, plain.port, one.fragment), plain];
}

/** Runs every case whose name or module matches. */
export async function handshakes(
  tools: Toolchain,
  launcher: string,
  pki: Pki,
  filter: RegExp,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const manifest = absoluteManifest(join(root, "manifest.json"));
  for (const module of ["bg95", "bc66"] as const)
    for (const one of cases) {
      const name = `${one.route}: ${one.name}`;
      if (!filter.test(`${module} ${name}`) || one.modules?.includes(module) === false) continue;
      const config = {
        module,
        route: one.route,
        device: PTY,
        broker: { host: BROKER, port: 8883, secure: true, verify: true },
        attempts: 1,
        count: 3,
        lingerMs: 200,
        subscribe: "",
      };
      const library = tools.build(
        "firmware",
        configured(manifest, config, deviceOf(one.device ?? "rsa", pki)),
      );
      const servers = await server(tools, pki, one, module);
      const modem = await Modem.start(module, { [BROKER]: `127.0.0.1:${servers[0]?.port ?? 0}` });
      const text = await run(launcher, library, said => /^(done|gave-up|LAUNCHER)/m.test(said), 90);
      await modem.stop();
      await Promise.all(servers.map(each => each.stop()));
      const passed = one.expected.test(text) && !/^LAUNCHER/m.test(text);
      if (!passed) process.stderr.write(lastLines(text));
      rows.push({ module, name, outcome: outcome(text), passed });
      console.log(`${passed ? "passes" : "FAILS "} ${module} ${name}: ${outcome(text)}`);
    }
  return rows;
}
