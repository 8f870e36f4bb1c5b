import assert from "node:assert/strict";
import { join } from "node:path";
import { InputError } from "../../../certs/input-error.js";
import { readProfile } from "../../../certs/profile/profile.js";
import { CertificateFolder } from "./files.js";

describe("profiles of a production run", () => {
  const folder = new CertificateFolder();
  after(() => folder.remove());

  const good = {
    version: 1,
    name: "meter-2026",
    module: "bg95",
    target: "device",
    key: { made: "device", kind: "P-256" },
    issuer: { kind: "authority", folder: "ca", passphraseFile: "secrets/passphrase" },
    brokerCa: "broker-ca.pem",
    certificate: { days: 3650, organization: "Acme", country: "DE" },
  };

  function read(content: unknown) {
    return readProfile(
      folder.file("profile.json", typeof content === "string" ? content : JSON.stringify(content)),
    );
  }

  function refusal(content: unknown): InputError {
    try {
      read(content);
    } catch (error) {
      assert.ok(error instanceof InputError, String(error));
      return error;
    }
    return assert.fail("was taken");
  }

  it("a good one is taken with its defaults, and its paths start from its own folder", () => {
    const profile = read(good);
    assert.equal(profile.route, "auto");
    assert.equal(profile.lock, false);
    assert.deepEqual(profile.variables, []);
    assert.equal(profile.brokerCa, join(folder.path, "broker-ca.pem"));
    assert.deepEqual(profile.issuer, {
      kind: "authority",
      folder: join(folder.path, "ca"),
      passphraseFile: join(folder.path, "secrets/passphrase"),
    });
  });

  it("a module alone gets into the network as the profile says, secrets by files from its own folder", () => {
    const network = { apn: "iot.example", apnUser: "factory", apnPasswordFile: "apn", simPinFile: "pin" };
    const profile = read({
      ...good,
      target: "modem",
      key: { made: "host", kind: "RSA-2048" },
      proof: { handshake: "broker.example:8883" },
      network,
    });
    assert.deepEqual(profile.network, {
      ...network,
      apnPasswordFile: join(folder.path, "apn"),
      simPinFile: join(folder.path, "pin"),
    });
  });

  it("an authority outside gets requests and gives certificates by folders", () => {
    const issuer = { kind: "requests", requests: "out", certificates: "in", certificate: "ca.pem" };
    assert.deepEqual(read({ ...good, issuer }).issuer, {
      kind: "requests",
      requests: join(folder.path, "out"),
      certificates: join(folder.path, "in"),
      certificate: join(folder.path, "ca.pem"),
    });
  });

  const host = { made: "host", kind: "RSA-2048" };
  const faults: readonly (readonly [string, unknown, RegExp])[] = [
    ["no JSON", "{", /is no JSON/],
    ["another version", { ...good, version: 2 }, /version must be 1/],
    ["a member that nobody knows", { ...good, lokc: true }, /lokc is not known/],
    [
      "a member too deep that nobody knows",
      { ...good, certificate: { days: 1, day: 2 } },
      /certificate\.day is not known/,
    ],
    ["a missing member", { ...good, brokerCa: undefined }, /brokerCa is missing/],
    ["a module that is none", { ...good, module: "bg77" }, /module must be \("bg95" \| "bc66"\)/],
    ["days without end", { ...good, certificate: { days: 1e9 } }, /certificate\.days must be <=36500/],
    [
      "a variable that a list has anyway",
      { ...good, variables: ["imei"] },
      /variables\.0 is a member that every list may have/,
    ],
    [
      "a variable with blanks",
      { ...good, variables: ["batch no"] },
      /variables\.0 is no name of small letters/,
    ],
    [
      "a broker without port",
      { ...good, proof: { handshake: "localhost" } },
      /proof\.handshake is not HOST:PORT/,
    ],
    [
      "a broker behind a port that is none",
      { ...good, proof: { handshake: "broker.example:88830" } },
      /proof\.handshake is not HOST:PORT, .* from 1 to 65535/,
    ],
    ["a broker behind port 0", { ...good, proof: { handshake: "b.example:0" } }, /is not HOST:PORT/],
    ["a broker's URL", { ...good, proof: { handshake: "mqtts://b.example:8883" } }, /is not HOST:PORT/],
    ["a broker without a name", { ...good, proof: { handshake: ":8883" } }, /is not HOST:PORT/],
    [
      "an issuer of no kind",
      { ...good, issuer: { kind: "magic" } },
      /issuer\.kind must be \("authority" \| "pkcs11" \| "requests"\)/,
    ],
    ["a key made by a module", { ...good, target: "modem" }, /key\.made is "device", but target is "modem"/],
    [
      "an RSA key made on an ESP32",
      { ...good, key: { made: "device", kind: "RSA-2048" } },
      /key\.made is "device", but key\.kind is "RSA-2048"/,
    ],
    [
      "a P-256 key for a BC66's own TLS",
      { ...good, module: "bc66", route: "module-tls" },
      /a P-256 key is of no use to a BC66's own TLS/,
    ],
    [
      "a P-256 key for the SDK's bare TLS",
      { ...good, tlsEngine: "sdk" },
      /a P-256 key is of no use to the SDK's bare TLS session/,
    ],
    [
      "the module's store for TLS on the ESP32",
      { ...good, key: host, target: "modem", route: "host-tls" },
      /target is "modem", but route is "host-tls"/,
    ],
    [
      "a lock that nothing holds",
      { ...good, key: host, target: "image", lock: true },
      /lock is set, but target is "image"/,
    ],
    [
      "a way into the network for a device, whose firmware has its own",
      { ...good, network: { apn: "iot.example" } },
      /network is set, but target is "device"/,
    ],
    [
      "a way into the network that nothing goes",
      { ...good, key: host, target: "modem", network: { apn: "iot.example" } },
      /network is set, but no handshake is asked for/,
    ],
    [
      "an access point name with a quotation mark",
      { ...good, key: host, target: "modem", network: { apn: 'a"b' }, proof: { handshake: "b.example:1" } },
      /network\.apn is no access point name/,
    ],
    [
      "a handshake of an image",
      { ...good, key: host, target: "image", proof: { handshake: "broker.example:8883" } },
      /proof\.handshake is set, but target is "image"/,
    ],
    [
      "an image whose certificate comes from elsewhere",
      {
        ...good,
        key: host,
        target: "image",
        issuer: { kind: "requests", requests: "out", certificates: "in", certificate: "ca.pem" },
      },
      /issuer\.kind is "requests", but target is "image"/,
    ],
  ];
  for (const [name, content, what] of faults)
    it(`refused, with its place: ${name}`, () => {
      const error = refusal(content);
      assert.match(error.what, what);
      assert.ok(error.why.length > 10 && error.fix.length > 10);
    });

  for (const handshake of ["b.example:1", "127.0.0.1:65535", "[::1]:8883", "local_host:8883"])
    it(`a broker is taken: ${handshake}`, () => {
      assert.equal(read({ ...good, proof: { handshake } }).proof.handshake, handshake);
    });

  // Cause: the engine's message shows what stands there.
  for (const text of ["hunter2geheim\n", "{hunter2geheim\n"])
    it(`nothing is shown of a file that is no profile, a passphrase perhaps: ${JSON.stringify(text[0])}`, () => {
      const { what, why, fix, message } = refusal(text);
      assert.match(what, /is no JSON from line 1 on$/);
      assert.doesNotMatch(JSON.stringify([what, why, fix, message]), /hunter|geheim/);
    });

  it("several faults are told at once", () => {
    const { what } = refusal({ ...good, module: "bg77", brokerCa: 7 });
    assert.match(what, /module must be/);
    assert.match(what, /brokerCa must be string/);
  });

  it("a value in the wrong place, a passphrase perhaps, is never shown", () => {
    const secret = "correct horse battery staple";
    const { what, why, fix } = refusal({
      ...good,
      issuer: { ...good.issuer, passphrase: secret },
      lock: secret,
    });
    assert.ok(!`${what}${why}${fix}`.includes(secret));
  });

  it("a file that is not there is an input error", () => {
    assert.throws(() => readProfile(`${folder.path}/none.json`), /none\.json: cannot be read \(ENOENT\)/);
  });
});
