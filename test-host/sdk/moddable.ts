/**
 * Moddable's own examples and tests, unchanged, over `device.network` and the simulated module. What of
 * their surroundings is replaced stands in `app/`: the TCP class, the older MQTT client, the globals.
 */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { ModuleName } from "../../hosts/firmware/config.js";
import { modulesOf } from "../../scripts/manifests/graph.js";
import { pkcs8Of, RFC6979, signatureVectors } from "../spec/linux/signature-vectors.js";
import type { ManifestText } from "./manifest.js";
import { credentials, type Pki } from "./pki.js";
import { broker, lastLines, Modem, PTY, run, type Server } from "./processes.js";
import { root, work, type Toolchain } from "./toolchain.js";

const FILES = join(work, "files");
const VECTOR_FILE = join(work, "vectors");
const ENTRY = "test-host/sdk/app/main";
const SETUP = "hosts/linux/network";
const APP = "test-host/sdk/app";
const VECTORS = "test-host/sdk/app/vectors";

type Route = "module-tls" | "host-tls";

const TCP_TESTS = [
  "close-immediate",
  "close",
  "constructor-no-address",
  "constructor-port",
  "constructor",
  "format",
  "from",
  "invalid-receiver",
  "no-callbacks",
  "onError",
  "onReadable",
  "onWritable-overflow",
  "onWritable",
  "read-beyond-available",
  "read-into-view",
  "read-no-argument",
  "read-outside-callback",
  "remoteAddress",
  "remotePort",
  "target",
  "write-outside-callback",
];

/** Where the tests of MQTT expect which server. */
const MQTT_TESTS: readonly (readonly [string, keyof Servers])[] = [
  ["clientecho", "mqtt"],
  ["mqtt-echo", "mqtt"],
  ["mqtt-unsubscribe", "mqtt"],
  ["mqtt-will", "mqtt"],
  ["mqtt-close-immediate", "mqtt"],
  ["mqtt-close-message", "mqtt"],
  ["mqtt-close-ready", "mqtt"],
  ["mqtt-auth-success", "user"],
  ["mqtt-auth-fail", "user"],
  ["mqtt-bad-endpoint", "http"],
  ["mqtt-bad-host", "mqtt"],
  ["mqtt-echo-secure", "mqtts"],
  ["mqtt-expired-cert", "expired"],
];

interface Servers {
  readonly mqtt: Server;
  readonly mqtts: Server;
  readonly user: Server;
  readonly expired: Server;
  readonly http: Server;
  readonly https: Server;
}

interface Example {
  readonly name: string;
  readonly host: string;
  readonly server: keyof Servers;
  /** What it must have said. */
  readonly expected: readonly RegExp[];
}

/** What the examples of MQTT say when all went well, and the bytes of the long message that they publish and are sent back. */
const MQTT_SAYS = [
  /^SUBACK - \d+$/m,
  /^UNSUBACK - \d+$/m,
  /^Ping response$/m,
  /^PUBCOMP - \d+$/m,
  /^SMALL$/m,
  /^PUBACK - 1234$/m,
];
const LONG_MESSAGE = 3 + 16 * 1024;
const HTTP_SAYS = [0, 1, 2].flatMap(i => [
  new RegExp(`^you asked for /\\?${i}$`, "m"),
  new RegExp(`\\*\\*DONE ${i} \\*\\*`),
]);

/** Bytes of the lines without a space, of the letters that the long message is made of. */
function lettersOf(text: string): number {
  return [...text.matchAll(/^[@-~]+$/gm)]
    .filter(([line]) => line !== "SMALL")
    .reduce((sum, [line]) => sum + line.length, 0);
}

const EXAMPLES: readonly Example[] = [
  { name: "mqttclient", host: "test.mosquitto.org", server: "mqtt", expected: MQTT_SAYS },
  { name: "mqttsclient", host: "broker.hivemq.com", server: "mqtts", expected: MQTT_SAYS },
  { name: "httpclient", host: "example.com", server: "http", expected: HTTP_SAYS },
  { name: "httpsclient", host: "www.example.edu", server: "https", expected: HTTP_SAYS },
];

