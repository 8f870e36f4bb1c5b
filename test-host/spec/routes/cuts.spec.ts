import assert from "node:assert/strict";
import { explainFailure } from "../../../hosts/workstation/diagnosis/explain.js";
import type { ReportedFailure } from "../../../hosts/workstation/simulate/record.js";
import { CuttingStream, type Cut } from "./peers.js";
import {
  DAY_MS,
  dates,
  issueIdentities,
  RouteScene,
  type Identities,
  type SceneOptions,
  type Way,
} from "./scene.js";

/** What the device sends, by OpenSSL's records: a ClientHello, then its second flight. */
interface Flight {
  /** Bytes on the wire. */
  readonly hello: number;
  /** Name and record length of each message of the second flight. */
  readonly records: readonly (readonly [name: string, bytes: number])[];
  readonly total: number;
}

const NAMES = ["Certificate", "ClientKeyExchange", "CertificateVerify", "ChangeCipherSpec", "Finished"];
const HEADER_BYTES = 5;

/** Reads the records of a whole handshake off the wire. */
async function flightOf(options: SceneOptions): Promise<Flight> {
  let bytes = Buffer.alloc(0);
  const between: SceneOptions["between"] = far => {
    far.on("data", (piece: Buffer) => (bytes = Buffer.concat([bytes, piece])));
    return new CuttingStream(far, Infinity, "fin");
  };
  await RouteScene.run({ ...options, between }, scene => scene.online());
  const hello = HEADER_BYTES + bytes.readUInt16BE(3);
  let at = hello;
  const records = NAMES.map(name => {
    const length = HEADER_BYTES + bytes.readUInt16BE(at + 3);
    at += length;
    return [name, length] as const;
  });
  return { hello, records, total: at };
}

/**
 * One device, one connection for each limit, cut there; then a connection that is left alone, on
 * which the device comes online by itself.
 */
async function cutAt(
  options: SceneOptions,
  limits: readonly number[],
  how: Cut,
): Promise<readonly ReportedFailure[]> {
  const between: SceneOptions["between"] = (far, nth) => {
    const limit = limits[nth - 1];
    return limit === undefined ? far : new CuttingStream(far, limit, how);
  };
  return RouteScene.run({ ...options, between, config: { attempts: 0 } }, async scene => {
    const end = await scene.until(() => scene.record.end !== undefined, 30 * DAY_MS);
    assert.equal(end.reason, "condition", `${JSON.stringify(end)} ${scene.told}`);
    assert.ok(scene.happened.has("acknowledged"), scene.told);
    const { failures } = scene;
    assert.equal(failures.length, limits.length, `one failure for each cut: ${scene.told}`);
    return failures;
  });
}

/** `from` and what follows in steps, without the end. */
function steps(from: number, end: number, step: number): readonly number[] {
  return Array.from({ length: Math.ceil((end - from) / step) }, (_, index) => from + index * step);
}

