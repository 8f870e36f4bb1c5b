import type { RouteName } from "../../drivers/quectel/route.js";

export type ModuleName = "bg95" | "bc66";

/** What the application is configured with: `config` of its manifest, or the command line of the simulation. Plain data. */
export interface FirmwareConfig {
  readonly module: ModuleName;
  /** Default `auto`: chosen from module, broker and credentials. */
  readonly route?: RouteName | "auto";
  /**
   * Where CA, certificate and key are: `device` (default), the host's store, or `module`, files that a factory
   * has put into a BG95's own file system. `module` needs a product with `withModuleStore`.
   */
  readonly credentials?: "device" | "module";
  /** Access point; empty: what the module has stored or the network gives. */
  readonly apn?: string;
  readonly apnUser?: string;
  readonly apnPassword?: string;
  readonly pin?: string;
  /** Asked when the network tells no time. */
  readonly timeServer?: string;
  readonly broker: BrokerConfig;
  readonly clientId: string;
  readonly user?: string;
  readonly password?: string;
  /** Instead of `password`: a token that the host's signer signs. */
  readonly jwt?: JwtConfig;
  readonly topic: string;
  /** Payload of each message; `{n}` stands for its number. */
  readonly message: string;
  /** Messages to publish; 0: none. */
  readonly count: number;
  readonly qos: 0 | 1 | 2;
  /** Topic filter for commands; empty or absent: none. */
  readonly subscribe?: string;
  /** Commands to wait for before the work counts as done. */
  readonly commands: number;
  /** After the last acknowledgement wait so long for messages that still come, milliseconds. */
  readonly lingerMs: number;
  /** Failures after which the application gives up; 0: never. */
  readonly attempts: number;
  /** Milliseconds. */
  readonly keepAlive: number;
  /** Reports at intervals, with sleep between them where the platform can; needs a product with `Reports`. */
  readonly sleep?: SleepConfig;
}

/** When a device reports, and how it sleeps meanwhile. Times are milliseconds where nothing else is said. */
export interface SleepConfig {
  /** From one wake to the next. */
  readonly everyMs: number;
  /** Longest time awake; then it sleeps, and what was not delivered waits in flash. Default 180,000. */
  readonly awakeMs?: number;
  /**
   * What the module does meanwhile: `psm` (default) stays registered and sleeps deeply, `off` is powered
   * down. After a wake that reached nothing it is powered down in any case.
   */
  readonly module?: "psm" | "off";
  /** Readings are gathered, and sent with every so many; default 1. */
  readonly sendEvery?: number;
  /** After wakes that reached nothing at most so many are passed over, in which readings are only stored; default 7. */
  readonly skipMost?: number;
  /** Active time (T3324) that is asked of the network: from the radio's release to deep sleep, seconds; default 10. */
  readonly activeS?: number;
}

export interface BrokerConfig {
  /** Name or address; for TLS the name in the broker's certificate. */
  readonly host: string;
  readonly port: number;
  /** TLS, by whichever route. */
  readonly secure: boolean;
  /** False: the broker's certificate is not checked. */
  readonly verify: boolean;
  /** Cipher suites that the broker takes, by number, where that is known. */
  readonly suites?: readonly number[];
}

/** A JSON Web Token as MQTT password, as brokers of the Google kind want it. */
export interface JwtConfig {
  /** `aud`: the project. */
  readonly audience: string;
  /** From `iat` to `exp`, seconds. */
  readonly lifetimeS: number;
}
