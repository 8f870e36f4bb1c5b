import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { generateKeyPairSync, X509Certificate, type KeyObject } from "node:crypto";
import { createAuthority, openAuthority, type Issuer } from "../../../certs/authority/file-authority.js";
import { checkDevice } from "../../../certs/check/rules.js";
import { certificateFacts } from "../../../certs/files/facts.js";
import { toPem } from "../../../certs/pem-text.js";
import { CertificateFolder } from "./files.js";

const DAY_MS = 86_400_000;

describe("issuing by a file authority", () => {
  const folder = new CertificateFolder();
  const notBefore = new Date(Date.now() - DAY_MS);
  const notAfter = new Date(Date.now() + 3_650 * DAY_MS);
  after(() => folder.remove());

  function spki(key: KeyObject): Uint8Array {
    return Uint8Array.from(key.export({ type: "spki", format: "der" }));
  }

  for (const authorityKey of ["P-256", "RSA-2048"] as const)
    for (const deviceKey of ["P-256", "RSA-2048"] as const)
      describe(`authority with ${authorityKey}, device with ${deviceKey}`, () => {
        const place = `${folder.path}/${authorityKey}-${deviceKey}`;
        let issuer: Issuer;
        let key: KeyObject;
        let certificate: X509Certificate;
        before(async () => {
          const subject = { commonName: 'Factory, "A" + B', organization: "Ä GmbH" };
          await createAuthority(place, {
            subject,
            key: authorityKey,
            notBefore,
            notAfter,
            passphrase: "passphrase-1",
          });
          // As the next station on the next day does it.
          issuer = openAuthority(place, "passphrase-1");
          const pair =
            deviceKey === "P-256"
              ? generateKeyPairSync("ec", { namedCurve: "P-256" })
              : generateKeyPairSync("rsa", { modulusLength: 2048 });
          key = pair.privateKey;
          const der = await issuer.issue({
            subject: { commonName: "unit-7", organization: "Acme" },
            publicKey: spki(pair.publicKey),
            notBefore,
            notAfter,
          });
          certificate = new X509Certificate(der);
        });

        it("openssl verifies the certificate strictly, for a TLS client", () => {
          const unit = folder.file("unit.pem", toPem(Uint8Array.from(certificate.raw), "CERTIFICATE"));
          const verified = execFileSync("openssl", [
            ...["verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", `${place}/ca.pem`, unit],
          ]);
          assert.match(verified.toString(), /: OK/);
        });

        it("node:crypto agrees with issuer, signature and key", () => {
          assert.ok(certificate.checkIssued(issuer.certificate));
          assert.ok(certificate.verify(issuer.certificate.publicKey));
          assert.ok(certificate.checkPrivateKey(key));
        });

        it("every check of a device's credentials passes", () => {
          const findings = checkDevice(
            { certificate, key, issuers: [issuer.certificate], serial: "unit-7" },
            new Date(),
          );
          assert.deepEqual(findings, []);
        });

        it("it may be a TLS client and nothing else", () => {
          const { ca, extendedKeyUsage, keyUsage } = certificateFacts(certificate);
          assert.equal(ca, false);
          assert.deepEqual(extendedKeyUsage, ["clientAuth"]);
          assert.equal(keyUsage?.includes("digitalSignature"), true);
        });

        it("its key signs, and one of RSA takes part in the key exchange of modules that know no other", () => {
          const usages =
            deviceKey === "RSA-2048" ? ["digitalSignature", "keyEncipherment"] : ["digitalSignature"];
          assert.deepEqual(certificateFacts(certificate).keyUsage, usages);
        });

        it("serial numbers are positive, of at most 20 bytes, and differ", async () => {
          const again = await issuer.issue({
            subject: { commonName: "unit-7" },
            publicKey: spki(certificate.publicKey),
            notBefore,
            notAfter,
          });
          const numbers = [certificate.serialNumber, new X509Certificate(again).serialNumber];
          assert.notEqual(numbers[0], numbers[1]);
          for (const number of numbers) assert.match(number, /^[4-7][0-9A-F]{31}$/);
        });
      });

  describe("files that were made before", () => {
    it("a name with signs that mean something in LDAP's notation stays what it is", () => {
      // Node puts a backslash before such signs.
      const subject = openAuthority(
        `${folder.path}/P-256-P-256`,
        "passphrase-1",
      ).certificate.subject.replaceAll("\\", "");
      assert.match(subject, /CN=Factory, "A" \+ B/);
      assert.match(subject, /O=Ä GmbH/);
    });

    it("an authority whose files do not belong together is refused", () => {
      execFileSync("cp", [`${folder.path}/RSA-2048-P-256/ca.key`, `${folder.path}/P-256-RSA-2048/ca.key`]);
      assert.throws(
        () => openAuthority(`${folder.path}/P-256-RSA-2048`, "passphrase-1"),
        /is not the key of/,
      );
    });
  });
});
