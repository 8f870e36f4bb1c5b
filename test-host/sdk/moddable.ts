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
import { pkcs8Of, RFC6979, signatureVectors } from "../spec/linux/signature-vectors.js";
import { FILES, programsManifest, VECTOR_FILE, VECTORS, type SocketRoute } from "./app-manifest.js";
import { credentials, type Pki } from "./pki.js";
import { broker, lastLines, Modem, run, type Server } from "./processes.js";
import {
  DIFFERENCES,
  EXAMPLES,
  lettersOf,
  LONG_MESSAGE,
  MQTT_TESTS,
  TCP_TESTS,
  type Servers,
} from "./programs.js";
import type { Toolchain } from "./toolchain.js";

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
  writeFileSync(`${VECTOR_FILE}.js`, `export default ${JSON.stringify({ signatures, rfc6979 })};\n`);
}

async function start(tools: Toolchain, pki: Pki): Promise<Servers<Server>> {
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

function testJobs(servers: Servers<Server>): readonly Job[] {
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

function exampleJobs(servers: Servers<Server>, module: ModuleName, route: SocketRoute): readonly Job[] {
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
  const kinds: readonly (readonly [ModuleName, SocketRoute])[] =
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
    const library = tools.build("moddable", programsManifest(module, route, device));
    rows.push(...(await runJobs(jobs, module, launcher, library)));
  }
  await Promise.all(Object.values(servers).map((server: Server) => server.stop()));
  return rows;
}
