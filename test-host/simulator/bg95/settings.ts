import type { PortSettings } from "../modem/at-port.js";
import type { OperatorSettings, SimSettings } from "../modem/settings.js";
import { defaultBg95MqttSettings, type MqttSettings } from "../modem/mqtt-settings.js";

/** Durations from the power key's falling edge, ms; minima of the hardware manual, the rest from logs. */
export interface BootSettings {
  readonly powerKeyOnMs: number;
  readonly statusMs: number;
  readonly readyMs: number;
  /** `APP RDY`; commands before it are lost. */
  readonly appReadyMs: number;
  readonly simReadyMs: number;
  readonly smsReadyMs: number;
  /** Held at least so long while running: the module goes down when it is let go. */
  readonly powerKeyOffMs: number;
  readonly powerDownMs: number;
  readonly resetMs: number;
  /** AT+CFUN=1,1 until RDY. */
  readonly rebootMs: number;
}

/**
 * Settings of a simulated BG95. Everything that the references leave open or contradict is here with
 * its choices; the default is the choice that the references make more likely.
 */
export interface Bg95Settings {
  readonly model: string;
  readonly revision: string;
  readonly firmware: string;
  readonly imei: string;
  readonly sim: SimSettings;
  readonly operator: OperatorSettings;
  readonly registration: "home" | "roaming" | "denied" | "searching";
  readonly boot: BootSettings;
  readonly port: PortSettings;
  /** Milliseconds since 1970 at simulated time 0. */
  readonly epochMs: number;
  /** Quarter hours east of UTC that the network tells. */
  readonly timeZoneQuarters: number;
  /** The network tells the time at registration (NITZ). */
  readonly networkTime: boolean;
  readonly fileSystemBytes: number;
  /** Signal: RSSI dBm, RSRP dBm, SINR as coded, RSRQ dB. */
  readonly signal: readonly [number, number, number, number];

  /** Unpublished: bytes that a socket takes and the peer has not acknowledged; beyond: SEND FAIL. */
  readonly sendBufferBytes: number;
  /** Unpublished: unread bytes of a socket; beyond, the TCP window closes. */
  readonly receiveBufferBytes: number;
  /** Commands between RDY and APP RDY. */
  readonly earlyCommands: "lost" | "error";
  /** QIOPEN without an active context. */
  readonly openWithoutContext: "error" | "urc-561";
  /** QIOPEN with an id in use: OK and a URC with 563, or ERROR (QIGETERROR then tells 563). */
  readonly openUsedId: "urc-563" | "error";
  /** After a failed QIOPEN or QSSLOPEN the id stays occupied until it is closed. */
  readonly failedOpenKeepsId: boolean;
  /** A TCP socket and a TLS client cannot have the same id. */
  readonly tlsSharesIds: boolean;
  /** `+QIURC: "closed"` after a local QICLOSE: one operator guide says so, logs do not show it. */
  readonly closedUrcAfterLocalClose: boolean;
  /** Sockets of a context that the network deactivates report `closed`. */
  readonly closedUrcAfterDeactivation: boolean;
  /** AT+QIACT is refused after `pdpdeact` until AT+QIDEACT. */
  readonly deactivationNeedsQideact: boolean;
  /** QFLST of a name that does not exist. */
  readonly listNoMatch: "error-405" | "ok";
  /** QFLST prints `UFS:name`. */
  readonly listPrefix: boolean;
  /** Answer of AT+QFLST="*" when there is no file at all. [unknown] */
  readonly listEmpty: "error-405" | "ok";
  /** QISTATE of a connected client: manual 2, one BG96 log 3. */
  readonly connectedState: 2 | 3;
  /** Boot: `+CPIN` before or after `APP RDY`. */
  readonly bootOrder: "app-first" | "sim-first";
  /** Data echo after a restart: the manual's default is on. */
  readonly dataEcho: boolean;

