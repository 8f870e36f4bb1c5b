import type { PortSettings } from "../modem/at-port.js";
import { defaultBc66MqttSettings, type MqttSettings } from "../modem/mqtt-settings.js";
import type { OperatorSettings, SimSettings } from "../modem/settings.js";
import { defaultTlsCodes, type Bc66TlsCause } from "./tls-codes.js";

/** Durations in ms. Minima of the hardware guide, the rest from timestamped logs or [estimate]. */
export interface BootSettings {
  /** PWRKEY low at least so long switches on. */
  readonly powerKeyMs: number;
  /** From the start of the chip (end of the key's pulse, reset) until VDD_EXT is high [estimate]. */
  readonly vddExtMs: number;
  /** Until the boot text of the ROM. */
  readonly bannerMs: number;
  /** From the boot text until the first command is heard. */
  readonly readyMs: number;
  /** From then until +CPIN [estimate]. */
  readonly simMs: number;
  /** RESET_N low at least so long. */
  readonly resetMs: number;
  /** PSM_EINT low at least so long. */
  readonly psmEintMs: number;
  /** AT+QPOWD=0 until VDD_EXT falls [estimate]; the manual allows 85 s. */
  readonly powerDownMs: number;
  /** AT+QRST=1 until the chip starts again [estimate]. */
  readonly restartMs: number;
}

/**
 * Settings of a simulated BC66. Everything that the references leave open, contradict or infer is here
 * with its choices, marked [guess]; the default is the choice that they make more likely and, where they
 * are silent, the one that is harder on a driver.
 */
export interface Bc66Settings {
  readonly maker: string;
  readonly model: string;
  readonly revision: string;
  readonly imei: string;
  readonly sim: SimSettings;
  readonly operator: OperatorSettings;
  readonly registration: "home" | "roaming" | "denied" | "searching";
  /** First registration on a network takes minutes, later ones seconds. */
  readonly attach: "warm" | "cold";
  readonly coldAttachMs: number;
  readonly boot: BootSettings;
  readonly port: PortSettings;
  /** Milliseconds since 1970 at simulated time 0. */
  readonly epochMs: number;
  /** Quarter hours east of UTC that the network tells. */
  readonly timeZoneQuarters: number;
  /** The network tells the time at registration (NITZ). */
  readonly networkTime: boolean;
  /** rxlev, rsrq, rsrp as +CESQ codes them, and +CSQ. */
  readonly signal: {
    readonly csq: number;
    readonly rxlev: number;
    readonly rsrq: number;
    readonly rsrp: number;
  };
  readonly supplyMillivolts: number;
  /** +QENG with an empty transmit power (14 values), or 13 values. */
  readonly cellValues: 14 | 13;

  // UART and boot
  /** Rates that training recognises; the manual says all up to 115200, a test string of A10 three of them. */
  readonly autobaudRates: readonly number[];
  /** [guess] `AT` lines that are used up by the training before one is answered. */
  readonly trainingLines: number;
  /** [guess] RDY and other URCs before the rate is known. */
  readonly beforeTraining: "absent" | "garbled" | "held";
  /** AT+QRST=1 answers OK before it restarts; both were seen. */
  readonly resetAnswers: boolean;
  /** AT+QPOWD=2 (reset) exists: A10 yes, A04 no. */
  readonly powerDownResets: boolean;
  /** [guess] PWRKEY wakes from deep sleep as PSM_EINT does. */
  readonly powerKeyWakes: boolean;
  /** [guess] Level of VDD_EXT in deep sleep. */
  readonly vddExtInDeepSleep: boolean;
  /** `+CFUN: 1`; an extra blank and others are seen: `+CFUN : 1`. */
  readonly functionalityLine: string;

  // Sleep
  /** [guess] AT+QSCLK at a start without deep sleep before it. */
  readonly sleepDefault: 0 | 1 | 2;
  /** [inferred] TLS settings and certificates after deep sleep. */
  readonly certificatesInDeepSleep: "lost" | "kept";
  /** [guess] AT+CGDCONT after deep sleep: the manual has a dash. */
  readonly contextsInDeepSleep: "lost" | "kept";
  /** Release of the radio connection by the network may be long after the last data. */
  readonly releaseMs: number;

  // Data mode
  /** [guess] Payload typed after a socket's prompt is echoed (AT+QISDE, QICFG "echomode"). */
  readonly dataEcho: boolean;
  /** [guess] Certificates are echoed while they are uploaded. */
  readonly uploadEcho: boolean;
  /** [inferred] Bytes of one certificate or key. */
  readonly uploadLimitBytes: number;
  /** [guess] A longer one: cut, or ERROR. */
  readonly uploadOverflow: "cut" | "error";
  /** Typing up to the limit in a send without length sends at once (a driver's report of QSSLSEND). */
  readonly sendEndsAtLimit: boolean;

  // Sockets
  /** [inferred] Unread bytes of a socket; what comes beyond is acknowledged and lost. Infinity: unlimited. */
  readonly receiveBufferBytes: number;
  /** Bytes that a socket takes and the peer has not acknowledged. */
  readonly sendBufferBytes: number;
  /** [guess] Bytes of one pushed URC of a socket. */
  readonly pushBytes: number;
  /** Two forms of the overflow URC are in the firmware. */
  readonly overflowForm: "with-id" | "without-id";
  /** [guess] QIOPEN without registration or bearer. */
  readonly openWithoutBearer: "error" | "urc-561";
  /** [guess] QIOPEN with an id in use. */
  readonly openUsedId: "error" | "urc-563";
  /** [guess] QICLOSE and QSSLCLOSE of what is not open. */
  readonly closeUnopened: "error" | "result";
  /** [guess] QISEND whose text is shorter than its length. */
  readonly shortInline: "error" | "sent";
  /** [guess] Sockets hear of a bearer that the network took down. */
  readonly closedUrcAfterDeactivation: boolean;
  /** [guess] The module brings its bearer up again by itself. */
  readonly reactivates: boolean;
  readonly connectTimeoutMs: number;
  readonly closeTimeoutMs: number;

