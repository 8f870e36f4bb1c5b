import assert from "node:assert/strict";
import { generateKeyPairSync, sign, verify } from "node:crypto";
import fc from "fast-check";
import { isPlainClaim, jwtInput, withSignature } from "../../../modules/pki/jwt.js";

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

describe("a JSON Web Token", () => {
  it("has header and claims as Node's base64url writes them", () => {
    const [header, claims] = text(jwtInput("ES256", "project-1", 1_700_000_000, 3_600)).split(".");
    assert.deepEqual(JSON.parse(Buffer.from(header ?? "", "base64url").toString()), {
      alg: "ES256",
      typ: "JWT",
    });
    assert.deepEqual(JSON.parse(Buffer.from(claims ?? "", "base64url").toString()), {
      iat: 1_700_000_000,
      exp: 1_700_003_600,
      aud: "project-1",
    });
  });

  it("is encoded as base64url without padding, whatever the lengths", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.uint8Array({ maxLength: 40 }), (signature, input) => {
        const expected = `${text(input)}.${Buffer.from(signature).toString("base64url")}`;
        assert.equal(text(withSignature(input, signature)), expected);
      }),
    );
  });

  for (const algorithm of ["ES256", "RS256"] as const)
    it(`signed with ${algorithm} is verified by node:crypto`, () => {
      const { privateKey, publicKey } =
        algorithm === "ES256"
          ? generateKeyPairSync("ec", { namedCurve: "P-256" })
          : generateKeyPairSync("rsa", { modulusLength: 2048 });
      const input = jwtInput(algorithm, "project", 1_700_000_000, 60);
      const signature = sign("sha256", input, { key: privateKey, dsaEncoding: "ieee-p1363" });
      const parts = text(withSignature(input, signature)).split(".");
      assert.equal(parts.length, 3);
      const received = Buffer.from(parts[2] ?? "", "base64url");
      const signed = Buffer.from(`${parts[0] ?? ""}.${parts[1] ?? ""}`);
      assert.ok(verify("sha256", signed, { key: publicKey, dsaEncoding: "ieee-p1363" }, received));
    });

  it("takes an audience only that needs no escapes", () => {
    for (const good of ["project-1", "a b", "p:1/2"]) assert.ok(isPlainClaim(good), good);
    for (const bad of ["", 'a"b', "a\\b", "a\n", "é"]) assert.ok(!isPlainClaim(bad), bad);
  });
});