for (const module of ["bg95", "bc66"] as const) {
  const way = [module, "host-tls"] as const;

  describe(`a peer that ends in the client's flights, host-tls on a ${module.toUpperCase()}`, () => {
    let identities: Identities;
    let flight: Flight;
    before(async () => {
      identities = await issueIdentities();
      flight = await flightOf({ identities, way });
    });

    /** Cuts, and gives each failure with its limit and its sentences. */
    async function cut(
      limits: readonly number[],
      how: Cut,
    ): Promise<readonly (readonly [number, ReportedFailure, string])[]> {
      const failures = await cutAt({ identities, way }, limits, how);
      return failures.map((failure, index) => [
        limits[index] ?? NaN,
        failure,
        Object.values(explainFailure(failure, module)).join(" "),
      ]);
    }

    // Neither module tells a reset from a close in its report.
    const AFTER_HELLO: readonly (readonly [Cut, string, RegExp])[] = [
      ["fin", "closed after ClientHello", /SNI.*8883/s],
      ["reset", "closed after ClientHello", /SNI.*8883/s],
      ["alert", "alert received", /does not let its holder in/],
      ["silence", "silent after ClientHello", /way back is blocked/],
    ];
    for (const [how, detail, words] of AFTER_HELLO)
      it(`within the ClientHello, by ${how}, is told as the broker's judgement of it: ${detail}`, async () => {
        const length = flight.hello - HEADER_BYTES;
        const limits = [1, HEADER_BYTES, 50, flight.hello - 1, flight.hello];
        for (const [limit, failure, told] of await cut(limits, how)) {
          assert.deepEqual([failure.kind, failure.detail], ["tls", detail], `cut at ${String(limit)}`);
          assert.deepEqual(failure.handshake, {
            flight: 1,
            message: "ClientHello",
            confirmedBytes: length,
            totalBytes: length,
          });
          assert.match(told, words);
        }
      });

    // A BG95 takes the flight as one send and confirms it before the peer's end is heard of; a BC66 in
    // sends of 512 bytes as digits, so that it is heard of behind the send that brought it about.
    function confirmedAt(limit: number, how: Cut): number {
      const sent = flight.total - flight.hello;
      if (module === "bg95" || how === "silence") return sent;
      return Math.min(sent, 512 * Math.ceil((limit - flight.hello) / 512));
    }

    function assertCut(limit: number, how: Cut, failure: ReportedFailure, told: string): void {
      const confirmed = confirmedAt(limit, how);
      const where = `cut at ${String(limit)} of ${String(flight.total)}: ${JSON.stringify(failure)}`;
      const certificate = flight.records[0]?.[1] ?? 0;
      const all = confirmed === flight.total - flight.hello;
      const point =
        confirmed < certificate ? "in client flight" : all ? "after Finished" : "after Certificate";
      const end = how === "silence" ? "silent" : "closed";
      assert.equal(failure.kind, "tls", where);
      assert.equal(failure.detail, how === "alert" ? "alert received" : `${end} ${point}`, where);
      if (how === "alert") assert.match(told, /access_denied|does not let its holder in/, where);
      else if (how === "silence") assert.match(told, /network is gone|does not answer/, where);
      else if (point === "in client flight") assert.match(told, /cannot have judged the certificate/, where);
      else assert.match(told, /does not know or accept the certificate.*issuer/s, where);
      assert.ok(failure.handshake, where);
      const { message, confirmedBytes, totalBytes } = failure.handshake;
      if (point === "in client flight")
        assert.deepEqual(
          [message, confirmedBytes, totalBytes],
          ["Certificate", confirmed - HEADER_BYTES, certificate - HEADER_BYTES],
          where,
        );
      else if (all) assert.deepEqual([message, confirmedBytes, totalBytes], ["Finished", 40, 40], where);
      else assert.ok(message !== "Certificate" && confirmedBytes <= totalBytes, where);
    }

    it("all along the second flight, by fin, is told by what the module had confirmed", async () => {
      const limits = steps(flight.hello + 1, flight.total + 1, module === "bg95" ? 5 : 13);
      for (const [limit, failure, told] of await cut(limits, "fin")) assertCut(limit, "fin", failure, told);
    });

    for (const how of ["reset", "alert", "silence"] as const)
      it(`around every record edge, at 877 bytes and between, by ${how}, is told so too`, async () => {
        let edge = flight.hello;
        const edges = flight.records.flatMap(([, length]) => {
          edge += length;
          return [edge - 1, edge, edge + 1];
        });
        const limits = [
          flight.hello + 877,
          ...steps(flight.hello + 1, flight.total, 97),
          // One byte more than the flight would be the first of MQTT.
          ...edges.filter(limit => limit <= flight.total),
        ];
        for (const [limit, failure, told] of await cut(limits, how)) assertCut(limit, how, failure, told);
      });
  });
}

describe("a certificate that no single send holds, cut off in the middle", () => {
  const CUTS: readonly (readonly ["bg95" | "bc66", limit: number, confirmed: number])[] = [
    ["bg95", 200, 1460],
    ["bc66", 200, 512],
    ["bc66", 1111, 1024],
    ["bc66", 2000, 2048],
  ];
  for (const [module, limit, sends] of CUTS)
    it(`on a ${module.toUpperCase()} behind ${String(limit)} bytes is a matter of the transport, not of the certificate`, async () => {
      const identities = await issueIdentities();
      const device = await identities.root.client({
        commonName: "device".padEnd(1_400, "x"),
        key: "RSA-2048",
        ...dates,
      });
      const way = [module, "host-tls"] as const;
      const [failure] = await cutAt({ identities: { ...identities, device }, way }, [limit], "fin");
      assert.equal(failure?.detail, "closed in client flight");
      assert.deepEqual(
        [failure.handshake?.message, failure.handshake?.confirmedBytes],
        ["Certificate", sends - HEADER_BYTES],
      );
      assert.match(explainFailure(failure, module).fix, /signal and registration/);
    });
});

describe("a peer that ends in a handshake that the module does", () => {
  const WAYS: readonly (readonly [Way, code: number, words: RegExp])[] = [
    [["bg95", "module-tls"], 566, /./],
    [["bg95", "module-mqtt"], -1, /./],
    [["bc66", "module-tls"], -2, /hung up without a word/],
    [["bc66", "module-mqtt"], -1, /./],
  ];
  for (const [way, code, words] of WAYS)
    it(`by ${way.join(" over ")} is told with the module's code, and the device comes back by itself`, async () => {
      const identities = await issueIdentities();
      const failures = [
        ...(await cutAt({ identities, way }, [1, 100, 150], "fin")),
        ...(await cutAt({ identities, way }, [500, 877, 1_100], "fin")),
      ];
      for (const failure of failures) {
        assert.deepEqual([failure.kind, failure.code], ["tls", code], JSON.stringify(failure));
        const told = Object.values(explainFailure(failure, way[0])).join(" ");
        assert.match(told, words);
        assert.ok(told.length > 150, told);
      }
    });
});