/** The application that contains everything; which program it runs a file tells. */
function manifest(module: ModuleName, route: Route, device: string): ManifestText {
  const own = [...new Set([ENTRY, SETUP, VECTORS].flatMap(entry => [...modulesOf(root, entry)]))];
  const modules: Record<string, string> = {};
  for (const name of own) modules[name] = join(root, name);
  const preload = own.filter(
    name => ![ENTRY, SETUP, VECTORS, `${APP}/assert`, "hosts/linux/entropy"].includes(name),
  );
  const examples = "$(MODDABLE)/examples/io/tcp";
  const tests = "$(MODDABLE)/tests/modules";
  return {
    build: { IO: "$(MODDABLE)/modules/io" },
    include: [
      "$(MODDABLE)/examples/manifest_base.json",
      "$(MODDABLE)/modules/io/serial/manifest.json",
      "$(MODDABLE)/modules/crypt/tls_419.json",
      "$(MODDABLE)/modules/io/files/manifest.json",
      "$(MODDABLE)/modules/base/modules/manifest.json",
      "$(MODDABLE)/modules/data/text/decoder/manifest.json",
    ],
    defines: { ECMA419: { enabled: 1 } },
    creation: { main: ENTRY, stack: 1024 },
    strip: [],
    config: { module, route, device: PTY, baud: 115_200, files: FILES, apn: "", tls: { DHE_RSA: false } },
    modules: {
      ...modules,
      "setup/network": join(root, "hosts/linux/setup-network"),
      "embedded:io/socket/tcp": join(root, APP, "tcp"),
      mqtt: join(root, APP, "mqtt"),
      "sdk/vectors": VECTOR_FILE,
      "sdk/tcp": "$(MODDABLE)/modules/io/socket/lin/tcp",
      "embedded:io/socket/listener": "$(MODDABLE)/modules/io/socket/lin/listener",
      "embedded:network/mqtt/client": `${examples}/mqttclient/mqttclient`,
      "embedded:network/http/client": `${examples}/httpclient/httpclient`,
      securesocket: join(root, APP, "securesocket"),
      ...Object.fromEntries(EXAMPLES.map(({ name }) => [`examples/${name}`, `${examples}/${name}/main`])),
      ...Object.fromEntries(TCP_TESTS.map(name => [`tests/tcp/${name}`, `${tests}/io/socket/tcp/${name}`])),
      ...Object.fromEntries(
        MQTT_TESTS.map(([name]) => [`tests/mqtt/${name}`, `${tests}/network/mqtt/${name}`]),
      ),
    },
    preload: [
      ...preload,
      "sdk/tcp",
      "embedded:io/socket/tcp",
      "embedded:io/socket/listener",
      "mqtt",
      "embedded:network/mqtt/client",
      "embedded:network/http/client",
    ],
    data: { "*": [join(device, "*")] },
    typescript: {
      tsconfig: {
        compilerOptions: {
          target: "es2022",
          lib: ["es2022"],
          noEmitOnError: true,
          useDefineForClassFields: false,
          skipLibCheck: true,
          types: [
            "hosts/moddable/typings/tls",
            "hosts/moddable/typings/files",
            `${APP}/sdk-tcp`,
            `${APP}/sdk-vectors`,
          ].map(name => join(root, name)),
        },
      },
    },
  };
}

