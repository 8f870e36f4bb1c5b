import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPublicKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { deviceValidity, issueRoot } from "../../../certs/authority/certificate.js";
import { openToken, type TokenOptions } from "../../../certs/authority/pkcs11.js";
import { KeySigner } from "../../../certs/authority/signer.js";
import { FactoryError } from "../../../certs/factory-error.js";
import { toPem } from "../../../certs/pem-text.js";
import { CertificateFolder } from "./files.js";
import { PIN, SoftToken, TOKEN } from "./soft-token.js";

const DAY_MS = 86_400_000;

describe("issuing by a token through PKCS#11", () => {
  const folder = new CertificateFolder();
  const now = new Date();
  const options = new Map<string, TokenOptions>();
  let token: SoftToken;

  before(async function () {
    this.timeout(30_000);
    token = new SoftToken(this);
    const keys = {
      "P-256": generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
      "RSA-2048": generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey,
    };
    for (const [kind, key] of Object.entries(keys)) {
      const pem = key.export({ type: "pkcs8", format: "pem" });
      token.importKey(folder.file(`${kind}.key`, pem), kind, kind === "P-256" ? "01" : "02");
      const der = await issueRoot(
        {
          subject: { commonName: `Token CA ${kind}` },
          notBefore: new Date(now.getTime() - 2 * DAY_MS),
          notAfter: new Date(now.getTime() + 1_000 * DAY_MS),
        },
        new KeySigner(key),
      );
      options.set(kind, {
        library: token.library,
        token: TOKEN,
        key: kind,
        pin: PIN,
        certificate: new X509Certificate(der),
      });
    }
  });
  after(() => {
    token.remove();
    folder.remove();
  });

  function optionsOf(kind: string): TokenOptions {
    const found = options.get(kind);
    assert.ok(found);
    return found;
  }

  async function refused(change: Partial<TokenOptions>, code: string): Promise<FactoryError> {
    let found: unknown;
    await assert.rejects(openToken({ ...optionsOf("P-256"), ...change }), error => {
      found = error;
      return true;
    });
    assert.ok(found instanceof FactoryError, String(found));
    assert.equal(found.code, code);
    const told = JSON.stringify([found.what, found.why, found.fix]);
    assert.ok(!told.includes(change.pin ?? PIN), "a PIN is in the message");
    return found;
  }

  const unit = (kind: string, issuer = optionsOf(kind).certificate) => {
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    return {
      subject: { commonName: "unit-7" },
      publicKey: Uint8Array.from(publicKey.export({ type: "spki", format: "der" })),
      ...deviceValidity(issuer, 100, new Date()),
    };
  };

  for (const kind of ["P-256", "RSA-2048"]) {
    it(`openssl and node verify what a key in the token has signed: ${kind}`, async () => {
      const issuer = await openToken(optionsOf(kind));
      try {
        const der = await issuer.issue(unit(kind));
        assert.ok(new X509Certificate(der).verify(issuer.certificate.publicKey));
        const ca = folder.file("ca.pem", toPem(Uint8Array.from(issuer.certificate.raw), "CERTIFICATE"));
        execFileSync("openssl", [
          ...["verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", ca],
          folder.file("unit.pem", toPem(der, "CERTIFICATE")),
        ]);
      } finally {
        issuer.close();
      }
    });

    it(`many certificates, one session: ${kind}`, async () => {
      const issuer = await openToken(optionsOf(kind));
      try {
        for (let count = 0; count < 20; count++) await issuer.issue(unit(kind));
      } finally {
        issuer.close();
      }
    });
  }

  it("the token signs revocation lists, too", async () => {
    const issuer = await openToken(optionsOf("P-256"));
    try {
      const list = await issuer.revocationList({
        revoked: [{ serialNumber: "0a", at: now, reason: "keyCompromise" }],
        number: 1,
        thisUpdate: now,
        nextUpdate: new Date(now.getTime() + DAY_MS),
      });
      const ca = folder.file("ca.pem", toPem(Uint8Array.from(issuer.certificate.raw), "CERTIFICATE"));
      execFileSync("openssl", [
        ...["crl", "-inform", "der", "-in", folder.file("list.crl", list), "-CAfile", ca, "-noout"],
      ]);
    } finally {
      issuer.close();
    }
  });

  /** A key that asks for the PIN before each signature, and its authority. */
  let strict: TokenOptions | undefined;
  function strictKey(): TokenOptions {
    if (strict !== undefined) return strict;
    token.tool(
      ...["--keypairgen", "--key-type", "EC:prime256v1", "--label", "strict", "--id", "07"],
      "--always-auth",
    );
    token.tool(
      "--read-object",
      "--type",
      "pubkey",
      "--id",
      "07",
      "--output-file",
      `${folder.path}/strict.der`,
    );
    const publicKey = createPublicKey({
      key: readFileSync(`${folder.path}/strict.der`),
      format: "der",
      type: "spki",
    });
    const certificate = certificateFor(publicKey.export({ type: "spki", format: "der" }));
    strict = { ...optionsOf("P-256"), key: "strict", certificate };
    return strict;
  }

  it("a key that asks for the PIN before each signature gets it", async () => {
    const issuer = await openToken(strictKey());
    try {
      await issuer.issue(unit("P-256", issuer.certificate));
      await issuer.issue(unit("P-256", issuer.certificate));
    } finally {
      issuer.close();
    }
  });

  // Between C_SignInit and the signature SoftHSM is told something else than what it asks for, once; it refuses by itself.
  const REFUSALS: readonly (readonly [
    what: string,
    change: (user: number, pin: string) => readonly [user: number, pin: string],
    code: string,
    next: string | undefined,
  ])[] = [
    ["a wrong PIN", user => [user, "9999"], "pkcs11-pin", "pkcs11-pin"],
    ["another fault", (_, pin) => [99, pin], "pkcs11-refused", undefined],
  ];
  for (const [what, change, code, next] of REFUSALS)
    // The signature stayed begun, and each one after it ended with CKR_OPERATION_ACTIVE.
    it(`a login before a signature that was refused for ${what} does not hold up the next`, async () => {
      const js = (await import("pkcs11js")).default;
      const real = js.PKCS11;
      let asked = 0;
      class Misunderstood extends real {
        constructor() {
          super();
          const login = this.C_Login.bind(this);
          const value = (session: Buffer, user: number, pin: string): void => {
            if (user !== js.CKU_CONTEXT_SPECIFIC) login(session, user, pin);
            // The first signature of all is the proof that the key is the certificate's.
            else login(session, ...(asked++ === 1 ? change(user, pin) : ([user, pin] as const)));
          };
          Object.defineProperty(this, "C_Login", { value });
        }
      }
      Object.defineProperty(js, "PKCS11", { value: Misunderstood, configurable: true, enumerable: true });
      const opened = openToken(strictKey());
      const issuer = await opened.finally(() => {
        Object.defineProperty(js, "PKCS11", {
          value: real,
          configurable: true,
          enumerable: true,
          writable: true,
        });
      });
      const outcome = async (): Promise<string | undefined> => {
        try {
          await issuer.issue(unit("P-256", issuer.certificate));
          return undefined;
        } catch (error) {
          return error instanceof FactoryError ? error.code : String(error);
        }
      };
      try {
        assert.equal(await outcome(), code);
        assert.equal(await outcome(), next);
        assert.equal(await outcome(), next);
        // A PIN that was refused is never tried again.
        assert.equal(asked, next === undefined ? 4 : 2);
      } finally {
        issuer.close();
      }
    });

  /** Of a key in the token, issued by another one of it: an intermediate. */
  function certificateFor(publicKey: Buffer): X509Certificate {
    const path = folder.file(
      "strict.pub.pem",
      createPublicKey({ key: publicKey, format: "der", type: "spki" }).export({
        type: "spki",
        format: "pem",
      }),
    );
    const ca = optionsOf("P-256").certificate;
    const caPath = folder.file("top.pem", toPem(Uint8Array.from(ca.raw), "CERTIFICATE"));
    const extensions = folder.file(
      "sub.ext",
      "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\n",
    );
    folder.openssl(
      "req",
      "-new",
      "-key",
      `${folder.path}/P-256.key`,
      "-subj",
      "/CN=Strict CA",
      "-out",
      "sub.csr",
    );
    folder.openssl(
      ...["x509", "-req", "-in", "sub.csr", "-force_pubkey", path, "-CA", caPath],
      ...["-CAkey", `${folder.path}/P-256.key`, "-CAcreateserial", "-days", "900", "-extfile", extensions],
      ...["-out", "sub.pem"],
    );
    return new X509Certificate(readFileSync(`${folder.path}/sub.pem`));
  }

  it("a wrong PIN is told, with the danger of more of them, and tried once", async () => {
    const error = await refused({ pin: "9999" }, "pkcs11-pin");
    assert.equal(error.side, "input");
    assert.match(error.why, /lock themselves/);
    // The right one still opens it.
    (await openToken(optionsOf("P-256"))).close();
  });

  it("a token that is not there is told, with those that are", async () => {
    const error = await refused({ token: "other" }, "pkcs11-token");
    assert.match(error.why, /These are there: factory/);
    assert.equal(error.side, "environment");
  });

  it("two tokens of the same label are told", async () => {
    token.addToken("twin");
    token.addToken("twin");
    assert.match((await refused({ token: "twin" }, "pkcs11-token")).what, /2 tokens are called twin/);
  });

  it("a key that is not there is told", async () => {
    assert.match((await refused({ key: "Root" }, "pkcs11-key")).what, /no private key that is called Root/);
  });

  it("two keys of the same label are told", async () => {
    token.importKey(`${folder.path}/P-256.key`, "double", "11");
    token.importKey(`${folder.path}/P-256.key`, "double", "12");
    assert.match((await refused({ key: "double" }, "pkcs11-key")).what, /several private keys/);
  });

  it("a certificate of another key of the same kind is refused before anything is issued", async () => {
    const stranger = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
    const der = await issueRoot(
      { subject: { commonName: "Stranger" }, notBefore: now, notAfter: new Date(now.getTime() + DAY_MS) },
      new KeySigner(stranger),
    );
    const error = await refused({ certificate: new X509Certificate(der) }, "issuer");
    assert.match(error.what, /CN=Stranger is not the certificate of key P-256/);
  });

  it("a certificate of another kind of key is refused", async () => {
    await refused({ certificate: optionsOf("RSA-2048").certificate }, "issuer");
  });

  it("a library that is not there is told, with what to install", async () => {
    const error = await refused({ library: "/nowhere/libtoken.so" }, "pkcs11-library");
    assert.match(error.what, /\/nowhere\/libtoken\.so cannot be loaded/);
    assert.match(error.fix, /Install/);
  });

  it("a file that is no library is told", async () => {
    await refused({ library: folder.file("fake.so", "text") }, "pkcs11-library");
  });

  it("a library that is no PKCS#11 library is told", async () => {
    await refused({ library: "libm.so.6" }, "pkcs11-library");
  });

  it("after close nothing is signed, and closing again is harmless", async () => {
    const issuer = await openToken(optionsOf("P-256"));
    issuer.close();
    issuer.close();
    await assert.rejects(
      issuer.issue(unit("P-256")),
      (error: unknown) => error instanceof FactoryError && error.code === "pkcs11-removed",
    );
  });

  it("a token that is pulled out in the middle of a run is told, and nothing wrong is issued", async () => {
    const issuer = await openToken(optionsOf("RSA-2048"));
    try {
      await issuer.issue(unit("RSA-2048"));
      token.pullOut();
      await assert.rejects(issuer.issue(unit("RSA-2048")), (error: unknown) => {
        assert.ok(error instanceof FactoryError, String(error));
        assert.equal(error.code, "pkcs11-removed");
        assert.equal(error.side, "environment");
        return true;
      });
    } finally {
      issuer.close();
    }
  });
});
