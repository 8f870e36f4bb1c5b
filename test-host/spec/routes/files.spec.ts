import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadCredentials } from "../../../hosts/workstation/credentials.js";
import { InputError } from "../../../certs/input-error.js";
import { EPOCH_MS, issueIdentities, RouteScene, type Identities, type Way } from "./scene.js";

const WAYS: readonly Way[] = [
  ["bg95", "host-tls"],
  ["bg95", "module-tls"],
  ["bc66", "module-tls"],
];

/** PEM as editors, shells and portals hand it on. */
const FORMS: readonly (readonly [string, (pem: string) => string | Buffer])[] = [
  ["CR", pem => pem.replaceAll("\n", "\r")],
  ["LF", pem => pem],
  ["CRLF", pem => pem.replaceAll("\n", "\r\n")],
  ["a byte order mark", pem => Buffer.concat([Buffer.of(0xef, 0xbb, 0xbf), Buffer.from(pem)])],
  ["leading text", pem => `Bag Attributes\n    friendlyName: device\nsubject=CN = device\n${pem}`],
  ["no last line end", pem => pem.trimEnd()],
  ["UTF-16 with its mark", pem => Buffer.from(`\ufeff${pem}`, "utf16le")],
];

describe("credentials on the command line", () => {
  let identities: Identities;
  let folder: string;
  before(async () => {
    identities = await issueIdentities();
    folder = mkdtempSync(join(tmpdir(), "xs-cellular-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  function load(ca: string | Buffer, certificate: string | Buffer, key: string | Buffer) {
    const files = {
      ca: join(folder, "ca"),
      certificate: join(folder, "certificate"),
      key: join(folder, "key"),
    };
    writeFileSync(files.ca, ca);
    writeFileSync(files.certificate, certificate);
    writeFileSync(files.key, key);
    return loadCredentials(files, new Date(EPOCH_MS));
  }

  for (const [name, form] of FORMS)
    it(`as PEM with ${name} bring the device online`, async () => {
      const { root, device } = identities;
      const loaded = load(form(root.certificatePem), form(device.certificatePem), form(device.keyPem));
      const { ca, certificate, key } = loaded;
      for (const way of WAYS)
        await RouteScene.run({ identities, way, credentials: { ca, certificate, key } }, scene =>
          scene.online(),
        );
    });

  const REFUSED: readonly (readonly [string, (of: Identities) => readonly [string, string], RegExp])[] = [
    ["certificate and key exchanged", ({ device }) => [device.keyPem, device.certificatePem], /private key/],
    [
      "a certificate that is cut off",
      ({ device }) => [device.certificatePem.slice(0, 500), device.keyPem],
      /cut off/,
    ],
    [
      "a key that is cut off",
      ({ device }) => [device.certificatePem, device.keyPem.slice(0, 500)],
      /cut off/,
    ],
    [
      "a key of another certificate",
      ({ device, server }) => [device.certificatePem, server.keyPem],
      /belong|match/,
    ],
  ];
  for (const [name, of, words] of REFUSED)
    it(`with ${name} are refused with a sentence before anything runs`, () => {
      const [certificate, key] = of(identities);
      assert.throws(
        () => load(identities.root.certificatePem, certificate, key),
        (error: unknown) => {
          assert.ok(error instanceof InputError);
          assert.match(`${error.what} ${error.why} ${error.fix}`, words);
          assert.doesNotMatch(`${error.what} ${error.why} ${error.fix}`, /MII/);
          return true;
        },
      );
    });
});