  /** Code of +QSSLOPEN when the handshake fails, for whatever cause. */
  readonly tlsFailureCode: number;
  /** Code of +QSSLOPEN when the server cannot be reached. */
  readonly connectFailureCode: number;
  /** AT+QIGETERROR after a failed handshake: 0 (measured on EG800K) or the failure code. */
  readonly tlsErrorReported: boolean;
  readonly checkHostDefault: 0 | 1;
  /** Host name is judged at security level 1 and 2 even with "checkhost" off. */
  readonly securityLevelChecksHost: boolean;
  readonly sniDefault: 0 | 1;
  readonly ignoreLocalTimeDefault: 0 | 1;
  readonly sessionDefault: 0 | 1;
  /** P-256 client keys; no source tells. */
  readonly ecClientKeys: boolean;
  /** A CA file with an intermediate certificate alone is an anchor. */
  readonly partialChain: boolean;
  /** A CA file with several certificates: all count, or the first only. */
  readonly caFile: "all" | "first";
  /** Order of the suites in the ClientHello for 0XFFFF. */
  readonly suiteOrder: "strongest-first" | "manual";
  /** Curves offered. */
  readonly groups: readonly string[];
  /** TCP connection attempts that nothing answers end after this, ms. */
  readonly connectTimeoutMs: number;
  readonly mqtt: MqttSettings;
}

export const defaultBg95Settings: Bg95Settings = {
  model: "BG95-M3",
  revision: "BG95M3LAR02A03",
  firmware: "BG95M3LAR02A03_01.011.01.011",
  imei: "866425030000014",
  sim: {
    state: "ready",
    pin: "1234",
    puk: "12345678",
    iccid: "89490200001000000017",
    imsi: "262010000000017",
  },
  operator: { longName: "Simulated", shortName: "Sim", numeric: "26201" },
  registration: "home",
  boot: {
    powerKeyOnMs: 500,
    statusMs: 2_100,
    readyMs: 2_500,
    appReadyMs: 4_500,
    simReadyMs: 4_700,
    smsReadyMs: 7_500,
    powerKeyOffMs: 650,
    powerDownMs: 1_300,
    resetMs: 2_000,
    rebootMs: 5_900,
  },
  port: {
    commandMs: 2,
    multiline: "compact",
    inputWhileBusy: "queued",
    urcWhileData: "queued",
    longestLine: 2_048,
    promptText: "> ",
    promptPauseMs: 0,
    blankBehindPlus: false,
  },
  epochMs: Date.UTC(2026, 10, 20, 12, 0, 0),
  timeZoneQuarters: 0,
  networkTime: true,
  fileSystemBytes: 14_483_456,
  signal: [-52, -81, 195, -10],
  sendBufferBytes: 8_192,
  receiveBufferBytes: 8_192,
  earlyCommands: "lost",
  openWithoutContext: "error",
  openUsedId: "urc-563",
  failedOpenKeepsId: true,
  tlsSharesIds: true,
  closedUrcAfterLocalClose: false,
  closedUrcAfterDeactivation: false,
  deactivationNeedsQideact: true,
  listNoMatch: "error-405",
  listPrefix: false,
  listEmpty: "ok",
  connectedState: 2,
  bootOrder: "app-first",
  dataEcho: true,
  tlsFailureCode: 566,
  connectFailureCode: 566,
  tlsErrorReported: false,
  checkHostDefault: 0,
  securityLevelChecksHost: false,
  sniDefault: 0,
  ignoreLocalTimeDefault: 1,
  sessionDefault: 0,
  ecClientKeys: true,
  partialChain: false,
  caFile: "all",
  suiteOrder: "strongest-first",
  groups: ["P-256", "P-384"],
  connectTimeoutMs: 75_000,
  mqtt: defaultBg95MqttSettings,
};

/** Defaults with changes; the nested records may be given in part. */
export type Bg95Changes = Partial<Omit<Bg95Settings, "sim" | "operator" | "boot" | "port" | "mqtt">> & {
  readonly sim?: Partial<SimSettings>;
  readonly operator?: Partial<OperatorSettings>;
  readonly boot?: Partial<BootSettings>;
  readonly port?: Partial<PortSettings>;
  readonly mqtt?: Partial<MqttSettings>;
};

export function bg95Settings(changes: Bg95Changes = {}): Bg95Settings {
  const base = defaultBg95Settings;
  return {
    ...base,
    ...changes,
    sim: { ...base.sim, ...changes.sim },
    operator: { ...base.operator, ...changes.operator },
    boot: { ...base.boot, ...changes.boot },
    port: { ...base.port, ...changes.port },
    mqtt: { ...base.mqtt, ...changes.mqtt },
  };
}
