import assert from "node:assert/strict";
import { createPublicKey, verify, type KeyObject } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { Authority, type Issued } from "../../../certs/issue.js";
import { EmbeddedBroker } from "../../../hosts/workstation/broker.js";
import type { BrokerAccess } from "../../../hosts/workstation/simulate/broker.js";
import { checkOptions, type SimulateOptions } from "../../../hosts/workstation/simulate/options.js";
import { Session, startEngine } from "../../../hosts/workstation/simulate/session.js";
import { assertForPeople, resultOf } from "./result.js";
import { Folder, together, xsCellular, type Ended } from "./support.js";

interface Token {
  readonly algorithm: string;
  readonly audience: string;
  readonly issuedS: number;
  readonly expiresS: number;
}

/** What a broker of that kind does: signature by the registered key, then the claims. Throws at the first thing that is wrong. */
function checkToken(text: string, key: KeyObject): Token {
  const [header = "", claims = "", signature = "", ...more] = text.split(".");
  assert.equal(more.length, 0);
  const part = (base64url: string): Record<string, unknown> =>
    JSON.parse(Buffer.from(base64url, "base64url").toString()) as Record<string, unknown>;
  const { alg, typ } = part(header);
  const { aud, iat, exp } = part(claims);
  assert.equal(typ, "JWT");
  const signed = Buffer.from(`${header}.${claims}`);
  const isRight = verify(
    "sha256",
    signed,
    { key, dsaEncoding: "ieee-p1363" },
    Buffer.from(signature, "base64url"),
  );
  assert.ok(isRight, "the signature is not the registered key's");
  assert.ok(typeof iat === "number" && typeof exp === "number" && iat < exp);
  return { algorithm: String(alg), audience: String(aud), issuedS: iat, expiresS: exp };
}

