import assert from "node:assert/strict";
import type { Failure } from "../../../modules/diagnosis/failure.js";
import { explain } from "../../../modules/diagnosis/explain.js";
import { tlsDiagnoses } from "../../../modules/tls/diagnosis.js";
import { identities, type Identities } from "../xs/tls-peer.js";
import { closed, ownCredentials, reset, withScene, type Line, type LineOptions } from "./support.js";

const HANDSHAKE_MS = 120_000;

type Way = "FIN" | "RST" | "alert" | "silence";

const WAYS: Readonly<Record<Way, (line: Line) => void>> = {
  FIN: line => line.end(closed),
  RST: line => line.end(reset),
  alert(line) {
    line.inject(Buffer.from("15030300020230", "hex"));
    line.end(closed);
  },
  silence: () => undefined,
};

/** The conclusion without an alert. */
const END: Readonly<Record<Way, string>> = {
  FIN: "closed",
  RST: "lost",
  alert: "alert received",
  silence: "silent",
};

describe("a peer that ends in mid-handshake", () => {
  let ids: Identities;
  let server: { cert: string; key: string; ca: string };
  let hello: number;
  /** Name, and bytes on the wire, of each message of our second flight. */
  let flight: readonly (readonly [name: string, bytes: number])[];

  before(async function () {
    this.timeout(30_000);
    ids = await identities();
    server = { cert: ids.server.chainPem, key: ids.server.keyPem, ca: ids.root.certificatePem };
    await withScene({ stored: ownCredentials(ids), server }, scene => {
      const sizes = [ids.client.certificate.length + 15, 75, 269, 6, 45];
      const names = ["Certificate", "ClientKeyExchange", "CertificateVerify", "ChangeCipherSpec", "Finished"];
      hello = scene.line.sends[0] ?? 0;
      flight = names.map((name, index) => [name, sizes[index] ?? 0]);
      assert.equal(
        sizes.reduce((sum, size) => sum + size),
        scene.line.sends[1],
      );
      return Promise.resolve();
    });
  });

  /** What is told when so many bytes of ours got through. */
  async function ending(cutAfter: number, way: Way, line: LineOptions = {}): Promise<Failure> {
    let reason: Failure | undefined;
    const options = { sendMax: 1, ...line, cutAfter, cut: WAYS[way] };
    const socket = { handshakeTimeout: HANDSHAKE_MS };
    await withScene({ stored: ownCredentials(ids), server, line: options, socket }, async scene => {
      reason = await scene.fail();
      assert.deepEqual(scene.told, ["handshake failed", "failure", "error"]);
      assert.equal(scene.timer.nowMs >= HANDSHAKE_MS, way === "silence");
    });
    assert.ok(reason);
    assert.deepEqual([reason.kind, reason.command], ["tls", "TLS"]);
    return reason;
  }

  /** Every record edge, a byte beside it, and places inside of the Certificate. */
  function places(): number[] {
    const found = new Set<number>();
    let edge = 0;
    for (const [, bytes] of flight) {
      for (const at of [edge, edge + 1, edge + bytes - 1, edge + bytes]) found.add(at);
      edge += bytes;
    }
    for (let at = 100; at < (flight[0]?.[1] ?? 0); at += 150) found.add(at);
    found.add(877);
    return [...found].filter(at => at > 0).sort((one, other) => one - other);
  }

  for (const way of ["FIN", "RST", "alert", "silence"] as const) {
    it(`is told with its place at every edge of our second flight: ${way}`, async function () {
      this.timeout(30_000);
      const total = flight.reduce((sum, [, bytes]) => sum + bytes, 0);
      for (const at of places()) {
        const reason = await ending(hello + at, way);
        let edge = 0;
        const under = flight.find(([, bytes]) => (edge += bytes) > at) ?? flight[4];
        assert.ok(under);
        const [message, bytes] = under;
        const confirmedBytes = Math.max(0, at - (edge - bytes) - 5);
        assert.deepEqual(
          { ...reason.handshake },
          { flight: 3, message, confirmedBytes, totalBytes: bytes - 5 },
          `${at} bytes`,
        );
        const point =
          at < (flight[0]?.[1] ?? 0)
            ? "in client flight"
            : at < total
              ? "after Certificate"
              : "after Finished";
        assert.equal(reason.detail, way === "alert" ? END.alert : `${END[way]} ${point}`, `${at} bytes`);
        assert.equal(reason.code, way === "alert" ? 48 : undefined);
      }
    });

    it(`is told behind the ClientHello as a matter of name, version and suites: ${way}`, async () => {
      const reason = await ending(hello, way);
      assert.equal(reason.detail, way === "alert" ? END.alert : `${END[way]} after ClientHello`);
      assert.equal(reason.handshake?.confirmedBytes, hello - 5);
    });

    it(`is told within the ClientHello as a matter of transport: ${way}`, async () => {
      const reason = await ending(hello - 1, way);
      assert.equal(reason.detail, way === "alert" ? END.alert : `${END[way]} in ClientHello`);
    });
  }

  describe("after 877 bytes, as reported of a BG95 and AWS IoT Core", () => {
    // Serial number and names of the device's certificate are those of a test: what counts is the record's end.
    const certificate = (): number => flight[0]?.[1] ?? 0;

    it("through sends of 1,024 of which the first is not confirmed, is a matter of transport", async () => {
      const reason = await ending(hello + 877, "FIN", { sendMax: 1024 });
      assert.equal(reason.detail, "closed in client flight");
      assert.deepEqual([reason.handshake?.message, reason.handshake?.confirmedBytes], ["Certificate", 0]);
      assert.match(explain(reason, tlsDiagnoses).why, /the broker cannot have judged the certificate/);
    });

    it("with the first send of 1,024 confirmed, is the broker's refusal of the certificate", async () => {
      const reason = await ending(hello + 1024, "FIN", { sendMax: 1024 });
      assert.equal(reason.detail, "closed after Certificate");
      assert.match(explain(reason, tlsDiagnoses).why, /does not know or accept the certificate/);
    });

    it("exactly behind the Certificate's record is the refusal, one byte before it is not", async () => {
      assert.equal((await ending(hello + certificate(), "FIN")).detail, "closed after Certificate");
      assert.equal((await ending(hello + certificate() - 1, "FIN")).detail, "closed in client flight");
    });

    it("of a TCP class that tells of no confirmations, counts what was written", async () => {
      const reason = await ending(hello + 877, "FIN", { sendMax: 1460, confirms: false });
      assert.equal(reason.detail, "closed after Finished");
    });
  });

  it("keeps the kind of a reason on this side, with the place", async () => {
    const line = {
      sendMax: 1,
      cutAfter: hello + 100,
      cut: (one: Line) => one.end({ kind: "module-reset", command: "AT+QISEND" }),
    };
    await withScene({ stored: ownCredentials(ids), server, line }, async scene => {
      const reason = await scene.fail();
      assert.deepEqual([reason.kind, reason.command], ["module-reset", "AT+QISEND"]);
      assert.equal(reason.handshake?.message, "Certificate");
    });
  });

  it("after both have finished is no matter of TLS", async () => {
    await withScene({ stored: ownCredentials(ids), server }, async scene => {
      scene.line.end(closed);
      const reason = await scene.fail();
      assert.deepEqual({ ...reason }, { kind: "peer-closed" });
    });
  });
});
