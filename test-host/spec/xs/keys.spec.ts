import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync, verify, type KeyObject } from "node:crypto";
import { deviceKeys } from "../../../hosts/workstation/device-keys.js";
import type { NativeCost } from "../../xs/index.js";
import { ENGINES, reports, withProgram, type Bench } from "./support.js";

const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const DATA = Buffer.from("nonce of the factory");

type Form = "pkcs8" | "sec1" | "pkcs1";

function der(key: KeyObject, type: Form): Buffer {
  return type === "sec1"
    ? key.export({ type, format: "der" })
    : key.export({ type: type as "pkcs8", format: "der" });
}

const FORMS: readonly (readonly [string, typeof ec, "ES256" | "RS256", Form])[] = [
  ["P-256 in PKCS #8", ec, "ES256", "pkcs8"],
  ["P-256 in SEC 1", ec, "ES256", "sec1"],
  ["RSA-2048 in PKCS #8", rsa, "RS256", "pkcs8"],
  ["RSA-2048 in PKCS #1", rsa, "RS256", "pkcs1"],
];

const encrypted = ec.privateKey.export({
  type: "pkcs8",
  format: "der",
  cipher: "aes-128-cbc",
  passphrase: "x",
});
const cut = der(rsa.privateKey, "pkcs8").subarray(0, 700);

const UNUSABLE: readonly (readonly [string, Uint8Array])[] = [
  ["nothing", new Uint8Array(0)],
  ["a certificate's worth of noise", Buffer.alloc(600, 0x5a)],
  ["a key that is cut off", cut],
  ["a key with a password", encrypted],
  ["a public key", ec.publicKey.export({ type: "spki", format: "der" })],
  ["P-384", der(generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey, "pkcs8")],
  ["secp256k1", der(generateKeyPairSync("ec", { namedCurve: "secp256k1" }).privateKey, "pkcs8")],
  ["Ed25519", der(generateKeyPairSync("ed25519").privateKey, "pkcs8")],
  ["RSA-1024", der(generateKeyPairSync("rsa", { modulusLength: 1024 }).privateKey, "pkcs8")],
  ["more than any key has", Buffer.alloc(5000, 0x30)],
];

/** The answer to a message, in the turn of the timer that brings it. */
async function later(bench: Bench, message: string): Promise<string[]> {
  const asked = await bench.message(message);
  assert.deepEqual(reports(asked), [["asked"]], "the call returns first");
  const timer = asked.actions.find(action => action.kind === "setTimer");
  assert.ok(timer);
  const [answer] = reports(await bench.turn({ kind: "timer", id: timer.id }));
  return answer as string[];
}

function isSignature(key: KeyObject, signature: string | undefined): boolean {
  const bytes = Buffer.from(signature ?? "", "hex");
  return verify("sha256", DATA, { key, dsaEncoding: "ieee-p1363" }, bytes);
}

describe("keys of the host", () => {
  const options = { keys: deviceKeys };

  for (const engine of ENGINES) {
    describe(engine, () => {
      async function withKeys(work: (bench: Bench) => Promise<void>): Promise<void> {
        await withProgram("keys", { ...options, engine }, async bench => {
          assert.deepEqual(reports(await bench.start()), [["keys", true]]);
          await work(bench);
        });
      }

      it("are absent unless asked for", async () => {
        await withProgram("keys", { engine }, async bench => {
          assert.deepEqual(reports(await bench.start()), [["keys", false]]);
        });
      });

      it("are made on P-256, in a later turn, each another", async () => {
        await withKeys(async bench => {
          const seen = new Set<string>();
          for (let round = 0; round < 3; round++) {
            const [, algorithm, publicKey = "", pkcs8 = ""] = await later(bench, "generate");
            assert.equal(algorithm, "ES256");
            const key = createPrivateKey({ key: Buffer.from(pkcs8, "hex"), format: "der", type: "pkcs8" });
            assert.equal(key.asymmetricKeyDetails?.namedCurve, "prime256v1");
            assert.equal(
              createPublicKey(key).export({ type: "spki", format: "der" }).toString("hex"),
              publicKey,
            );
            seen.add(pkcs8);
          }
          assert.equal(seen.size, 3);
        });
      });

      it("that were made sign", async () => {
        await withKeys(async bench => {
          const [, , publicKey = ""] = await later(bench, "generate");
          const [name, signature] = await later(bench, `sign ${DATA.toString("hex")}`);
          const key = createPublicKey({ key: Buffer.from(publicKey, "hex"), format: "der", type: "spki" });
          assert.equal(name, "signature");
          assert.equal(signature?.length, 128);
          assert.ok(isSignature(key, signature));
        });
      });

      for (const [what, { privateKey, publicKey }, algorithm, form] of FORMS)
        it(`that are stored are opened and sign: ${what}`, async () => {
          await withKeys(async bench => {
            const bytes = der(privateKey, form).toString("hex");
            const spki = publicKey.export({ type: "spki", format: "der" }).toString("hex");
            const pkcs8 = der(privateKey, "pkcs8").toString("hex");
            for (const way of ["read", "view"]) {
              const [opened] = await bench.ask(`${way} ${bytes}`);
              assert.deepEqual(opened, ["key", algorithm, spki, pkcs8], way);
            }
            const [, signature] = await later(bench, `sign ${DATA.toString("hex")}`);
            assert.ok(isSignature(publicKey, signature));
          });
        });

      it("that cannot be used are not opened", async () => {
        await withKeys(async bench => {
          for (const [what, bytes] of UNUSABLE) {
            const [opened] = await bench.ask(`read ${Buffer.from(bytes).toString("hex")}`);
            assert.deepEqual(opened, ["key", null, null, null], what);
          }
        });
      });

      it("that end before they should are not opened", async () => {
        await withKeys(async bench => {
          const bytes = der(ec.privateKey, "pkcs8").toString("hex");
          assert.deepEqual((await bench.ask(`short ${bytes}`))[0], ["key", null, null, null]);
        });
      });

      it("that cannot be made or used give nothing", async () => {
        const broken = { ...deviceKeys, generate: () => undefined, sign: () => undefined };
        await withProgram("keys", { engine, keys: broken }, async bench => {
          await bench.start();
          assert.deepEqual(await later(bench, "generate"), ["key", null, null, null]);
          await bench.ask(`read ${der(ec.privateKey, "pkcs8").toString("hex")}`);
          assert.deepEqual(await later(bench, "sign 00"), ["signature", null]);
        });
      });
    });
  }

  it("charge the steps that native work is said to take", async () => {
    const computeOf = async (nativeCost: NativeCost): Promise<[number, number]> => {
      const compute: number[] = [];
      await withProgram("keys", { ...options, nativeCost }, async bench => {
        await bench.start();
        await bench.message(`read ${der(rsa.privateKey, "pkcs8").toString("hex")}`);
        compute.push((await bench.message("sign 00")).compute, (await bench.message("generate")).compute);
      });
      return [compute[0] ?? 0, compute[1] ?? 0];
    };
    const free = await computeOf({});
    const charged = await computeOf({ signSteps: 1000, generateKeySteps: 70_000 });
    assert.deepEqual([charged[0] - free[0], charged[1] - free[1]], [1000, 70_000]);
  });

  it("fit the memory of an ESP32 with a large RSA key", async () => {
    const large = generateKeyPairSync("rsa", { modulusLength: 3072 });
    await withProgram("keys", options, async bench => {
      await bench.start();
      const [opened] = await bench.ask(`read ${der(large.privateKey, "pkcs8").toString("hex")}`);
      assert.equal((opened as string[])[1], "RS256");
    });
  });
});
