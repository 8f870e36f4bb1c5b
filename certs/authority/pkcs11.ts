import { createHash, randomBytes, type X509Certificate } from "node:crypto";
import type { Handle, PKCS11 } from "pkcs11js";
import { FactoryError } from "../factory-error.js";
import { subjectOf } from "../files/read.js";
import { SigningIssuer, type Issuer } from "./file-authority.js";
import { CKR, GONE, loadLibrary, tokenFault, type Library } from "./pkcs11-library.js";
import { checkSigningKey, signChecked, type CertificateSigner } from "./signer.js";

/** Seen with SoftHSM 2.6 only; other tokens are unverified on hardware. */
export interface TokenOptions {
  /** The token's library, `/usr/lib/softhsm/libsofthsm2.so`. */
  readonly library: string;
  /** Labels of the token and of the private key in it. */
  readonly token: string;
  readonly key: string;
  readonly pin: string;
  /** Of the authority whose key is in the token. */
  readonly certificate: X509Certificate;
}

/** DigestInfo of SHA-256 (RFC 8017, 9.2, note 1) up to the digest. */
const SHA256_INFO = Buffer.from("3031300d060960864801650304020105000420", "hex");

const CHECK_BYTES = 32;

/** CK_TOKEN_INFO flags. */
const PIN_FINAL_TRY = 0x20000;
const PIN_LOCKED = 0x40000;

/** Labels are filled up with blanks or zeros to 32 bytes. */
function label(text: string): string {
  return text.replace(/[\0 ]+$/, "");
}

/** The authority's key in a token. Each call blocks the whole process until the token has answered. */
class TokenSigner implements CertificateSigner {
  readonly algorithm: CertificateSigner["algorithm"];
  readonly publicKey: Uint8Array;
  readonly #js: Library;
  readonly #module: PKCS11;
  readonly #options: TokenOptions;
  /** Somebody else in this process had initialized the library: it is theirs to finalize. */
  #isOwn = false;
  #slot: Handle | undefined;
  #session: Handle | undefined;
  #key: Handle | undefined;
  /** CKA_ALWAYS_AUTHENTICATE: the PIN is asked for before each signature. */
  #isAskedAlways = false;
  /** CKM_RSA_PKCS over a digest made here: the token does not hash. */
  #isBare = false;
  /** After a PIN was refused nothing is tried any more. */
  #refused: FactoryError | undefined;

  constructor(js: Library, module: PKCS11, options: TokenOptions) {
    const key = options.certificate.publicKey;
    this.algorithm = checkSigningKey(key, `the key of ${subjectOf(options.certificate)}`);
    this.publicKey = Uint8Array.from(key.export({ type: "spki", format: "der" }));
    this.#js = js;
    this.#module = module;
    this.#options = options;
  }

  open(): void {
    const { token } = this.#options;
    this.#initialize();
    const slot = this.#guard("looking for the token", () => this.#findSlot());
    const { flags } = this.#guard("asking the token", () => this.#module.C_GetTokenInfo(slot));
    if ((flags & PIN_LOCKED) !== 0) throw this.#pinFault(CKR.pinLocked);
    if ((flags & PIN_FINAL_TRY) !== 0)
      throw tokenFault(
        "pkcs11-pin-last-try",
        "environment",
        `token ${token} has one try left for its PIN`,
        "The PIN was given wrong before; once more, and the token locks itself. Nothing was tried.",
        "Make sure of the PIN by hand with the token's own tool, which resets the count; then run again.",
      );
    this.#slot = slot;
    this.#session = this.#guard("opening a session", () => this.#openSession(slot));
    this.#login(this.#session, this.#js.CKU_USER);
    this.#key = this.#guard("looking for the key", () => this.#findKey());
    this.#isAskedAlways = this.#reads(this.#key, this.#js.CKA_ALWAYS_AUTHENTICATE);
    this.#isBare = this.algorithm !== "ECDSA" && !this.#knows(slot, this.#js.CKM_SHA256_RSA_PKCS);
  }

