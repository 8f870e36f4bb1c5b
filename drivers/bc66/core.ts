/**
 * The BC66 as data, without its TCP sockets and its TLS, which not every product has. Every figure with its source: Quectel BC66&BC66-NA AT Commands Manual V2.1, SSL
 * Application Note V1.0, MQTT Application Note V2.0; strings of firmware BC66NBR01A10; drivers and logs
 * from the field, because the note on TCP/IP is not public.
 */
import { plainCommand, plainQuery } from "../../modules/at/command.js";
import { failure } from "../../modules/diagnosis/failure.js";
import type { Profile, StartStep } from "../quectel/profile.js";
import { bc66Commands } from "./commands.js";
import { bc66Urcs, onReport } from "./urcs.js";

/** Refused now and then right after a start, says a field log. */
const START_TRIES = 5;

function step(text: string): StartStep {
  return Object.freeze<StartStep>({
    command: plainCommand(text, 2_000),
    tries: START_TRIES,
    mayFail: true,
  });
}

/**
 * A setting of the sockets, which the module keeps in its flash: asked for, and written when it is
 * another. Either costs one command, but writing at each start would wear the flash.
 */
function kept(item: string, first: number, second?: number): StartStep {
  const text = 'AT+QICFG="' + item + '"';
  const values = "," + String(first) + (second === undefined ? "" : "," + String(second));
  return Object.freeze<StartStep>({
    command: plainQuery<boolean>(
      text,
      2_000,
      "+QICFG:",
      line => line.int(1) === first && (second === undefined || line.int(2) === second),
      false,
    ),
    otherwise: () => plainCommand(text + values, 2_000),
    mayFail: true,
  });
}

export const bc66Core: Profile = Object.freeze<Profile>({
  model: "BC66",
  // Contexts 1 to 3 are taken, and all but the first fail.
  context: 1,
  refuse(context, apn) {
    if (context !== 1)
      return failure("argument", "context", context, "a BC66 carries data in context 1 only");
    // Manual: 99 at most.
    return apn.length > 99
      ? failure("limit", "AT+QCGDEFCONT", undefined, "access point name over 99 characters")
      : undefined;
  },
  urcs: bc66Urcs,
  onReport,
  commands: bc66Commands,
  startScript: Object.freeze<StartStep[]>([
    // Learnt anew at every start where it is 0; written once, and kept.
    Object.freeze<StartStep>({
      command: plainQuery<boolean>("AT+IPR?", 2_000, "+IPR:", line => line.int(0) !== 0),
      otherwise: baud => (baud === undefined ? undefined : plainCommand("AT+IPR=" + String(baud), 2_000)),
      mayFail: true,
    }),
    step("ATE0"),
    // Not kept over a start; in light sleep the first command is lost, in deep sleep all that is set.
    step("AT+QSCLK=0"),
    step("AT+CMEE=1"),
    step("AT+CEREG=1"),
    kept("dataformat", 0, 0),
    // Data on a line of their own.
    kept("viewmode", 0),
    // Reads and reports tell how much is left: no read is in vain.
    kept("showlength", 1),
    kept("echomode", 0),
    // Payload is not repeated before `SEND OK`.
    step("AT+QISDE=0"),
  ]),
  power: Object.freeze({
    // Drivers: 500 to 550 ms.
    powerKeyMs: 600,
    // Drivers: 100 ms; 50 to 100.
    resetMs: 80,
    // BC65 hardware design: 100 ms and more; a BC66 board holds it for a second.
    wakeMs: 200,
    // Until the first `AT`. What is sent while the boot text comes is lost, and asked again.
    bootMs: 300,
    // Every 300 ms: 12 s. Banner to first answer: 1.8 s in a log, about 5 s in guides.
    asks: 40,
    // A driver waits 25 s for VDD_EXT to fall; the command itself may take 85 s.
    offMs: 2_000,
    powerDownTries: 10,
  }),
  sockets: Object.freeze({
    // Test command: ids 0 to 4.
    count: 5,
    // Test command: 1 to 1024 by prompt.
    sendMax: 1_024,
    // Test command: 1 to 512.
    receiveMax: 512,
    // Four reads: what the module holds beyond may be lost.
    incomingBytes: 2_048,
    // Not documented for the BC66. Seen on a BC660K with the same report of a full buffer; what comes
    // then is lost although it was acknowledged.
    moduleBytes: 2_168,
    // SSL and MQTT notes; not documented for TCP.
    hostMax: 150,
    // Drivers: 45 to 75 s.
    openTimeoutMs: 75_000,
    // SSL note: the default.
    handshakeTimeoutS: 90,
    lookupMs: 60_000,
    sendRetryMs: 250,
    sendRetries: 9,
    // `\r\n+QIRD: 512,1656\r\n` + `\r\n\r\nOK\r\n` and a report, rounded up.
    receiveOverhead: 28,
    stockReceiveBurst: 128,
  }),
  simMs: 20_000,
  // Guide: 5 to 7 minutes on a new network; forum: up to 10.
  registrationMs: 600_000,
  registrationPollMs: 15_000,
  // The bearer comes with the registration; one that was deactivated has to be activated.
  bearerMs: 10_000,
  accessPointRestarts: true,
  activations: 2,
  openFailures: 5,
  // As the BG95's.
  timeServerMs: 125_000,
});
