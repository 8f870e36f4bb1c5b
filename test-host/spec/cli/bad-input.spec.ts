import assert from "node:assert/strict";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { Authority } from "../../../certs/issue.js";
import { assertForPeople } from "./result.js";
import { Folder, together, xsCellular, type Ended } from "./support.js";

const DAY_MS = 86_400_000;

describe("what bad input gets", function () {
  this.timeout(60_000);
  const folder = new Folder();
  const at = (name: string): string => folder.file(name);
  const broker = ["simulate", "--broker", "mqtts://localhost:8883"];
  const pair = (cert: string, key: string): string[] => [
    ...[...broker, "--ca", at("ca.pem")],
    ...["--cert", at(cert), "--key", at(key)],
  ];

  /** Arguments, and what the message says: what is wrong and what to do. */
  const cases: Readonly<Record<string, { args: () => readonly string[]; says: RegExp }>> = {
    "an unknown flag": { args: () => ["simulate", "--brokr", "x"], says: /--brokr[\s\S]*--help/ },
    "a flag without its value": { args: () => ["simulate", "--count"], says: /--count[\s\S]*--help/ },
    "an argument that belongs nowhere": { args: () => ["simulate", "extra"], says: /arguments[\s\S]*--help/ },
    "an unknown command": { args: () => ["simulat"], says: /simulat[\s\S]*--help/ },
    "a missing file": { args: () => [...broker, "--ca", at("none.pem")], says: /none\.pem does not exist/ },
    "a folder for a file": { args: () => [...broker, "--ca", folder.path], says: /is a folder/ },
    "an empty file": { args: () => [...broker, "--ca", at("empty.pem")], says: /is empty/ },
    "a key where a certificate belongs": {
      args: () => pair("device.key", "device.pem"),
      says: /holds a private key \(EC, curve P-256\), not a client certificate[\s\S]*swapped/,
    },
    "a key that does not belong to the certificate": {
      args: () => pair("device.pem", "other.key"),
      says: /other\.key does not belong to .*device\.pem/,
    },
    "an expired certificate": { args: () => pair("old.pem", "old.key"), says: /expired on \d{4}-\d\d-\d\d/ },
    "a certificate that is not valid yet": {
      args: () => pair("new.pem", "new.key"),
      says: /not valid before/,
    },
    "a certificate without its key": {
      args: () => [...broker, "--ca", at("ca.pem"), "--cert", at("device.pem")],
      says: /without --key/,
    },
    "a CA file that is no CA": {
      args: () => [...broker, "--ca", at("device.pem")],
      says: /no CA certificate/,
    },
    "TLS without --ca": { args: () => broker, says: /--ca is missing[\s\S]*--insecure/ },
    "--insecure with a certificate of one's own": {
      args: () => [...broker, "--insecure", "--cert", at("device.pem"), "--key", at("device.key")],
      says: /seclevel[\s\S]*--ca instead/,
    },
    "certificates without --broker": {
      args: () => ["simulate", "--ca", at("ca.pem")],
      says: /without --broker/,
    },
    "--insecure without --broker": {
      args: () => ["simulate", "--insecure"],
      says: /--insecure is given without --broker/,
    },
    "certificates with mqtt://": {
      args: () => ["simulate", "--broker", "mqtt://localhost", "--ca", at("ca.pem")],
      says: /without TLS/,
    },
    "a wrong URL scheme": {
      args: () => ["simulate", "--broker", "https://localhost"],
      says: /https:\/\/[\s\S]*mqtts:\/\//,
    },
    "no URL at all": { args: () => ["simulate", "--broker", "localhost:1883"], says: /no MQTT address/ },
    "a broker elsewhere": {
      args: () => ["simulate", "--broker", "mqtts://example.com"],
      says: /not on this machine/,
    },
    "a password in the URL": {
      args: () => ["simulate", "--broker", "mqtt://me:hidden@localhost"],
      says: /--password-file/,
    },
    "port 0": { args: () => ["simulate", "--broker", "mqtt://localhost:0"], says: /port 0/ },
    "a topic with a wildcard": { args: () => ["simulate", "--topic", "plant/+/x"], says: /wildcard/ },
    "a topic of 65,536 bytes": {
      args: () => ["simulate", "--topic", "\u00e4".repeat(32_768)],
      says: /65536 bytes/,
    },
    "a client identifier that would make a wildcard": {
      args: () => ["simulate", "--client-id", "pump#7"],
      says: /--client-id pump#7[\s\S]*--topic and --subscribe/,
    },
    "an empty topic": { args: () => ["simulate", "--topic", ""], says: /--topic is empty/ },
    "a filter that is none": {
      args: () => ["simulate", "--subscribe", "plant/#/x"],
      says: /no topic filter/,
    },
    "count 0": { args: () => ["simulate", "--count", "0"], says: /--count 0 is not a whole number from 1/ },
    "a count that is no number": { args: () => ["simulate", "--count", "3x"], says: /--count 3x/ },
    "a quality of service of 3": { args: () => ["simulate", "--qos", "3"], says: /--qos 3[\s\S]*0, 1, 2/ },
    "a rate that nobody has": {
      args: () => ["simulate", "--baud", "31250"],
      says: /--baud 31250[\s\S]*115200/,
    },
    "an unknown engine": {
      args: () => ["simulate", "--engine", "v8"],
      says: /--engine v8[\s\S]*auto, xs, node/,
    },
    "an unknown link": { args: () => ["simulate", "--link", "5g"], says: /--link 5g[\s\S]*nb-iot/ },
    "an unknown serial class": {
      args: () => ["simulate", "--serial", "usb"],
      says: /--serial usb[\s\S]*stock/,
    },
    "an unknown module": {
      args: () => ["simulate", "--module", "sim7000"],
      says: /--module sim7000[\s\S]*bg95/,
    },
    "an unknown route": {
      args: () => ["simulate", "--route", "wifi"],
      says: /--route wifi[\s\S]*module-tls/,
    },
    "TLS on the ESP32 for a connection without TLS": {
      args: () => ["simulate", "--broker", "mqtt://localhost", "--route", "host-tls"],
      says: /--route host-tls[\s\S]*no TLS to be done/,
    },
    "a TLS engine for a connection without TLS": {
      args: () => ["simulate", "--broker", "mqtt://localhost", "--tls-engine", "full"],
      says: /without TLS[\s\S]*--tls-engine/,
    },
    "suites for a connection without TLS": {
      args: () => ["simulate", "--broker", "mqtt://localhost", "--broker-suites", "C02F"],
      says: /without TLS[\s\S]*--broker-suites/,
    },
    "a TLS engine beside the module's TLS": {
      args: () => ["simulate", "--route", "module-tls", "--tls-engine", "full"],
      says: /--tls-engine[\s\S]*TLS is the module's[\s\S]*--route host-tls/,
    },
    "a TLS engine beside the module's MQTT": {
      args: () => ["simulate", "--route", "module-mqtt", "--tls-engine", "sdk"],
      says: /--tls-engine[\s\S]*--route module-mqtt[\s\S]*--route host-tls/,
    },
    "an unknown TLS engine": {
      args: () => ["simulate", "--tls-engine", "best"],
      says: /--tls-engine best[\s\S]*device, sdk, full/,
    },
    "a suite that nobody knows": {
      args: () => ["simulate", "--broker-suites", "ECDHE-RSA-AES128-GCM-SHA256,RC5"],
      says: /RC5 is no cipher suite[\s\S]*ECDHE-RSA-AES128-GCM-SHA256,C030/,
    },
    "a radio that the BC66 does not have": {
      args: () => ["simulate", "--module", "bc66", "--link", "lte-m"],
      says: /--link lte-m[\s\S]*NB-IoT only[\s\S]*--link nb-iot/,
    },
    "a token without a key": {
      args: () => ["simulate", "--jwt-audience", "plant"],
      says: /--jwt-key is missing/,
    },
    "a token for nobody": {
      args: () => ["simulate", "--jwt-key", at("device.key")],
      says: /--jwt-audience is missing/,
    },
    "a token's lifetime without a token": {
      args: () => ["simulate", "--jwt-lifetime", "100"],
      says: /--jwt-key is missing/,
    },
    "a token's lifetime of five seconds": {
      args: () => [
        ...["simulate", "--jwt-audience", "plant"],
        ...["--jwt-key", at("device.key"), "--jwt-lifetime", "5"],
      ],
      says: /--jwt-lifetime 5 is not a whole number from 60 to 86400/,
    },
    "a token's key that does not exist": {
      args: () => ["simulate", "--jwt-audience", "plant", "--jwt-key", at("none.key")],
      says: /none\.key does not exist/,
    },
    "a certificate for a token's key": {
      args: () => ["simulate", "--jwt-audience", "plant", "--jwt-key", at("ca.pem")],
      says: /ca\.pem holds no private key/,
    },
    "a token's key on another curve": {
      args: () => ["simulate", "--jwt-audience", "plant", "--jwt-key", at("p384.key")],
      says: /cannot|no token can be signed|P-256/,
    },
    "an audience with a quote": {
      args: () => ["simulate", "--jwt-audience", 'pl"ant', "--jwt-key", at("device.key")],
      says: /--jwt-audience pl"ant cannot be put into a token/,
    },
    "a password beside a token": {
      args: () => [
        ...["simulate", "--jwt-audience", "plant", "--jwt-key", at("device.key")],
        ...["--username", "me", "--password-file", at("empty.pem")],
      ],
      says: /--password-file is given together with --jwt-key/,
    },
    "a heap of 0": { args: () => ["simulate", "--heap", "0"], says: /--heap 0/ },
    "a password without a user": {
      args: () => ["simulate", "--password-file", at("empty.pem")],
      says: /--password-file is given without --username/,
    },
    "a password file that is missing": {
      args: () => ["simulate", "--username", "me", "--password-file", at("none")],
      says: /none cannot be read \(ENOENT\)/,
    },
    "a trace in a folder that does not exist": {
      args: () => ["simulate", "--engine", "node", "--trace", at("none/trace.txt")],
      says: /cannot be written \(ENOENT\)/,
    },
    "a trace into a folder": {
      args: () => ["simulate", "--engine", "node", "--trace", folder.path],
      says: /cannot be written \(EISDIR\)/,
    },
    "a modem that listens nowhere": { args: () => ["modem"], says: /--listen 127\.0\.0\.1:PORT or --pty/ },
    "a modem that listens twice": {
      args: () => ["modem", "--listen", "127.0.0.1:0", "--pty", at("pty")],
      says: /both given/,
    },
    "a modem open to other machines": { args: () => ["modem", "--listen", "0.0.0.0:5000"], says: /loopback/ },
    "a modem on port 70000": { args: () => ["modem", "--listen", "127.0.0.1:70000"], says: /up to 65535/ },
    "a name that resolves elsewhere": {
      args: () => ["modem", "--listen", "127.0.0.1:0", "--resolve", "a=10.0.0.1"],
      says: /a=10\.0\.0\.1/,
    },
    "an unknown module to serve": {
      args: () => ["modem", "--module", "x", "--listen", "127.0.0.1:0"],
      says: /--module x/,
    },
  };

  const runs = new Map<string, Ended>();
  let files: readonly string[] = [];

  before(async () => {
    const authority = await Authority.create({ commonName: "Plant CA" });
    const now = Date.now();
    const days = (count: number): Date => new Date(now + count * DAY_MS);
    const device = await authority.client({ commonName: "device" });
    const other = await authority.client({ commonName: "other" });
    const old = await authority.client({ commonName: "old", notBefore: days(-9), notAfter: days(-2) });
    const young = await authority.client({ commonName: "new", notBefore: days(2), notAfter: days(9) });
    const write = (name: string, text: string): void => {
      writeFileSync(at(name), text);
    };
    write("ca.pem", authority.certificatePem);
    write("device.pem", device.certificatePem);
    write("device.key", device.keyPem);
    write("other.key", other.keyPem);
    write("old.pem", old.certificatePem);
    write("old.key", old.keyPem);
    write("new.pem", young.certificatePem);
    write("new.key", young.keyPem);
    write("p384.key", (await authority.client({ commonName: "p384", key: "P-384" })).keyPem);
    write("empty.pem", "");
    files = readdirSync(folder.path);
    await together(Object.entries(cases), async ([name, { args }]) => {
      runs.set(name, await xsCellular(args(), { cwd: folder.path }));
    });
  });
  after(() => folder.remove());

  for (const [name, { says }] of Object.entries(cases))
    it(`${name}: exit 2, one clear message on stderr, nothing on stdout`, () => {
      const run = runs.get(name);
      assert.ok(run);
      assert.equal(run.code, 2, run.stderr);
      assert.equal(run.stdout, "");
      assert.match(run.stderr, says);
      assert.match(run.stderr, /^xs-cellular: .+\n {2}why: .+\n {2}fix: .+\n$/);
      assert.ok(run.stderr.length < 1_000, String(run.stderr.length));
      assertForPeople(run.stderr);
      assert.doesNotMatch(run.stderr, /hidden|BEGIN/);
    });

  it("leaves no file behind", () => {
    assert.deepEqual(readdirSync(folder.path), files);
    assert.ok(!existsSync(at("none")));
  });

  it("with --json the same is on stdout as an object", async () => {
    const { stdout, code } = await xsCellular(["simulate", "--json", "--count", "0"]);
    const { ok, failure } = JSON.parse(stdout) as { ok: boolean; failure: Record<string, string> };
    assert.equal(code, 2);
    assert.equal(ok, false);
    assert.deepEqual(Object.keys(failure).sort(), ["file", "fix", "kind", "what", "why"]);
    assert.equal(failure["kind"], "input");
  });

  it("with --json an option that nobody knows is an object too", async () => {
    const { stdout, stderr, code } = await xsCellular(["simulate", "--json", "--bogus"]);
    const { failure } = JSON.parse(stdout) as { failure: Record<string, string> };
    assert.equal(code, 2);
    assert.deepEqual([failure["kind"], failure["file"]], ["input", "--bogus"]);
    assert.match(stderr, /unknown option '--bogus'/);
  });

  it("without a command the commands are listed, exit 2", async () => {
    const { code, stderr, stdout } = await xsCellular([]);
    assert.equal(code, 2);
    assert.match(stderr + stdout, /simulate[\s\S]*modem/);
  });

  it("help and version end with 0 on stdout", async () => {
    const [help, version] = await together([["simulate", "--help"], ["--version"]], args => xsCellular(args));
    assert.equal(help?.code, 0);
    assert.match(help.stdout, /--attempts <number>/);
    assert.equal(version?.code, 0);
    assert.match(version.stdout, /^\d+\.\d+\.\d+\n$/);
  });
});
