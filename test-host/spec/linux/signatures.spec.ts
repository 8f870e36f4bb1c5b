import assert from "node:assert/strict";
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, verify } from "node:crypto";
import * as fc from "fast-check";
import type { Credential } from "../../../modules/io/credentials.js";
import type { Certificate } from "../../../modules/pki/x509.js";
import { credential } from "../drivers/identities.js";
import { loadHost } from "./sdk-bundle.js";
import { pkcs8Of, RFC6979, signatureVectors } from "./signature-vectors.js";

/** `signatures.ts` and `p256.ts` of `hosts/moddable`, whose own arithmetic is the SDK's. */
interface Modules {
  isSignedBy(signed: Certificate, issuer: Certificate): boolean;
  signP256(key: Credential, hash: ArrayBuffer): Uint8Array;
  derSignature(signature: Uint8Array): Uint8Array;
}

async function modules(): Promise<Modules> {
  const [signatures, p256] = await Promise.all([loadHost("moddable/signatures"), loadHost("moddable/p256")]);
  return { ...(signatures as Modules), ...(p256 as Modules) };
}

function sha256(text: string | Uint8Array): ArrayBuffer {
  return Uint8Array.from(createHash("sha256").update(text).digest()).buffer;
}

const blank: Certificate = {
  tbs: new Uint8Array(0),
  algorithm: new Uint8Array(0),
  signature: new Uint8Array(0),
  issuer: new Uint8Array(0),
  subject: new Uint8Array(0),
  notBefore: 0,
  notAfter: 0,
  key: new Uint8Array(0),
  authority: true,
  pathLength: undefined,
  keyUsage: undefined,
  forServers: true,
  unknownCritical: false,
  names: undefined,
};

describe("signatures with the SDK's arithmetic, which stand-ins take the place of", () => {
  let own: Modules;

  before(async () => {
    own = await modules();
  });

  describe("of certificates:", () => {
    for (const { name, valid, key, ...parts } of signatureVectors())
      it(`${valid ? "takes" : "refuses"} ${name}`, () => {
        const check = (): boolean => own.isSignedBy({ ...blank, ...parts }, { ...blank, key });
        if (valid) assert.equal(check(), true);
        // What is no DER throws, which ends a handshake as well.
        else assert.notEqual(outcome(check), true);
      });

    function outcome(check: () => boolean): unknown {
      try {
        return check();
      } catch (error) {
        assert.ok(error instanceof Error);
        return error.message;
      }
    }
  });

  describe("by a P-256 key:", () => {
    const scalar = Uint8Array.from(Buffer.from(RFC6979.scalar, "hex"));

    for (const { message, r, s } of RFC6979.signatures)
      it(`the vector of RFC 6979 for "${message}"`, () => {
        const made = own.signP256(credential(pkcs8Of(scalar)), sha256(message));
        assert.equal(Buffer.from(made).toString("hex").toUpperCase(), r + s);
      });

    it("OpenSSL verifies them, in both forms, with keys that it has written", () => {
      for (let i = 0; i < 8; i++) {
        const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
        const pkcs8 = Uint8Array.from(privateKey.export({ type: "pkcs8", format: "der" }));
        const text = Buffer.from(`message ${String(i)}`);
        const made = own.signP256(credential(pkcs8), sha256(text));
        assert.ok(verify("sha256", text, { key: publicKey, dsaEncoding: "ieee-p1363" }, made));
        assert.ok(verify("sha256", text, publicKey, own.derSignature(made)));
      }
    });

    it("a hash above the order of the group is reduced, as RFC 6979 says", () => {
      const key = createPrivateKey({ key: Buffer.from(pkcs8Of(scalar)), format: "der", type: "pkcs8" });
      assert.equal(createPublicKey(key).asymmetricKeyType, "ec");
      const hash = new Uint8Array(32).fill(0xff);
      const first = own.signP256(credential(pkcs8Of(scalar)), hash.slice().buffer);
      // 2^256 - 1 less the order.
      const order = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
      const rest = ((1n << 256n) - 1n - order).toString(16).padStart(64, "0");
      const second = own.signP256(
        credential(pkcs8Of(scalar)),
        Uint8Array.from(Buffer.from(rest, "hex")).buffer,
      );
      assert.deepEqual(first, second);
    });

    it("a key of another length is refused", () => {
      assert.throws(
        () => own.signP256(credential(pkcs8Of(new Uint8Array(48).fill(7))), sha256("x")),
        /P-256/,
      );
    });

    const forms: readonly (readonly [string, readonly number[], readonly number[]])[] = [
      ["a high bit gets a zero in front", [0x80], [0x02, 0x21, 0x00, 0x80]],
      ["zeros in front go", [0, 0, 0x7f], [0x02, 0x1e, 0x7f]],
      ["but not where a high bit follows", [0, 0x80], [0x02, 0x20, 0x00, 0x80]],
    ];
    for (const [name, beginning, expected] of forms)
      it(`DER: ${name}`, () => {
        const signature = new Uint8Array(64).fill(1);
        signature.set(beginning);
        const der = own.derSignature(signature);
        assert.deepEqual([...der.subarray(2, 2 + expected.length)], expected);
        assert.equal(der[1], der.length - 2);
      });

    it("DER: any two numbers come back as they were", () => {
      fc.assert(
        fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), signature => {
          const der = own.derSignature(signature);
          const first = der[3] ?? 0;
          const numbers = [der.subarray(4, 4 + first), der.subarray(6 + first)];
          const hex = numbers.map(bytes => BigInt(`0x0${Buffer.from(bytes).toString("hex")}`));
          assert.deepEqual(hex, [
            BigInt(`0x0${Buffer.from(signature.subarray(0, 32)).toString("hex")}`),
            BigInt(`0x0${Buffer.from(signature.subarray(32)).toString("hex")}`),
          ]);
          for (const bytes of numbers) assert.ok((bytes[0] ?? 0x80) < 0x80);
        }),
      );
    });
  });
});
