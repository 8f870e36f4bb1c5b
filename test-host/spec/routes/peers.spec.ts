import assert from "node:assert/strict";
import { Authority } from "../../../certs/issue.js";
import type { RouteName } from "../../../drivers/quectel/route.js";
import { PiecesStream, RecordSplitter } from "./peers.js";
import { sdkProfile } from "../../../hosts/workstation/tls-engine.js";
import { dates, HOST, issueIdentities, RouteScene, type Identities, type Way } from "./scene.js";

const MODULES = ["bg95", "bc66"] as const;
const ROUTES: readonly RouteName[] = ["host-tls", "module-tls", "module-mqtt"];

/** Identities whose broker has a certificate with so many bytes of names: one handshake message of that size. */
async function large(bytes: number): Promise<Identities> {
  const identities = await issueIdentities();
  const one = `${"n".repeat(40)}.example.net`;
  const names = [
    HOST,
    ...Array.from({ length: Math.ceil(bytes / (one.length + 6)) }, (_, i) => `h${String(i)}${one}`),
  ];
  const server = await identities.issuing.server({ commonName: HOST, key: "RSA-2048", names, ...dates });
  return { ...identities, server };
}

describe("a broker's flight", () => {
  let usual: Identities;
  before(async () => {
    usual = await issueIdentities();
  });

  for (const module of MODULES)
    for (const bytes of [6_000, 12_000, 17_000])
      it(`of more than ${String(bytes)} bytes in one message, larger than any buffer of the firmware, passes host-tls on a ${module.toUpperCase()} that loses nothing`, async () => {
        const identities = await large(bytes);
        await RouteScene.run({ identities, way: [module, "host-tls"] }, async scene => {
          await scene.online();
          assert.ok((scene.record.handshake?.receivedBytes ?? 0) > bytes);
        });
      });

  it("that a BC66's receive buffer does not hold is told as lost in the module, with what to do", async () => {
    await RouteScene.run(
      {
        identities: usual,
        way: ["bc66", "host-tls"],
        bc66: { settings: { receiveBufferBytes: 2_168 } },
      },
      async scene => {
        const failure = await scene.failure();
        assert.deepEqual([failure.kind, failure.detail], ["overrun", "module buffer full"]);
        assert.match(scene.explain(failure), /throws it away.*P-256/s);
      },
    );
  });

  for (const module of MODULES)
    for (const route of ROUTES) {
      const way: Way = [module, route];
      it(`in segments of one byte passes ${route} on a ${module.toUpperCase()}`, async () => {
        await RouteScene.run({ identities: usual, way, between: far => new PiecesStream(far, 1) }, scene =>
          scene.online(),
        );
      });
    }

  for (const module of MODULES)
    for (const recordBytes of [1, 3, 100, 1_000])
      it(`in records of ${String(recordBytes)} bytes passes the device's engine on a ${module.toUpperCase()}`, async () => {
        await RouteScene.run(
          {
            identities: usual,
            way: [module, "host-tls"],
            between: far => new RecordSplitter(far, recordBytes),
          },
          scene => scene.online(),
        );
      });

  it("in records of one byte is named by an engine that does not put messages together, and is no matter once it is gone", async () => {
    const between = (far: ConstructorParameters<typeof RecordSplitter>[0], nth: number) =>
      nth === 1 ? new RecordSplitter(far, 1) : far;
    await RouteScene.run(
      { identities: usual, profile: sdkProfile, between, config: { attempts: 0 } },
      async scene => {
        const failure = await scene.failure();
        assert.deepEqual([failure.kind, failure.detail], ["tls", "unsupported: split message"]);
        assert.match(scene.explain(failure), /maximum fragment length/);
        await scene.online();
      },
    );
  });

  for (const [route, code] of [
    ["module-tls", -9],
    ["module-mqtt", -1],
  ] as const)
    it(`in records of 100 bytes is refused by a BC66's own TLS and told over ${route}`, async () => {
      await RouteScene.run(
        { identities: usual, way: ["bc66", route], between: far => new RecordSplitter(far, 100) },
        async scene => {
          const failure = await scene.failure();
          assert.deepEqual([failure.kind, failure.code], ["tls", code], scene.told);
        },
      );
    });

  it("with a leaf alone and no issuer that the device knows is a matter of the issuer", async () => {
    const other = await Authority.create({ commonName: "Other", key: "RSA-2048", ...dates });
    const server = await other.server({ commonName: HOST, key: "RSA-2048", ...dates });
    await RouteScene.run(
      { identities: usual, tls: { key: server.keyPem, cert: server.certificatePem } },
      async scene => {
        assert.match(scene.explain(await scene.failure()), /do not lead to the CA|issuer/);
      },
    );
  });
});