describe("a token as password", function () {
  this.timeout(60_000);
  const folder = new Folder();
  const keys = new Map<string, KeyObject>();

  before(async () => {
    const authority = await Authority.create({ commonName: "Plant CA" });
    const add = (name: string, { certificatePem, keyPem }: Issued): void => {
      writeFileSync(folder.file(`${name}.key`), keyPem);
      keys.set(name, createPublicKey(certificatePem));
    };
    add("ec", await authority.client({ commonName: "pump-7" }));
    add("rsa", await authority.client({ commonName: "pump-8", key: "RSA-2048" }));
    add("other", await authority.client({ commonName: "other" }));
  });
  after(() => folder.remove());

  /** A broker that lets in who has a token of the registered key, valid now. */
  function broker(registered: string, tokens: Token[], refused: string[] = []): Promise<EmbeddedBroker> {
    return EmbeddedBroker.start({
      security: "none",
      refuseConnect: (_client, _user, password) => {
        try {
          const token = checkToken(password ?? "", keys.get(registered) ?? assert.fail());
          const nowS = Date.now() / 1000;
          assert.ok(token.issuedS <= nowS + 120 && token.expiresS > nowS, "not valid now");
          tokens.push(token);
          return undefined;
        } catch (error) {
          refused.push(error instanceof Error ? error.message : String(error));
          return 5;
        }
      },
    });
  }

  async function run(key: string, registered: string, args: readonly string[]) {
    const tokens: Token[] = [];
    const refused: string[] = [];
    const one = await broker(registered, tokens, refused);
    try {
      const end: Ended = await xsCellular([
        ...["simulate", "--json", "--broker", `mqtt://localhost:${String(one.port)}`],
        ...["--jwt-audience", "plant-17", "--jwt-key", folder.file(`${key}.key`), ...args],
      ]);
      return { end, tokens, refused };
    } finally {
      await one.close();
    }
  }

  describe("is accepted by a broker that checks signature and dates", () => {
    const sets = [
      ["ec", "ES256", ["--engine", "xs"]],
      ["rsa", "RS256", ["--engine", "xs"]],
      ["ec", "ES256", ["--route", "module-mqtt"]],
      ["ec", "ES256", ["--module", "bc66", "--route", "module-mqtt"]],
      ["rsa", "RS256", ["--module", "bc66"]],
    ] as const;
    let runs: readonly Awaited<ReturnType<typeof run>>[] = [];
    before(async () => {
      runs = await together(sets, ([key, , args]) => run(key, key, args));
    });
    for (const [index, [, algorithm, args]] of sets.entries())
      it(`${algorithm}, ${args.join(" ")}`, () => {
        const { end, tokens } = runs[index] ?? assert.fail();
        assert.equal(end.code, 0, end.stderr);
        assert.equal(resultOf(end).messages.acknowledged, 3);
        assert.equal(tokens.length, 1);
        assert.equal(tokens[0]?.algorithm, algorithm);
        assert.equal(tokens[0].audience, "plant-17");
        assert.equal(tokens[0].expiresS - tokens[0].issuedS, 3_600);
        assert.match(end.stderr, / token +signed, valid for 3600 s$/m);
      });
  });

  it("is signed for as long as --jwt-lifetime says", async () => {
    const { tokens } = await run("ec", "ec", ["--engine", "node", "--jwt-lifetime", "600"]);
    assert.equal((tokens[0]?.expiresS ?? 0) - (tokens[0]?.issuedS ?? 0), 600);
  });

  it("of another key is refused, in sentences, and stands in none of them", async () => {
    const { end, refused, tokens } = await run("other", "ec", ["--engine", "node"]);
    assert.equal(end.code, 1);
    assert.deepEqual([tokens.length, refused.length], [0, 1]);
    const { failure } = resultOf(end);
    assert.deepEqual([failure?.kind, failure?.code], ["mqtt-refused", 5]);
    assert.match(failure?.fix ?? "", /--jwt-key|token/);
    assertForPeople(end.stderr);
    assert.doesNotMatch(end.stdout + end.stderr, /eyJ/);
  });

  for (const module of ["bg95", "bc66"])
    it(`by RS256 is too long for the ${module}'s own MQTT, which is told before anything is sent`, async () => {
      const { end, tokens } = await run("rsa", "rsa", ["--module", module, "--route", "module-mqtt"]);
      const { failure } = resultOf(end);
      assert.equal(end.code, 1);
      assert.equal(tokens.length, 0);
      assert.equal(failure?.kind, "limit");
      assert.match(failure.what, /password over 256 bytes/);
      assert.match(failure.fix, /module-tls and host-tls/);
    });

  for (const module of ["bg95", "bc66"])
    it(`stands in no trace of a ${module}, which gets it in a command`, async () => {
      const trace = folder.file(`${module}.txt`);
      const more = ["--module", module, "--route", "module-mqtt", "--trace", trace];
      const { end, tokens } = await run("ec", "ec", more);
      assert.equal(tokens.length, 1, end.stderr);
      const text = readFileSync(trace, "utf8");
      assert.match(text, /AT\+QMTCONN=/);
      assert.doesNotMatch(text + end.stdout + end.stderr, /eyJ/);
    });

  describe("is renewed before it expires:", () => {
    /** One device that has nothing to publish, until it has come for the third time. */
    async function watch(route: string, module: string): Promise<{ tokens: readonly Token[]; log: string }> {
      const tokens: Token[] = [];
      let session: Session | undefined;
      const one = await EmbeddedBroker.start({
        security: "none",
        refuseConnect: (_client, _user, password) => {
          tokens.push(checkToken(password ?? "", keys.get("ec") ?? assert.fail()));
          if (tokens.length === 3) session?.interrupt();
          return undefined;
        },
      });
      const port = String(one.port);
      const given: SimulateOptions = checkOptions({
        ...{ module, route, engine: "node", broker: `mqtt://localhost:${port}`, message: "{n}", count: "1" },
        ...{ qos: "1", attempts: "1", baud: "115200", serial: "buffered", link: "none", seed: "1" },
        ...{ jwtAudience: "plant-17", jwtKey: folder.file("ec.key"), jwtLifetime: "60" },
      });
      const options = { ...given, count: 0 };
      const access: BrokerAccess = {
        ...{ url: `mqtt://localhost:${port}`, secure: false, host: "localhost", port: one.port },
        ...{ resolve: [], subscribe: "", commands: 0, notes: [] },
        refusal: () => undefined,
        close: () => one.close(),
      };
      const lines: string[] = [];
      const log = (line: string): unknown => lines.push(line);
      const engine = await startEngine(options, access, log);
      try {
        session = new Session({ options, broker: access, engine, log, trace: undefined, startedAt: 0 });
        await session.run();
      } finally {
        await engine.stop();
        await one.close();
      }
      return { tokens, log: lines.join("\n") };
    }

    for (const [module, route] of [
      ["bg95", "auto"],
      ["bg95", "module-mqtt"],
      ["bc66", "module-mqtt"],
    ] as const)
      it(`${module}, ${route}: the device comes back with a new one, and nothing counts as a failure`, async () => {
        const { tokens, log } = await watch(route, module);
        assert.equal(tokens.length, 3, log);
        for (let i = 1; i < tokens.length; i++) {
          const age = (tokens[i]?.issuedS ?? 0) - (tokens[i - 1]?.issuedS ?? 0);
          assert.ok(age >= 47 && age <= 50, String(age));
        }
        assert.doesNotMatch(log, /failed/);
        assert.equal(log.match(/ token +signed, valid for 60 s/g)?.length, 3);
      });
  });
});
