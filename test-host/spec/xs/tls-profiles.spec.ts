import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import type { TlsOptions } from "node:tls";
import { Authority, type Issued } from "../../../certs/issue.js";
import {
  fullProfile,
  deviceProfile,
  sdkProfile,
  type TlsEngineProfile,
} from "../../../hosts/workstation/tls-engine.js";
import type { EngineCredentials } from "../../xs/index.js";
import { ENGINES } from "./support.js";
import { withLine, type TlsLine } from "./tls-line.js";
import { identities, mutual, SERVER_NAME, type Identities } from "./tls-peer.js";

const HANDSHAKE = 22;
const CHANGE_CIPHER_SPEC = 20;
const DAY_MS = 86_400_000;

/** What the table's cases are made of beside the common identities. */
interface Extra {
  readonly stranger: Authority;
  readonly alone: Issued;
  readonly wrongName: Issued;
  readonly short: Issued;
  readonly ecServer: Issued;
  readonly ecClient: Issued;
  readonly notAuthority: Issued;
  readonly wildcard: Issued;
  readonly address: Issued;
}

async function issueExtra({ root, intermediate }: Identities): Promise<Extra> {
  const stranger = await Authority.create({ commonName: "Stranger" });
  const ecIntermediate = await root.authority({ commonName: "EC Intermediate" });
  const server = (options: object): Promise<Issued> =>
    intermediate.server({ commonName: SERVER_NAME, ...options });
  return {
    stranger,
    alone: await root.server({ commonName: SERVER_NAME }),
    wrongName: await server({ commonName: "other.example" }),
    short: await server({ notAfter: new Date(Date.now() + DAY_MS) }),
    ecServer: await ecIntermediate.server({ commonName: SERVER_NAME }),
    ecClient: await root.client({ commonName: "device" }),
    notAuthority: await stranger.server({ commonName: SERVER_NAME }),
    wildcard: await server({ names: ["*.example"] }),
    address: await server({ names: ["127.0.0.1"] }),
  };
}

/** The server's records in clear anew, with at most `size` bytes of a handshake in each. */
function splitRecords(size: number): (bytes: Uint8Array) => Uint8Array[] {
  let encrypted = false;
  return bytes => {
    const made: Buffer[] = [];
    const all = Buffer.from(bytes);
    for (let at = 0; at < all.length;) {
      const end = at + 5 + all.readUInt16BE(at + 3);
      encrypted ||= all[at] === CHANGE_CIPHER_SPEC;
      if (encrypted || all[at] !== HANDSHAKE) made.push(all.subarray(at, end));
      else
        for (let from = at + 5; from < end; from += size) {
          const fragment = all.subarray(from, Math.min(end, from + size));
          const header = Buffer.from(all.subarray(at, at + 5));
          header.writeUInt16BE(fragment.length, 3);
          made.push(Buffer.concat([header, fragment]));
        }
      at = end;
    }
    return [Buffer.concat(made)];
  };
}

interface Case {
  readonly title: string;
  readonly profile?: TlsEngineProfile;
  readonly server?: (ids: Identities, extra: Extra) => TlsOptions;
  readonly credentials?: (ids: Identities, extra: Extra) => EngineCredentials;
  readonly order?: object;
  /** Seconds since 1970; default: now. */
  readonly clock?: number;
  readonly alter?: TlsLine["alter"];
  readonly told: readonly unknown[];
}

const AUTH = "certificate: auth err";
const connected = (suite: number): unknown[] => ["connected", suite];
const failed = (message: string): unknown[] => ["failed", message];
const threw = (message: string): unknown[] => ["threw", message];
const NOW = Math.floor(Date.now() / 1000);
const MONTH = 30 * 86_400;

const serverOf =
  (pick: (extra: Extra) => Issued, more: TlsOptions = {}) =>
  (_ids: Identities, extra: Extra): TlsOptions => ({
    cert: pick(extra).chainPem,
    key: pick(extra).keyPem,
    ...more,
  });

