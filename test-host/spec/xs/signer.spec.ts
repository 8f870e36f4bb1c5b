import assert from "node:assert/strict";
import { generateKeyPairSync, verify, type KeyObject } from "node:crypto";
import { createEngine, type EngineSigner } from "../../xs/index.js";
import { ENGINES, PROGRAMS, reports, withProgram } from "./support.js";

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const TEXT = "header.payload";

const KEYS: readonly (readonly [
  EngineSigner["algorithm"],
  { privateKey: KeyObject; publicKey: KeyObject },
  number,
])[] = [
  ["ES256", ec, 64],
  ["RS256", rsa, 256],
];

describe("signer of the host", () => {
  for (const engine of ENGINES) {
    for (const [algorithm, { privateKey: key, publicKey }, length] of KEYS)
      it(`${engine}: signs ${algorithm} as a JSON Web Signature has it, in a later turn`, async () => {
        await withProgram("signer", { engine, signer: { algorithm, key } }, async bench => {
          assert.deepEqual(reports(await bench.start()), [["signer", algorithm]]);
          const asked = await bench.turn({ kind: "message", text: TEXT });
          assert.deepEqual(reports(asked), [["asked"]]);
          const timer = asked.actions.find(action => action.kind === "setTimer");
          assert.ok(timer);
          const [answer] = reports(await bench.turn({ kind: "timer", id: timer.id }));
          assert.ok(Array.isArray(answer));
          const signature = Buffer.from(String(answer[1]), "hex");
          assert.equal(signature.length, length);
          assert.ok(
            verify("sha256", Buffer.from(TEXT), { key: publicKey, dsaEncoding: "ieee-p1363" }, signature),
          );
        });
      });

    it(`${engine}: gives no signer when there is no key`, async () => {
      await withProgram("signer", { engine }, async bench => {
        assert.deepEqual(reports(await bench.start()), [["signer", null]]);
      });
    });
  }

  it("charges the steps that signing is said to take", async () => {
    const computeOf = async (signSteps?: number): Promise<number> => {
      let compute = 0;
      const signer = { algorithm: "RS256", key: rsa.privateKey } as const;
      const nativeCost = signSteps === undefined ? {} : { signSteps };
      await withProgram("signer", { signer, nativeCost }, async bench => {
        await bench.start();
        ({ compute } = await bench.turn({ kind: "message", text: TEXT }));
      });
      return compute;
    };
    assert.equal((await computeOf(1_000_000)) - (await computeOf()), 1_000_000);
  });

  for (const [title, signer] of [
    ["an RSA key for ES256", { algorithm: "ES256", key: rsa.privateKey }],
    ["an EC key for RS256", { algorithm: "RS256", key: ec.privateKey }],
    ["a public key", { algorithm: "ES256", key: ec.publicKey }],
  ] as const)
    it(`is refused ${title}`, async () => {
      await assert.rejects(
        createEngine({ engine: "node", entry: `${PROGRAMS}/signer`, signer }),
        /needs a private (RSA|P-256) key/,
      );
    });
});
