import assert from "node:assert/strict";
import type { TlsOptions } from "node:tls";
import type { RouteName } from "../../../drivers/quectel/route.js";
import type { ReportedFailure } from "../../../hosts/workstation/simulate/record.js";
import { Authority, type Issued } from "../../../certs/issue.js";
import { CuttingStream } from "./peers.js";
import {
  DAY_MS,
  dates,
  EPOCH_MS,
  HOST,
  issueIdentities,
  RouteScene,
  type Identities,
  type SceneOptions,
  type Way,
} from "./scene.js";

const ROUTES: readonly RouteName[] = ["host-tls", "module-tls", "module-mqtt"];
const WAYS: readonly Way[] = ROUTES.flatMap(route => [["bg95", route] as const, ["bc66", route] as const]);

/** Words for people that speak of suites as what is to be changed. */
const SUITES = /cipher suites? in common|no suite/i;

interface Others {
  readonly authority: Authority;
  readonly expired: Issued;
  readonly device: Issued;
}

describe("a broker and a device that do not fit", () => {
  let identities: Identities;
  let others: Others;
  before(async () => {
    identities = await issueIdentities();
    const key = "RSA-2048";
    const authority = await Authority.create({ commonName: "Other Root", key, ...dates });
    others = {
      authority,
      expired: await identities.issuing.server({
        commonName: HOST,
        key,
        notBefore: new Date(EPOCH_MS - 20 * DAY_MS),
        notAfter: new Date(EPOCH_MS - DAY_MS),
      }),
      device: await authority.client({ commonName: "device", key, ...dates }),
    };
  });

  /** The failure of a broker with the fault; then, the fault being gone, the device is online by itself. */
  async function broken(
    way: Way,
    fault: TlsOptions,
    more: Partial<SceneOptions> = {},
  ): Promise<readonly [ReportedFailure, string]> {
    return RouteScene.run({ identities, way, tls: fault, ...more, config: { attempts: 0 } }, async scene => {
      const failure = await scene.failure();
      scene.serve({});
      await scene.online();
      return [failure, scene.explain(failure)];
    });
  }

  /** The failure of a device with the fault, which gives up after it. */
  async function unfit(way: Way, more: Partial<SceneOptions>): Promise<readonly [ReportedFailure, string]> {
    return RouteScene.run({ identities, way, ...more }, async scene => {
      const failure = await scene.failure();
      await scene.finish();
      assert.equal(scene.record.end, "gave-up");
      return [failure, scene.explain(failure)];
    });
  }

  function told(failure: ReportedFailure, words: string): string {
    return `${JSON.stringify(failure)} ${words}`;
  }

  for (const way of WAYS) {
    const [module, route] = way;
    const own = route === "host-tls";
    describe(`${route} on a ${module.toUpperCase()}`, () => {
      it("no common suite", async () => {
        const ciphers =
          module === "bc66" && !own ? "ECDHE-RSA-AES128-GCM-SHA256" : "ECDHE-RSA-CHACHA20-POLY1305";
        const [failure, words] = await broken(way, { ciphers });
        assert.equal(failure.kind, "tls", told(failure, words));
        assert.match(words, /suite/i, told(failure, words));
        if (own) assert.equal(failure.code, 40);
      });

      it("wrong CA", async () => {
        const [failure, words] = await unfit(way, { credentials: { ca: others.authority.certificate } });
        assert.equal(failure.kind, "tls", told(failure, words));
        assert.match(words, /\bCA\b|certificate/, told(failure, words));
        if (own) assert.match(words, /do not lead to the CA|issuer|CA certificate that the broker's chain/);
        if (failure.command === "AT+QSSLOPEN" && module === "bc66") {
          assert.equal(failure.code, -3);
          assert.doesNotMatch(words, SUITES);
        }
      });

      it("expired server certificate", async () => {
        const { keyPem: key, chainPem: cert } = others.expired;
        const [failure, words] = await broken(way, { key, cert });
        assert.equal(failure.kind, "tls", told(failure, words));
        assert.match(words, /expired|dates|certificate/i, told(failure, words));
        if (own) assert.match(words, /expired/, told(failure, words));
        if (failure.command === "AT+QSSLOPEN" && module === "bc66") {
          assert.equal(failure.code, -3);
          assert.doesNotMatch(words, SUITES);
          assert.match(words, /clock/);
        }
      });

      it("client certificate refused, by alert", async () => {
        const between: SceneOptions["between"] = (far, nth) =>
          nth === 1 ? new CuttingStream(far, 1_000, "alert", 48) : far;
        const [failure, words] = await broken(way, {}, { between });
        assert.equal(failure.kind, "tls", told(failure, words));
        if (own) {
          assert.deepEqual([failure.code, failure.detail], [48, "alert received"]);
          assert.match(words, /does not know the CA that issued the device's certificate/);
        } else assert.match(words, /certificate/, told(failure, words));
      });

      // Node's server verifies behind the handshake and hangs up, as AWS IoT does.
      it("client certificate refused, by a close without a word", async () => {
        const [failure, words] = await broken(way, { ca: others.authority.certificatePem });
        assert.ok(["tls", "peer-closed"].includes(failure.kind), told(failure, words));
        if (own) assert.match(words, /does not (know or )?accept the certificate/, told(failure, words));
        else assert.match(words, /certificate|ends the handshake/, told(failure, words));
      });

      it("key that does not belong to the certificate", async () => {
        const [failure, words] = await unfit(way, { credentials: { key: others.device.key } });
        assert.ok(["tls", "credential"].includes(failure.kind), told(failure, words));
        assert.match(words, /key|certificate/, told(failure, words));
      });

      it("certificate and key in each other's place", async () => {
        const { certificate, key } = identities.device;
        const [failure, words] = await unfit(way, { credentials: { certificate: key, key: certificate } });
        assert.equal(failure.kind, "credential", told(failure, words));
        assert.match(words, /other way round|were exchanged/, told(failure, words));
      });

      it("certificate cut off in the store", async () => {
        const [failure, words] = await unfit(way, {
          credentials: { certificate: identities.device.certificate.subarray(0, 500) },
        });
        assert.equal(failure.kind, "credential", told(failure, words));
        assert.match(words, /cut off.*[Ss]tore it again/s, told(failure, words));
      });

      it("clock not set", async () => {
        const [failure, words] = await unfit(way, {
          [module]: { settings: { networkTime: false } },
        });
        assert.equal(failure.kind, "clock", told(failure, words));
        assert.match(words, /clock|time/, told(failure, words));
      });
    });
  }
});