  // The token works while the process waits: a signature takes from a millisecond to a second.
  sign(bytes: Uint8Array): Promise<Uint8Array> {
    return Promise.resolve().then(() => this.#sign(bytes));
  }

  close(): void {
    if (this.#session !== undefined) this.#quietly(session => this.#module.C_CloseSession(session));
    this.#session = undefined;
    this.#key = undefined;
    if (this.#isOwn) {
      try {
        this.#module.C_Finalize();
      } catch {
        // A token that is gone cannot be closed; there is nothing left to give back.
      }
    }
    this.#isOwn = false;
  }

  /** One that only reads: nothing in the token is ever changed. */
  #openSession(slot: Handle): Handle {
    return this.#module.C_OpenSession(slot, this.#js.CKF_SERIAL_SESSION);
  }

  /**
   * The PIN for one signature. Where it is refused the signature stays begun, and the session would refuse the next one
   * (CKR_OPERATION_ACTIVE). C_SignFinal ends it on some tokens only: mechanisms of a single part need not know it. A session
   * that is closed ends it on all; the new one is opened before, so that the login stays (PKCS #11 v2.40, 5.6).
   */
  #loginForSignature(session: Handle): void {
    try {
      this.#login(session, this.#js.CKU_CONTEXT_SPECIFIC);
    } catch (error) {
      try {
        if (this.#slot !== undefined) this.#session = this.#openSession(this.#slot);
        this.#module.C_CloseSession(session);
        this.#key = this.#findKey();
      } catch {
        // The token is gone: the next signature tells. What refused this one is told first.
      }
      throw error;
    }
  }

  #initialize(): void {
    try {
      this.#module.C_Initialize();
      this.#isOwn = true;
    } catch (error) {
      if (this.#code(error) !== CKR.cryptokiAlreadyInitialized)
        throw tokenFault(
          "pkcs11-library",
          "environment",
          `${this.#options.library} cannot be started (${this.#name(error)})`,
          "The library is there, but its own settings or its service are not in order.",
          "Look at the token's software; SoftHSM needs a softhsm2.conf (SOFTHSM2_CONF) whose folder of tokens this user may read.",
        );
    }
  }

  #findSlot(): Handle {
    const { token } = this.#options;
    const found: Handle[] = [];
    const others: string[] = [];
    for (const slot of this.#module.C_GetSlotList(true)) {
      const name = label(this.#module.C_GetTokenInfo(slot).label);
      if (name === token) found.push(slot);
      else if (name !== "") others.push(name);
    }
    const [first] = found;
    if (first !== undefined && found.length === 1) return first;
    throw tokenFault(
      "pkcs11-token",
      "environment",
      first === undefined
        ? `no token is called ${token}`
        : `${String(found.length)} tokens are called ${token}`,
      others.length === 0 ? "There is no other token either." : `These are there: ${others.join(", ")}.`,
      "Plug the token in, or correct issuer.token in the profile; capitals count.",
    );
  }

  #login(session: Handle, user: number): void {
    if (this.#refused !== undefined) throw this.#refused;
    try {
      this.#module.C_Login(session, user, this.#options.pin);
    } catch (error) {
      const code = this.#code(error);
      if (code === CKR.userAlreadyLoggedIn) return;
      const isPin = (code >= CKR.pinIncorrect && code <= CKR.pinLocked) || code === CKR.userPinNotInitialized;
      if (!isPin) throw this.#translate(error, "giving the PIN");
      this.#refused = this.#pinFault(code);
      throw this.#refused;
    }
  }

  #pinFault(code: number): FactoryError {
    const { token } = this.#options;
    if (code === CKR.pinLocked)
      return tokenFault(
        "pkcs11-pin-locked",
        "environment",
        `token ${token} is locked`,
        "Its PIN was given wrong too often.",
        "Unlock it with its security officer's PIN and its own tool.",
      );
    if (code === CKR.pinExpired || code === CKR.userPinNotInitialized)
      return tokenFault(
        "pkcs11-pin",
        "environment",
        `token ${token} has no PIN that is valid now`,
        code === CKR.pinExpired ? "Its PIN has expired." : "Its user's PIN was never set.",
        "Set it with the token's own tool.",
      );
    return tokenFault(
      "pkcs11-pin",
      "input",
      `token ${token} refuses the PIN`,
      "It is the wrong PIN. Tokens lock themselves for ever after a few wrong ones, so it was tried once and never again.",
      "Make sure of the PIN before the next run; issuer.pinFile in the profile says where it is read from.",
    );
  }

