import { CertificateUpload, refusal, uploadItems } from "../../../../../drivers/bc66/certificate-upload.js";
import { TLS_CONTEXT } from "../../../../../drivers/bc66/commands-ssl.js";
import { bc66 } from "../../../../../drivers/bc66/profile.js";
import { bc66Commands } from "../../../../../drivers/bc66/commands.js";
import type { Holding, ReadBack } from "../../../../../certs/factory/target.js";
import type { CredentialRole } from "../../../../../modules/io/credentials.js";
import type { Timer } from "../../../../../modules/io/timer.js";
import { BytesCredential } from "../../../../../modules/pki/bytes.js";
import { heldBytes, setAwake } from "./commands.js";
import { different, forgotten, unusable } from "./faults.js";
import type { Session } from "./session.js";
import type { Store } from "./store.js";
import { equal, publicHalfOf, ROLES, textOf, unfit } from "./stored.js";

/** The connection whose items are filled: the one that the driver takes first. */
export const CONNECTION = 0;

/** From a restart to the first answer: banner to answer 1.8 s in a log, about 5 s in guides. */
const RESTART_MS = 12_000;
const ASK_MS = 500;

/** What was handed over, for as long as this run lasts: the module tells byte counts alone. */
export interface Handed {
  /** Bytes that the module counted. */
  readonly byteLength: number;
  /** The certificate; of a key the public half. */
  readonly object: Uint8Array | undefined;
}

/**
 * The RAM of a BC66, which holds credentials for one connection until it is powered down, restarts or
 * sleeps deeply. Nothing can be read back or deleted; all that it tells is a count of bytes.
 */
export class ConnectionStore implements Store {
  readonly #session: Session;
  readonly #timer: Timer;
  readonly #handed: Map<CredentialRole, Handed>;

  constructor(session: Session, timer: Timer, handed: Map<CredentialRole, Handed>) {
    this.#session = session;
    this.#timer = timer;
    this.#handed = handed;
  }

  /** Nothing can be told. */
  holding(): Promise<Holding> {
    return Promise.resolve({});
  }

  /** There is nothing to erase: what is written replaces what is there. */
  begin(): Promise<void> {
    this.#handed.clear();
    return Promise.resolve();
  }

  async write(role: CredentialRole, der: Uint8Array): Promise<void> {
    const limits = bc66.tls;
    const credential = new BytesCredential(der);
    const reason = unfit(role, der, limits.clientKeys);
    const refused = reason ?? refusal(role, credential, limits.credentialMax ?? Infinity)?.detail;
    if (refused !== undefined) throw unusable(role, refused);
    const session = this.#session;
    this.#handed.delete(role);
    await session.tell(
      session.wait<undefined>(done => {
        new CertificateUpload(
          { channel: session.channel, timer: this.#timer, event: () => undefined },
          CONNECTION,
          role,
          credential,
          failed => done(failed, undefined),
        );
      }),
    );
    // The driver tries once more with the other line ends: either count is right.
    const counts = await this.#counts();
    const byteLength = counts.get(uploadItems[role]) ?? 0;
    if (!lengthsOf(role, der).includes(byteLength))
      throw different(role, `the module counts ${byteLength} bytes`);
    this.#handed.set(role, { byteLength, object: role === "key" ? publicHalfOf(der) : Uint8Array.from(der) });
  }

  async readBack(expected: Holding): Promise<ReadBack> {
    const counts = await this.#counts();
    const told: { -readonly [Role in CredentialRole]?: "byte-count" } = {};
    for (const role of ROLES) {
      if (expected[role] === undefined) continue;
      const handed = this.#handed.get(role);
      const byteLength = counts.get(uploadItems[role]) ?? 0;
      if (handed === undefined || byteLength === 0) throw forgotten(role);
      if (!equal(handed.object, expected[role])) throw different(role, "another one was handed over");
      if (byteLength !== handed.byteLength)
        throw different(role, `the module counts ${byteLength} bytes, it was given ${handed.byteLength}`);
      told[role] = "byte-count";
    }
    return told;
  }

  /** Restarts the module, and looks that it counts no bytes any more. */
  async erase(what: "former" | "all"): Promise<void> {
    if (what === "former") return;
    this.#handed.clear();
    const session = this.#session;
    // It answers by `OK`, or by nothing but its boot text.
    await session.run(bc66Commands.restart, []).catch(() => undefined);
    const until = performance.now() + RESTART_MS;
    for (;;) {
      await new Promise<void>(resolve => void this.#timer.set(resolve, ASK_MS));
      const answered = await session.run(bc66Commands.attention, []).then(
        () => true,
        () => false,
      );
      if (answered || performance.now() > until) break;
    }
    const counts = await this.#counts();
    for (const role of ROLES)
      if ((counts.get(uploadItems[role]) ?? 0) > 0)
        throw different(role, "the module still counts its bytes after a restart");
  }

  /** The module has forgotten something that this run has handed over, or never got. */
  async holds(): Promise<boolean> {
    const counts = await this.#counts();
    return ROLES.every(role => (counts.get(uploadItems[role]) ?? 0) > 0);
  }

  /** Light and deep sleep off, until the next restart: deep sleep would empty it. */
  async stayAwake(): Promise<void> {
    await this.#session.tell(this.#session.run(setAwake, []));
  }

  #counts(): Promise<ReadonlyMap<string, number>> {
    return this.#session.tell(this.#session.run(heldBytes, [TLS_CONTEXT, CONNECTION]));
  }
}

function lengthsOf(role: CredentialRole, der: Uint8Array): readonly number[] {
  return [undefined, "\r\n" as const].map(lineEnd => {
    const text = textOf(role, der, lineEnd);
    const { length } = text;
    text.fill(0);
    return length;
  });
}
