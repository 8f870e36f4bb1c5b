/** The BG95 as data, without its sockets and its TLS, which not every product has. Every figure with its source. */
import { plainCommand, plainQuery } from "../../modules/at/command.js";
import type { Profile, StartStep } from "../quectel/profile.js";
import { bg95Commands } from "./commands.js";
import { bg95Urcs } from "./urcs.js";

function step(text: string, mayFail?: true): StartStep {
  const c = plainCommand(text, 2_000);
  return Object.freeze(mayFail ? { command: c, mayFail } : { command: c });
}

export const bg95Core: Profile = Object.freeze<Profile>({
  model: "BG95",
  context: 1,
  urcs: bg95Urcs,
  commands: bg95Commands,
  // All but the last are lost at a restart (AT manual V2.0, TCP/IP note V1.1).
  startScript: Object.freeze([
    step("ATE0"),
    step("AT+CMEE=1"),
    // The module repeats payload before `SEND OK` unless told not to.
    step("AT+QISDE=0"),
    // Registration reports with cell and technology, in LTE and in GSM.
    step("AT+CEREG=2"),
    step("AT+CGREG=2", true),
    // Reports go to this port; a BG96 sends them to USB as delivered. Kept in the module's flash: written
    // only when it is another.
    Object.freeze<StartStep>({
      command: plainQuery<boolean>(
        'AT+QURCCFG="urcport"',
        2_000,
        "+QURCCFG:",
        line => line.is(1, "uart1"),
        false,
      ),
      otherwise: () => plainCommand('AT+QURCCFG="urcport","uart1"', 2_000),
      mayFail: true,
    }),
  ]),
  power: Object.freeze({
    // Hardware design: 500 to 1000 ms turn it on, 650 to 1500 ms turn it off.
    powerKeyMs: 600,
    powerKeyOffMs: 900,
    // Hardware design: a rising edge on PON_TRIG.
    wakeMs: 100,
    // Hardware design: 2 to 3.8 s.
    resetMs: 2_500,
    // UART usable 2.5 s after PWRKEY; `APP RDY` seconds later, 33 s on the slowest board seen.
    bootMs: 40_000,
    // Hardware design: power-down takes 1.3 s and more after the report.
    offMs: 2_000,
    // Field reports: refused for some seconds after the start.
    powerDownTries: 10,
  }),
  sockets: Object.freeze({
    // TCP/IP note: ids 0 to 11. A driver's documentation counts TCP and TLS together.
    count: 12,
    // TCP/IP note; for TLS the test command says the same.
    sendMax: 1_460,
    // TCP/IP note (there also the default) and SSL manual.
    receiveMax: 1_500,
    // As much as one read can bring.
    incomingBytes: 1_500,
    // TCP/IP note.
    hostMax: 150,
    // Default 10 s; measured: all of it when the peer stays silent.
    closeTimeoutS: 3,
    // TCP/IP note; SSL manual: and the handshake's limit.
    openTimeoutMs: 150_000,
    // SSL manual: 10 to 300.
    handshakeTimeoutS: 120,
    // TCP/IP note: the result comes within 60 s.
    lookupMs: 60_000,
    // TCP/IP note: a send has 120 s; the sum of the waits is a little more.
    sendRetryMs: 250,
    sendRetries: 9,
    // `\r\n+QSSLRECV: 1500\r\n` + `\r\n\r\nOK\r\n`, rounded up.
    receiveOverhead: 28,
    // ESP32: the receive FIFO, which is all that the stock class has.
    stockReceiveBurst: 128,
  }),
  // TCP/IP note: restart when the SIM is not ready after 20 s; 60 s for registration, NB-IoT needs more.
  simMs: 20_000,
  registrationMs: 180_000,
  // Reports tell first; this is for the case that one is lost.
  registrationPollMs: 15_000,
  // The context has to be activated.
  bearerMs: 0,
  // Field log: the first right after registration fails, the second succeeds.
  activations: 2,
  // TCP/IP note.
  openFailures: 5,
  // TCP/IP note, AT+QNTP.
  timeServerMs: 125_000,
});