  #findKey(): Handle {
    const { key, token } = this.#options;
    const session = this.#live();
    this.#module.C_FindObjectsInit(session, [
      { type: this.#js.CKA_CLASS, value: this.#js.CKO_PRIVATE_KEY },
      { type: this.#js.CKA_LABEL, value: key },
    ]);
    const found = this.#module.C_FindObjects(session, 2);
    this.#module.C_FindObjectsFinal(session);
    const [first] = found;
    if (first === undefined || found.length > 1)
      throw tokenFault(
        "pkcs11-key",
        "environment",
        first === undefined
          ? `token ${token} holds no private key that is called ${key}`
          : `token ${token} holds several private keys that are called ${key}`,
        "The authority's key is found by its label.",
        `Correct issuer.key in the profile; pkcs11-tool --module ${this.#options.library} --token-label ${token} --login --list-objects shows what is there.`,
      );
    const { value } = this.#module.C_GetAttributeValue(session, first, [
      { type: this.#js.CKA_KEY_TYPE },
    ])[0] ?? { value: Buffer.alloc(0) };
    const wanted = this.algorithm === "ECDSA" ? this.#js.CKK_EC : this.#js.CKK_RSA;
    // CK_ULONG in the machine's own order; the types are small numbers.
    const type = Buffer.isBuffer(value) ? (value[0] ?? -1) : -1;
    if (type !== wanted) throw this.#stranger();
    return first;
  }

  #stranger(): FactoryError {
    const { key, certificate } = this.#options;
    return tokenFault(
      "issuer",
      "input",
      `${subjectOf(certificate)} is not the certificate of key ${key} in the token`,
      "What that key signs would be refused by everybody who trusts this certificate.",
      "Correct issuer.certificate or issuer.key in the profile.",
    );
  }

  /** That the key is the certificate's: by a signature over a random text, which needs no public key in the token. */
  async prove(): Promise<void> {
    try {
      await signChecked(randomBytes(CHECK_BYTES), this);
    } catch (error) {
      if (error instanceof FactoryError && error.code === "signature") throw this.#stranger();
      throw error;
    }
  }

  #sign(bytes: Uint8Array): Uint8Array {
    const { algorithm } = this;
    const isHashed = algorithm === "ECDSA" || this.#isBare;
    const digest = isHashed ? createHash("sha256").update(bytes).digest() : Buffer.from(bytes);
    const input = this.#isBare ? Buffer.concat([SHA256_INFO, digest]) : digest;
    const mechanism =
      algorithm === "ECDSA"
        ? this.#js.CKM_ECDSA
        : this.#isBare
          ? this.#js.CKM_RSA_PKCS
          : this.#js.CKM_SHA256_RSA_PKCS;
    return this.#guard("signing", () => {
      const session = this.#live();
      const key = this.#key;
      if (key === undefined) throw this.#gone("signing", "closed");
      if (this.#refused !== undefined) throw this.#refused;
      this.#module.C_SignInit(session, { mechanism }, key);
      if (this.#isAskedAlways) this.#loginForSignature(session);
      // 512 bytes: RSA-4096.
      return Uint8Array.from(this.#module.C_Sign(session, input, Buffer.alloc(512)));
    });
  }

  #reads(key: Handle, type: number): boolean {
    try {
      const [found] = this.#module.C_GetAttributeValue(this.#live(), key, [{ type }]);
      return Buffer.isBuffer(found?.value) && found.value[0] === 1;
    } catch {
      // Tokens of before PKCS #11 v2.20 do not know the attribute.
      return false;
    }
  }

  #knows(slot: Handle, mechanism: number): boolean {
    return this.#guard("asking the token", () => this.#module.C_GetMechanismList(slot)).includes(mechanism);
  }

  #live(): Handle {
    if (this.#session === undefined) throw this.#gone("signing", "closed");
    return this.#session;
  }

  #quietly(act: (session: Handle) => void): void {
    try {
      act(this.#live());
    } catch {
      // See close().
    }
  }

  #guard<T>(doing: string, act: () => T): T {
    try {
      return act();
    } catch (error) {
      throw error instanceof FactoryError ? error : this.#translate(error, doing);
    }
  }

  #translate(error: unknown, doing: string): FactoryError {
    const code = this.#code(error);
    if (GONE.includes(code)) return this.#gone(doing, this.#name(error));
    return tokenFault(
      "pkcs11-refused",
      "environment",
      `token ${this.#options.token} refuses ${doing} (${this.#name(error)})`,
      code === CKR.mechanismInvalid
        ? "It does not sign in this way; wanted are CKM_ECDSA, or CKM_SHA256_RSA_PKCS, or CKM_RSA_PKCS."
        : "The token's software says no more.",
      "See whether the key may sign (CKA_SIGN), and what the token's manual says of this code.",
    );
  }

  #gone(doing: string, name: string): FactoryError {
    return tokenFault(
      "pkcs11-removed",
      "environment",
      `token ${this.#options.token} does not answer any more (${doing}: ${name})`,
      "It was unplugged, its session has ended, or its service has stopped. Nothing was issued for this unit.",
      "Plug the token in and run again: units continue where they are.",
    );
  }

  #code(error: unknown): number {
    return error instanceof Error && "code" in error && typeof error.code === "number" ? error.code : 0;
  }

  /** `CKR_PIN_INCORRECT`: the library's word, never what was given to it. */
  #name(error: unknown): string {
    const text = error instanceof Error ? error.message : "";
    return /^CKR_\w+$/.exec(text)?.[0] ?? `CKR 0x${this.#code(error).toString(16)}`;
  }
}

/**
 * An authority whose key is in a token, reached through PKCS#11. The PIN is given once, never again
 * after it was refused; only keys that ask for it before each signature (CKA_ALWAYS_AUTHENTICATE) get
 * it again. Calls of the token block the process while it works.
 * @throws FactoryError `pkcs11-library` (pkcs11js or the token's library is missing), `pkcs11-token`,
 * `pkcs11-key`, `pkcs11-pin`, `pkcs11-pin-last-try`, `pkcs11-pin-locked`, `pkcs11-refused`,
 * `pkcs11-removed`; `issuer` (the certificate is not the key's, or may issue nothing), `issuer-key`.
 * Issuing rejects with the last two of the token's, too.
 */
export async function openToken(options: TokenOptions): Promise<Issuer & { close(): void }> {
  const { js, module } = await loadLibrary(options.library);
  const signer = new TokenSigner(js, module, options);
  try {
    signer.open();
    await signer.prove();
    const issuer = new SigningIssuer(options.certificate, signer);
    return Object.assign(issuer, {
      close: () => {
        signer.close();
      },
    });
  } catch (error) {
    signer.close();
    throw error;
  }
}
