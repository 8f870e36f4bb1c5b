import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createAuthority, SigningIssuer } from "../../../certs/authority/file-authority.js";
import { checkRecipe, hasIssuerSecret, openRecipe } from "../../../certs/authority/open.js";
import { FactoryError } from "../../../certs/factory-error.js";
import { InputError } from "../../../certs/input-error.js";
import { Authority } from "../../../certs/issue.js";
import { readProfile, type Profile } from "../../../certs/profile/profile.js";
import { CertificateFolder } from "./files.js";
import { PIN, SoftToken, TOKEN } from "./soft-token.js";

const DAY_MS = 86_400_000;
const PASSPHRASE = "correct horse battery";

describe("a profile with everything that it names", () => {
  let folder: CertificateFolder;
  // What openssl makes in these specs is valid from then on; files of specs may be loaded long before they run.
  const now = new Date(Date.now() + 3_600_000);
  let brokerCa: Authority;

  before(async () => {
    brokerCa = await Authority.create({
      commonName: "Broker CA",
      notAfter: new Date(now.getTime() + 900 * DAY_MS),
    });
  });
  beforeEach(async () => {
    folder = new CertificateFolder();
    folder.file("broker.pem", brokerCa.certificatePem);
    folder.file("passphrase", `${PASSPHRASE}\n`);
    await createAuthority(`${folder.path}/ca`, {
      subject: { commonName: "Factory CA" },
      key: "P-256",
      notBefore: new Date(now.getTime() - DAY_MS),
      notAfter: new Date(now.getTime() + 1_000 * DAY_MS),
      passphrase: PASSPHRASE,
    });
  });
  afterEach(() => folder.remove());

  function profileOf(change: Record<string, unknown> = {}): Profile {
    const whole = {
      ...{ version: 1, name: "lamp", module: "bg95", target: "device", brokerCa: "broker.pem" },
      key: { made: "device", kind: "P-256" },
      issuer: { kind: "authority", folder: "ca", passphraseFile: "passphrase" },
      certificate: { days: 365 },
      ...change,
    };
    return readProfile(folder.file("profile.json", JSON.stringify(whole)));
  }

  // Cause: a profile's paths are said to start from the current folder.
  it("says where the paths of a profile start from", () => {
    assert.throws(
      () => checkRecipe(profileOf({ brokerCa: "nothing.pem" }), now),
      (error: unknown) =>
        error instanceof InputError && /starts from the profile's own folder\.$/.test(error.fix),
    );
  });

  /** Refused by `checkRecipe`, and by `openRecipe` too. */
  async function refused(
    profile: Profile,
    what: RegExp,
    kind: typeof InputError | typeof FactoryError = InputError,
  ) {
    const isRight = (error: unknown): boolean => {
      assert.ok(error instanceof kind, String(error));
      assert.match(error.what, what);
      assert.ok(error.why.length > 20 && error.fix.length > 10);
      return true;
    };
    assert.throws(() => checkRecipe(profile, now), isRight);
    await assert.rejects(
      openRecipe(profile, {}, () => now),
      isRight,
    );
  }

  const unitOf = () => ({
    subject: { commonName: "unit-7" },
    publicKey: Uint8Array.from(
      generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ type: "spki", format: "der" }),
    ),
    notBefore: now,
    notAfter: new Date(now.getTime() + DAY_MS),
  });

  it("is opened with the profile's own passphrase file, and issues", async () => {
    const recipe = await openRecipe(profileOf(), {}, () => now);
    assert.ok(recipe.issuer.kind === "signs" && recipe.issuer.by instanceof SigningIssuer);
    assert.equal(recipe.brokerCa.subject, "CN=Broker CA");
    assert.deepEqual(
      recipe.chain.map(one => one.subject),
      ["CN=Factory CA"],
    );
    assert.deepEqual(recipe.warnings, []);
    assert.ok((await recipe.issuer.by.issue(unitOf())).length > 300);
    recipe.close();
  });

  it("an option goes before the profile's file", async () => {
    const wrong = folder.file("wrong", "something else entirely\n");
    await assert.rejects(
      openRecipe(profileOf(), { passphraseFile: wrong }, () => now),
      /does not open/,
    );
    const profile = profileOf({ issuer: { kind: "authority", folder: "ca", passphraseFile: "wrong" } });
    await openRecipe(profile, { passphraseFile: `${folder.path}/passphrase` }, () => now);
  });

  it("without any secret it is checked, but not opened", async () => {
    const profile = profileOf({ issuer: { kind: "authority", folder: "ca" } });
    assert.equal(checkRecipe(profile, now).issuer.subject, "CN=Factory CA");
    assert.equal(hasIssuerSecret(profile, {}), false);
    assert.equal(hasIssuerSecret(profile, { passphraseFd: "3" }), true);
    await assert.rejects(
      openRecipe(profile, {}, () => now),
      /Neither --passphrase-file nor --passphrase-fd/,
    );
  });

  it("a PIN for an authority in files is refused: another profile was meant", async () => {
    await assert.rejects(
      openRecipe(profileOf(), { pinFile: "x" }, () => now),
      /a PIN was given, but .* "authority"/,
    );
  });

  describe("refused before anything is touched", () => {
    it("an authority that is not there", async () => {
      await refused(
        profileOf({ issuer: { kind: "authority", folder: "nowhere" } }),
        /ca\.pem does not exist/,
      );
    });

    it("an authority without its key", async () => {
      writeFileSync(`${folder.path}/ca/ca.key`, "x");
      await refused(profileOf(), /ca\.key holds neither PEM text nor DER/);
    });

    it("more days than the authority lives", async () => {
      await refused(
        profileOf({ certificate: { days: 1_001 } }),
        /certificate\.days is 1001, but CN=Factory CA ends on/,
      );
    });

    it("an authority that has expired", () => {
      const later = new Date(now.getTime() + 1_001 * DAY_MS);
      assert.throws(() => checkRecipe(profileOf(), later), /CN=Factory CA expired on/);
    });

    it("an authority that is not valid yet", () => {
      const earlier = new Date(now.getTime() - 3 * DAY_MS);
      assert.throws(() => checkRecipe(profileOf(), earlier), /CN=Factory CA is not valid before/);
    });

    it("a broker's certificate in the CA's place", async () => {
      folder.file("broker.pem", (await brokerCa.server({ commonName: "broker.example" })).certificatePem);
      await refused(profileOf(), /broker\.pem: CN=broker\.example is no authority/);
    });

    it("an expired broker CA", async () => {
      const old = await Authority.create({
        commonName: "Old",
        notBefore: new Date(0),
        notAfter: new Date(DAY_MS),
      });
      folder.file("broker.pem", old.certificatePem);
      await refused(profileOf(), /\(CN=Old\) expired/);
    });

    it("a key in the broker CA's place", async () => {
      folder.file("broker.pem", brokerCa.keyPem);
      await refused(profileOf(), /holds a private key .* and no certificate/);
    });

    it("two roots in the broker CA's place", async () => {
      folder.file(
        "broker.pem",
        brokerCa.certificatePem + (await Authority.create({ commonName: "Other" })).certificatePem,
      );
      await refused(profileOf(), /holds 2 certificates, 2 of them roots/);
    });

    it("a broker CA that is cut off", async () => {
      folder.file("broker.pem", brokerCa.certificatePem.slice(0, 200));
      await refused(profileOf(), /its CERTIFICATE has no END line/);
    });
  });

  it("of a broker's chain its root is taken", () => {
    return brokerCa.authority({ commonName: "Between" }).then(between => {
      folder.file("broker.pem", between.certificatePem + brokerCa.certificatePem);
      assert.equal(checkRecipe(profileOf(), now).brokerCa.subject, "CN=Broker CA");
    });
  });

  it("a broker CA that ends soon is a warning", async () => {
    const soon = await Authority.create({
      commonName: "Soon",
      notAfter: new Date(now.getTime() + 5 * DAY_MS),
    });
    folder.file("broker.pem", soon.certificatePem);
    assert.deepEqual(
      checkRecipe(profileOf(), now).warnings.map(one => one.rule),
      ["expires-soon"],
    );
  });

  describe("an issuer below a root", () => {
    /** Root, one or two authorities below it, in one file; the last of them issues. */
    function outsideProfile(file: string): Profile {
      mkdirSync(`${folder.path}/in`, { recursive: true });
      return profileOf({
        issuer: { kind: "requests", requests: "out", certificates: "in", certificate: file },
      });
    }
    const sub = "basicConstraints=critical,CA:TRUE";
    const usage = "keyUsage=critical,keyCertSign,cRLSign";

    function chainFile(
      rootOptions: readonly string[],
      order: (root: string, issuing: string) => string,
    ): Profile {
      const root = folder.selfSigned("root", "/CN=Root", "-days", "800", ...rootOptions);
      const issuing = folder.signed("issuing", "/CN=Issuing", root, sub, usage);
      folder.file("chain.pem", order(readFileSync(root, "latin1"), readFileSync(issuing, "latin1")));
      return outsideProfile("chain.pem");
    }

    it("its chain is the way up, the issuer first", () => {
      const profile = chainFile([], (root, issuing) => issuing + root);
      const soon = { ...profile, certificate: { days: 100 } };
      assert.deepEqual(
        checkRecipe(soon, now).chain.map(one => one.subject),
        ["CN=Issuing", "CN=Root"],
      );
    });

    it("without its root it is refused", async () => {
      await refused(
        chainFile([], (_, issuing) => issuing),
        /whoever issued CN=Issuing is missing/,
      );
    });

    it("behind another root it is refused", async () => {
      const profile = chainFile([], (_, issuing) => issuing + brokerCa.certificatePem);
      await refused(profile, /CN=Issuing was not issued by CN=Broker CA/);
    });

    it("below a root that allows no authority between it is refused", async () => {
      const profile = chainFile(
        ["-addext", "basicConstraints=critical,CA:TRUE,pathlen:0"],
        (root, issuing) => issuing + root,
      );
      await refused(profile, /CN=Root, which issued CN=Issuing, allows 0 authorities below it/);
    });

    it("a device's certificate as the issuer is refused", async () => {
      folder.file("chain.pem", (await brokerCa.client({ commonName: "unit-1" })).certificatePem);
      await refused(outsideProfile("chain.pem"), /CN=unit-1 is no authority/, FactoryError);
    });

    it("requests and certificates go by their folders", async () => {
      const profile = { ...chainFile([], (root, issuing) => issuing + root), certificate: { days: 100 } };
      const recipe = await openRecipe(profile, {}, () => now);
      assert.ok(recipe.issuer.kind === "outside" && recipe.outside === recipe.issuer.by);
      assert.equal(recipe.outside.certificate.subject, "CN=Issuing");
      assert.deepEqual(await recipe.outside.faults(), []);
    });

    it("a folder that is not there is refused", async () => {
      const profile = chainFile([], (root, issuing) => issuing + root);
      const broken = {
        ...profile,
        ...{
          certificate: { days: 100 },
          issuer: { ...profile.issuer, certificates: `${folder.path}/nowhere` },
        },
      } as Profile;
      await refused(broken, /issuer\.certificates \(.*nowhere\) is no folder/);
    });
  });

  describe("an issuer in a token", () => {
    it("is opened with the PIN of the profile's file, and checked without it", async function () {
      this.timeout(20_000);
      const token = new SoftToken(this);
      try {
        const ca = folder.selfSigned(
          "token-ca",
          "/CN=Token CA",
          "-days",
          "800",
          "-addext",
          "keyUsage=critical,keyCertSign,cRLSign",
        );
        token.importKey(ca.replace(".pem", ".key"), "issuing", "01");
        folder.file("pin", `${PIN}\n`);
        const issuer = {
          kind: "pkcs11",
          library: token.library,
          token: TOKEN,
          key: "issuing",
          certificate: "token-ca.pem",
        };
        const profile = profileOf({ issuer: { ...issuer, pinFile: "pin" } });
        assert.equal(checkRecipe(profileOf({ issuer }), now).issuer.subject, "CN=Token CA");
        const recipe = await openRecipe(profile, {}, () => now);
        assert.ok(recipe.issuer.kind === "signs");
        assert.ok((await recipe.issuer.by.issue(unitOf())).length > 300);
        recipe.close();
        recipe.close();
        await assert.rejects(
          openRecipe(profileOf({ issuer }), {}, () => now),
          /Neither --pin-file nor --pin-fd/,
        );
        await refused(
          profileOf({ issuer: { ...issuer, library: "/nowhere/lib.so" } }),
          /issuer\.library \(\/nowhere\/lib\.so\)/,
          FactoryError,
        );
      } finally {
        token.remove();
      }
    });
  });
});