async function web(listener: RequestListener, secure: Pki["servers"]["rsa"] | undefined): Promise<Server> {
  const server = secure
    ? createHttpsServer({ cert: secure.chainPem, key: secure.keyPem, maxVersion: "TLSv1.2" }, listener)
    : createHttpServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** The vectors of the specs as a module. */
function writeVectors(): void {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  const signatures = signatureVectors().map(({ name, valid, tbs, algorithm, signature, key }) => ({
    name,
    valid,
    tbs: hex(tbs),
    algorithm: hex(algorithm),
    signature: hex(signature),
    key: hex(key),
  }));
  const key = hex(pkcs8Of(Buffer.from(RFC6979.scalar, "hex")));
  const rfc6979 = RFC6979.signatures.map(({ message, r, s }) => ({
    key,
    message: hex(Buffer.from(message)),
    signature: (r + s).toLowerCase(),
  }));
  writeFileSync(`${VECTOR_FILE}.json`, JSON.stringify({ signatures, rfc6979 }));
}

async function start(tools: Toolchain, pki: Pki): Promise<Servers> {
  const answer: RequestListener = (request, response) => {
    response.end(`you asked for ${request.url ?? ""}\n${"and this is the rest of it. ".repeat(100)}\n`);
  };
  const user = { name: "rw", password: "readwrite" };
  return {
    mqtt: await broker(tools, {}),
    mqtts: await broker(tools, { server: pki.servers.names, clients: pki.ca.certificatePem }),
    user: await broker(tools, { user }),
    expired: await broker(tools, { server: pki.servers.expired }),
    http: await web(answer, undefined),
    https: await web(answer, pki.servers.names),
  };
}

export interface Row {
  readonly name: string;
  readonly by: string;
  readonly outcome: string;
  readonly passed: boolean;
}

interface Job {
  readonly name: string;
  readonly program: string;
  readonly by: string;
  readonly resolve: Readonly<Record<string, string>>;
  /** Whether there is nothing to wait for any more. */
  readonly end: (text: string) => boolean;
  readonly judge: (text: string) => string;
  /** `passes`, or the difference that is known. */
  readonly expected: RegExp;
}

/** How the tests end that do not pass, and must end so. The reasons stand in docs/moddable-tests.md. */
const DIFFERENCES: Readonly<Record<string, RegExp>> = {
  "tcp/from": /^Error: sockets from a listener are not available$/,
  "tcp/invalid-receiver": /^Error: expected SyntaxError, got TypeError/,
  // Its 16 KB are more than the module takes ahead of the network, and its TLS has no word for "later".
  "mqttsclient bc66 module-tls": /bytes$/,
  "mqttsclient bc66 module-tls ours": /bytes$/,
};

function testOutcome(text: string): string {
  return (
    /^LAUNCHER .*$/m.exec(text)?.[0] ??
    /^TEST failed (.*)$/m.exec(text)?.[1] ??
    (/^TEST passed/m.test(text) ? "passes" : "no end")
  );
}

function at(server: Server): string {
  return `127.0.0.1:${server.port}`;
}

function testJobs(servers: Servers): readonly Job[] {
  const common = { end: (text: string) => /^(TEST|LAUNCHER)/m.test(text), judge: testOutcome };
  const jobs: Job[] = TCP_TESTS.map(name => ({
    ...common,
    name: `tcp/${name}`,
    program: `tests/tcp/${name}`,
    by: "TCP",
    resolve: { "www.example.com": at(servers.http) },
    expected: DIFFERENCES[`tcp/${name}`] ?? /^passes$/,
  }));
  jobs.push({
    ...common,
    name: "signatures/vectors",
    program: VECTORS,
    by: "SDK's arithmetic",
    resolve: { "www.example.com": at(servers.http) },
    expected: /^passes$/,
  });
  for (const by of ["SDK's client", "own client"])
    for (const [name, server] of MQTT_TESTS)
      jobs.push({
        ...common,
        name: `mqtt/${name}`,
        program: `tests/mqtt/${name}${by === "own client" ? " ours" : ""}`,
        by,
        resolve: { "test.mosquitto.org": at(servers[server]) },
        expected: DIFFERENCES[`mqtt/${name}`] ?? /^passes$/,
      });
  return jobs;
}

function exampleJobs(servers: Servers, module: ModuleName, route: Route): readonly Job[] {
  const jobs: Job[] = [];
  for (const { name, host, server, expected } of EXAMPLES) {
    const isMqtt = name.startsWith("mqtt");
    const judge = (text: string): string => {
      const missing = expected.filter(words => !words.test(text)).map(String);
      const letters = lettersOf(text);
      if (isMqtt && letters !== LONG_MESSAGE) missing.push(`${LONG_MESSAGE - letters} bytes`);
      return (
        /^LAUNCHER .*$/m.exec(text)?.[0] ??
        (missing.length === 0 ? "passes" : `missing ${missing.join(", ")}`)
      );
    };
    for (const client of isMqtt ? ["", " ours"] : [""])
      jobs.push({
        name,
        program: `examples/${name}${client}`,
        by: `${module} ${route}${client}`,
        resolve: { [host]: at(servers[server]) },
        end: text => /^ERROR|\*\*ERROR|^LAUNCHER/m.test(text) || judge(text) === "passes",
        judge,
        expected: DIFFERENCES[`${name} ${module} ${route}${client}`] ?? /^passes$/,
      });
  }
  return jobs;
}

async function runJobs(
  jobs: readonly Job[],
  module: ModuleName,
  launcher: string,
  library: string,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  let modem: Modem | undefined;
  let names = "";
  for (const job of jobs) {
    const wanted = JSON.stringify(job.resolve);
    if (wanted !== names) {
      await modem?.stop();
      modem = await Modem.start(module, job.resolve);
      names = wanted;
    }
    writeFileSync(join(FILES, "program"), job.program);
    const text = await run(launcher, library, job.end, 45);
    const outcome = job.judge(text);
    const passed = job.expected.test(outcome);
    if (!passed) process.stderr.write(lastLines(text));
    rows.push({ name: job.name, by: job.by, outcome, passed });
    console.log(`${passed ? "passes" : "FAILS "} ${job.name} (${job.by}): ${outcome}`);
  }
  await modem?.stop();
  return rows;
}

export async function moddable(
  tools: Toolchain,
  launcher: string,
  pki: Pki,
  what: "examples" | "tests",
  filter: RegExp,
): Promise<readonly Row[]> {
  rmSync(FILES, { recursive: true, force: true });
  mkdirSync(FILES, { recursive: true });
  // Random numbers of the kernel, which the platform's entropy reads, beside the program's name.
  symlinkSync("/proc/sys/kernel/random/uuid", join(FILES, "uuid"));
  const device = credentials("moddable", {
    ca: pki.ca.certificate,
    certificate: pki.devices.rsa.certificate,
    key: pki.devices.rsa.key,
  });
  // The trusted certificate under the name that the tests open it by.
  writeFileSync(join(device, "mosquitto.org.der"), pki.ca.certificate);
  writeVectors();
  const servers = await start(tools, pki);
  const rows: Row[] = [];
  const kinds: readonly (readonly [ModuleName, Route])[] =
    what === "tests"
      ? [["bg95", "host-tls"]]
      : [
          ["bg95", "module-tls"],
          ["bg95", "host-tls"],
          ["bc66", "host-tls"],
          ["bc66", "module-tls"],
        ];
  for (const [module, route] of kinds) {
    const jobs = (what === "tests" ? testJobs(servers) : exampleJobs(servers, module, route)).filter(job =>
      filter.test(`${job.name} ${job.by}`),
    );
    if (jobs.length === 0) continue;
    const library = tools.build("moddable", manifest(module, route, device));
    rows.push(...(await runJobs(jobs, module, launcher, library)));
  }
  await Promise.all(Object.values(servers).map((server: Server) => server.stop()));
  return rows;
}