const common =
  (more: TlsOptions) =>
  (ids: Identities): TlsOptions => ({ ...mutual(ids), ...more });

const CASES: readonly Case[] = [
  {
    title: "a leaf sent alone, though the trusted root signed it",
    server: serverOf(extra => extra.alone),
    told: failed(`${AUTH} (subjectAltName match failed for ${SERVER_NAME})`),
  },
  {
    title: "another server's name",
    server: serverOf(extra => extra.wrongName),
    told: failed(`${AUTH} (subjectAltName match failed for ${SERVER_NAME})`),
  },
  {
    title: "a chain that another root signed",
    credentials: (ids, extra) => ({
      ca: extra.stranger.certificate,
      certificate: ids.client.certificate,
      key: ids.client.key,
    }),
    told: failed(`${AUTH} (no certificate of the chain is signed by the trusted one)`),
  },
  {
    title: "a leaf that the next certificate did not sign, with a chain that is trusted",
    server: (ids, extra) => ({
      cert: extra.notAuthority.certificatePem + ids.intermediate.certificatePem,
      key: extra.notAuthority.keyPem,
    }),
    told: failed(`${AUTH} (a signature of the chain does not hold)`),
  },
  {
    title: "a leaf that has expired by the firmware's clock",
    server: serverOf(extra => extra.short),
    clock: NOW + MONTH,
    told: failed("date validation failed"),
  },
  {
    title: "a root that is not valid yet, because the clock was never set",
    clock: 0,
    told: threw("date validation failed"),
  },
  { title: "a root that has expired", clock: NOW + 24 * MONTH, told: threw("date validation failed") },
  {
    title: "a handshake message that is split over records",
    alter: splitRecords(512),
    told: failed("handshake: a message is split over records"),
  },
  {
    title: "a server of TLS 1.3 alone",
    server: common({ minVersion: "TLSv1.3" }),
    told: failed("alert: 2, 70"),
  },
  {
    title: "a server without a common suite",
    server: common({ ciphers: "ECDHE-RSA-AES256-GCM-SHA384:AES256-SHA", maxVersion: "TLSv1.2" }),
    told: failed("alert: 2, 40"),
  },
  {
    title: "a server that knows no P-256",
    server: common({ ecdhCurve: "secp384r1", maxVersion: "TLSv1.2" }),
    told: failed("alert: 2, 40"),
  },
  {
    title: "a P-256 client key",
    credentials: (ids, { ecClient }) => ({
      ca: ids.root.certificate,
      certificate: ecClient.certificate,
      key: ecClient.key,
    }),
    told: threw("PKCS8: the client key is of a kind that the engine cannot sign with (p256)"),
  },
  {
    title: "a key that is none",
    credentials: ids => ({
      ca: ids.root.certificate,
      certificate: ids.client.certificate,
      key: ids.client.key.slice(0, 600),
    }),
    told: threw("PKCS8: the client key cannot be read"),
  },
  {
    title: "a key of another certificate",
    credentials: ids => ({
      ca: ids.root.certificate,
      certificate: ids.client.certificate,
      key: ids.server.key,
    }),
    told: threw("key values mismatch"),
  },
  {
    title: "a certificate without its key",
    credentials: ids => ({ ca: ids.root.certificate, certificate: ids.client.certificate }),
    told: threw("a client certificate needs its key"),
  },
  {
    title: "to verify without a trusted certificate",
    credentials: () => ({}),
    told: threw("a trusted certificate is needed to verify the server"),
  },
  {
    title: "an answer that is not TLS",
    alter: () => [Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")],
    told: failed("wrong version number"),
  },
];

const TAKEN: readonly Case[] = [
  { title: "an EC server by C02B", server: serverOf(extra => extra.ecServer), told: connected(0xc02b) },
  {
    title: "a server that knows CBC suites only, by C027",
    server: common({ ciphers: "ECDHE-RSA-AES128-SHA256", maxVersion: "TLSv1.2" }),
    told: connected(0xc027),
  },
  { title: "a wildcard for one label", server: serverOf(extra => extra.wildcard), told: connected(0xc02b) },
  {
    title: "an address in the certificate",
    server: serverOf(extra => extra.address),
    order: { serverName: "127.0.0.1" },
    told: connected(0xc02b),
  },
  {
    title: "anything when nothing is verified",
    server: serverOf(extra => extra.wrongName),
    order: { verify: false },
    credentials: () => ({}),
    clock: 0,
    told: connected(0xc02b),
  },
  {
    title: "device: a leaf sent alone",
    profile: deviceProfile,
    server: serverOf(extra => extra.alone),
    told: connected(0xc02b),
  },
  {
    title: "device: messages split over records of a byte",
    profile: deviceProfile,
    alter: splitRecords(1),
    told: connected(0xc02f),
  },
  {
    title: "device: a P-256 client key",
    profile: deviceProfile,
    credentials: (ids, { ecClient }) => ({
      ca: ids.root.certificate,
      certificate: ecClient.certificate,
      key: ecClient.key,
    }),
    told: connected(0xc02f),
  },
  {
    title: "device: a server with static RSA alone, by the order of the client",
    profile: deviceProfile,
    server: common({ ciphers: "AES128-SHA:AES128-SHA256", honorCipherOrder: false, maxVersion: "TLSv1.2" }),
    told: connected(0x003c),
  },
  {
    title: "device, not: a leaf that the next certificate did not sign",
    profile: deviceProfile,
    server: (ids, extra) => ({
      cert: extra.notAuthority.certificatePem + ids.intermediate.certificatePem,
      key: extra.notAuthority.keyPem,
    }),
    told: failed("the server's chain does not lead to the trusted certificate"),
  },
  {
    title: "device, not: another server's name",
    profile: deviceProfile,
    server: serverOf(extra => extra.wrongName),
    told: failed(`the certificate is not for ${SERVER_NAME}`),
  },
  {
    title: "device, not: an expired leaf",
    profile: deviceProfile,
    server: serverOf(extra => extra.short),
    clock: NOW + MONTH,
    told: failed("a certificate of the chain is expired"),
  },
  {
    title: "device, not: TLS 1.3 alone",
    profile: deviceProfile,
    server: common({ minVersion: "TLSv1.3" }),
    told: failed("alert: 2, 70"),
  },
  { title: "full: TLS 1.3", profile: fullProfile, told: connected(0x1302) },
  {
    title: "full: a P-256 client key",
    profile: fullProfile,
    credentials: (ids, { ecClient }) => ({
      ca: ids.root.certificate,
      certificate: ecClient.certificate,
      key: ecClient.key,
    }),
    told: connected(0x1302),
  },
  {
    title: "full: P-384, a leaf alone, split records",
    profile: fullProfile,
    server: serverOf(extra => extra.alone, { ecdhCurve: "secp384r1", maxVersion: "TLSv1.2" }),
    alter: splitRecords(100),
    told: connected(0xc02b),
  },
  {
    title: "full, not: another server's name",
    profile: fullProfile,
    server: serverOf(extra => extra.wrongName),
    told: failed(
      `Hostname/IP does not match certificate's altnames: Host: ${SERVER_NAME}. is not in the cert's altnames: DNS:other.example`,
    ),
  },
  {
    title: "full, not: an expired leaf",
    profile: fullProfile,
    server: serverOf(extra => extra.short),
    clock: NOW + MONTH,
    told: failed("certificate has expired"),
  },
  {
    title: "full, not: a chain that another root signed",
    profile: fullProfile,
    credentials: (ids, extra) => ({
      ca: extra.stranger.certificate,
      certificate: ids.client.certificate,
      key: ids.client.key,
    }),
    told: failed("unable to get issuer certificate"),
  },
];

/** No text holds a piece of the key, in any writing. */
function assertNoKey(texts: readonly string[], key: Uint8Array): void {
  const all = texts.join("\n");
  for (let at = 0; at + 12 <= key.length; at += 12) {
    const piece = Buffer.from(key.subarray(at, at + 12));
    for (const written of [piece.toString("hex"), piece.toString("base64"), piece.join(",")])
      assert.ok(!all.includes(written), "a piece of the key stands in a message");
  }
}

describe("profiles of the workstation's TLS engine", () => {
  let ids: Identities;
  let extra: Extra;
  const messages: string[] = [];

  before(async function () {
    this.timeout(30_000);
    ids = await identities();
    extra = await issueExtra(ids);
  });

  for (const engine of ENGINES)
    for (const [verb, cases] of [
      ["refuses", CASES],
      ["takes", TAKEN],
    ] as const)
      for (const {
        title,
        profile = sdkProfile,
        server,
        credentials,
        order,
        clock = NOW,
        alter,
        told,
      } of cases)
        it(`${engine}: ${verb} ${title}`, async () => {
          const options = credentials && { credentials: credentials(ids, extra) };
          await withLine(
            {
              engine,
              identities: ids,
              server: server?.(ids, extra) ?? mutual(ids),
              profile,
              clock,
              ...(options && { options }),
            },
            async line => {
              line.alter = alter;
              const answer = await line.order({ run: "open", ...order });
              messages.push(JSON.stringify(answer));
              assert.deepEqual(answer, [told]);
            },
          );
        });

  it("says nothing of the key in any of these messages", () => {
    assert.ok(messages.length >= 2 * CASES.length);
    assertNoKey(messages, ids.client.key);
    assertNoKey(messages, ids.server.key);
  });

  it("a server is refused before the client's certificate has left", async () => {
    const server = { cert: extra.wrongName.chainPem, key: extra.wrongName.keyPem, requestCert: true };
    await withLine({ engine: "xs", identities: ids, server }, async line => {
      await line.order({ run: "open" });
      assert.equal(line.transmitted.length, 1);
    });
  });

  it("device: tells the server by an alert in clear why it is refused", async () => {
    const server = { cert: extra.wrongName.chainPem, key: extra.wrongName.keyPem };
    await withLine({ engine: "xs", identities: ids, server, profile: deviceProfile }, async line => {
      await line.order({ run: "open" });
      assert.deepEqual(line.transmitted.slice(1), [7]);
      assert.match(line.peer.errors.join(), /alert bad certificate/);
    });
  });

  it("device: offers what the engine of the device offers, in its order", () => {
    const source = readFileSync(
      new URL("../../../hosts/moddable/guarded-session.ts", import.meta.url),
      "utf8",
    );
    const list = /OFFERED[^[]*\[\]\s*=[^[]*\[([^\]]*)\]/.exec(source)?.[1] ?? "";
    const numbers = [...list.matchAll(/0x([0-9a-f]{4}),/g)].map(([, hex = ""]) => parseInt(hex, 16));
    assert.deepEqual(deviceProfile.suites, numbers);
  });

  it("the ClientHello of the SDK's profile is as short as the SDK's and offers no more than it", async () => {
    const hellos: Uint8Array[] = [];
    await withLine({ engine: "node", identities: ids, server: mutual(ids) }, async line => {
      const receive = line.peer.receive.bind(line.peer);
      line.peer.receive = bytes => {
        hellos.push(Uint8Array.from(bytes));
        receive(bytes);
      };
      await line.order({ run: "open" });
    });
    const hello = Buffer.from(hellos[0] ?? []);
    assert.ok(hello.length < 120, String(hello.length));
    // Header 5 + 4, version 2, random 32, no session id; then the suites, with OpenSSL's SCSV (RFC 5746).
    assert.equal(hello[43], 0);
    assert.equal(hello.subarray(44, 54).toString("hex"), "0008c02fc02bc02700ff");
    const extensions: number[] = [];
    for (let at = 58; at < hello.length; at += 4 + hello.readUInt16BE(at + 2))
      extensions.push(hello.readUInt16BE(at));
    // server_name, ec_point_formats, supported_groups, signature_algorithms
    assert.deepEqual(
      extensions.sort((a, b) => a - b),
      [0, 10, 11, 13],
    );
  });
});
