import { failure, type Failure } from "../../modules/diagnosis/failure.js";
import type { Clock, Timer } from "../../modules/io/timer.js";
import { jwtInput, withSignature } from "../../modules/pki/jwt.js";
import type { JwtConfig } from "./config.js";
import type { Signer } from "./host.js";

/** Longest wait for a signature. */
const SIGN_MS = 60_000;

/** What the token needs of the platform. */
export interface TokenHost {
  readonly timer: Timer;
  readonly clock: Clock;
  readonly signer?: Signer | undefined;
}

/**
 * A JSON Web Token that is renewed before it expires. The platform signs; where it cannot, the
 * reason is told instead of a token.
 */
export class Token {
  /** The present token, ASCII; empty before the first. */
  text: Uint8Array = new Uint8Array(0);
  private readonly host: TokenHost;
  private readonly jwt: JwtConfig;
  private readonly renewed: (reason: Failure | undefined) => void;
  private timer: unknown;
  private asked = 0;

  /** `renewed`: a new token is there, or why not; again and again, each before the last one expires. */
  constructor(host: TokenHost, jwt: JwtConfig, renewed: (reason: Failure | undefined) => void) {
    this.host = host;
    this.jwt = jwt;
    this.renewed = renewed;
  }

  /** Makes a token now. The clock must have been set. */
  renew(): void {
    const host = this.host;
    const signer = host.signer;
    const asked = ++this.asked;
    if (signer === undefined) {
      this.wait(0, () => this.renewed(failure("credential", "JWT", undefined, "nothing here signs")));
      return;
    }
    const input = jwtInput(
      signer.algorithm,
      this.jwt.audience,
      Math.floor(host.clock.now() / 1000),
      this.jwt.lifetimeS,
    );
    this.wait(SIGN_MS, () => this.signed(asked, input, undefined));
    signer.sign(input, signature => this.signed(asked, input, signature));
  }

  close(): void {
    this.asked++;
    this.host.timer.clear(this.timer);
  }

  private signed(asked: number, input: Uint8Array, signature: Uint8Array | undefined): void {
    if (asked !== this.asked) return;
    this.asked++;
    if (signature === undefined) {
      this.wait(SIGN_MS, () => this.renew());
      this.renewed(failure("credential", "JWT", undefined, "the signature failed"));
      return;
    }
    this.text = withSignature(input, signature);
    // With the last fifth in reserve: for a connection that is being opened, and for clocks that differ.
    this.wait(this.jwt.lifetimeS * 800, () => this.renew());
    this.renewed(undefined);
  }

  private wait(ms: number, next: () => void): void {
    this.host.timer.clear(this.timer);
    this.timer = this.host.timer.set(next, ms);
  }
}