  // TLS
  /** QSSLCFG knows "sni": ERROR on one firmware of 2023, accepted by another. */
  readonly sniItem: boolean;
  /** [inferred] Server name indication is sent where no item governs it; the extension is compiled in. */
  readonly sniSent: boolean;
  /** [guess] Certificates are judged by the module's clock. */
  readonly checksDates: boolean;
  /** [guess] The host's name is looked for in the certificate; the library does that with SNI. */
  readonly checksHost: boolean;
  /** [inferred] No EC client keys. */
  readonly ecClientKeys: boolean;
  /** [inferred] Handshake messages split over records end the handshake. */
  readonly refusesSplitMessages: boolean;
  /** [guess] A CA item that holds an intermediate alone is an anchor; mbedTLS takes it. */
  readonly partialChain: boolean;
  /** Result code of +QSSLOPEN and +QSSLSEND by cause; most are [inferred]. */
  readonly tlsCodes: Readonly<Record<Bc66TlsCause, number>>;

  // Registration and time
  /** [guess] One more empty field in +CEREG of a registered module, as logs show it while searching. */
  readonly registeredExtraField: boolean;
  /** [guess] +CCLK and +QCCLK show local time, or UTC with the zone behind it. */
  readonly clockShows: "local" | "utc";
  readonly mqtt: MqttSettings;
}

const manualAutobaudRates = [110, 300, 1_200, 2_400, 4_800, 9_600, 19_200, 38_400, 57_600, 115_200];

export const defaultBc66Settings: Bc66Settings = {
  maker: "Quectel_Ltd",
  model: "Quectel_BC66",
  revision: "BC66NBR01A10",
  imei: "867997030000011",
  sim: {
    state: "ready",
    pin: "1234",
    puk: "12345678",
    iccid: "89490200001000000025",
    imsi: "262010000000025",
  },
  operator: { longName: "Simulated", shortName: "Sim", numeric: "26201" },
  registration: "home",
  attach: "warm",
  coldAttachMs: 180_000,
  boot: {
    powerKeyMs: 500,
    vddExtMs: 100,
    bannerMs: 300,
    readyMs: 1_500,
    simMs: 200,
    resetMs: 50,
    psmEintMs: 100,
    powerDownMs: 3_000,
    restartMs: 100,
  },
  port: {
    commandMs: 30,
    multiline: "compact",
    inputWhileBusy: "queued",
    urcWhileData: "lost",
    longestLine: 1_400,
    promptText: ">",
    // The manual asks for 500, drivers work with 5.
    promptPauseMs: 0,
    blankBehindPlus: true,
  },
  epochMs: Date.UTC(2026, 10, 20, 12, 0, 0),
  timeZoneQuarters: 0,
  networkTime: true,
  signal: { csq: 22, rxlev: 40, rsrq: 20, rsrp: 48 },
  supplyMillivolts: 3_280,
  cellValues: 14,
  autobaudRates: manualAutobaudRates,
  trainingLines: 1,
  beforeTraining: "absent",
  resetAnswers: true,
  powerDownResets: true,
  powerKeyWakes: true,
  vddExtInDeepSleep: false,
  functionalityLine: "+CFUN: ",
  sleepDefault: 1,
  certificatesInDeepSleep: "lost",
  contextsInDeepSleep: "lost",
  releaseMs: 20_000,
  dataEcho: true,
  uploadEcho: false,
  uploadLimitBytes: 3_072,
  uploadOverflow: "cut",
  sendEndsAtLimit: true,
  receiveBufferBytes: 2_168,
  sendBufferBytes: 4_096,
  pushBytes: 512,
  overflowForm: "with-id",
  openWithoutBearer: "error",
  openUsedId: "error",
  closeUnopened: "error",
  shortInline: "error",
  closedUrcAfterDeactivation: true,
  reactivates: true,
  connectTimeoutMs: 45_000,
  closeTimeoutMs: 5_000,
  sniItem: false,
  sniSent: true,
  checksDates: true,
  checksHost: true,
  ecClientKeys: false,
  refusesSplitMessages: true,
  partialChain: true,
  tlsCodes: defaultTlsCodes,
  registeredExtraField: false,
  clockShows: "local",
  mqtt: defaultBc66MqttSettings,
};

/** Defaults with changes; the nested records may be given in part. */
export type Bc66Changes = Partial<
  Omit<Bc66Settings, "sim" | "operator" | "boot" | "port" | "mqtt" | "tlsCodes">
> & {
  readonly sim?: Partial<SimSettings>;
  readonly operator?: Partial<OperatorSettings>;
  readonly boot?: Partial<BootSettings>;
  readonly port?: Partial<PortSettings>;
  readonly mqtt?: Partial<MqttSettings>;
  readonly tlsCodes?: Partial<Record<Bc66TlsCause, number>>;
};

export function bc66Settings(changes: Bc66Changes = {}): Bc66Settings {
  const base = defaultBc66Settings;
  return {
    ...base,
    ...changes,
    sim: { ...base.sim, ...changes.sim },
    operator: { ...base.operator, ...changes.operator },
    boot: { ...base.boot, ...changes.boot },
    port: { ...base.port, ...changes.port },
    mqtt: { ...base.mqtt, ...changes.mqtt },
    tlsCodes: { ...base.tlsCodes, ...changes.tlsCodes },
  };
}
