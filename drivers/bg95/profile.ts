/** The BG95 as data. Every figure with its source. */
import { command } from "../../modules/at/command.js";
import type { Profile, StartStep } from "../quectel/profile.js";
import { quectelUrcs } from "../quectel/urcs.js";

function step(text: string, mayFail?: true): StartStep {
  const c = command({ text, timeoutMs: 2_000 });
  return Object.freeze(mayFail ? { command: c, mayFail } : { command: c });
}

export const bg95: Profile = Object.freeze<Profile>({
  model: "BG95",
  context: 1,
  urcs: quectelUrcs,
  // None of these is kept over a restart (AT manual V2.0, TCP/IP note V1.1).
  startScript: Object.freeze([
    step("ATE0"),
    step("AT+CMEE=1"),
    // The module repeats payload before `SEND OK` unless told not to.
    step("AT+QISDE=0"),
    // Registration reports with cell and technology, in LTE and in GSM.
    step("AT+CEREG=2"),
    step("AT+CGREG=2", true),
    // Reports go to the port that this command came from; BG96 sends them to USB otherwise.
    step('AT+QURCCFG="urcport","uart1"', true),
  ]),
  power: Object.freeze({
    // Hardware design: 500 to 1000 ms turn it on, 650 to 1500 ms turn it off.
    powerKeyMs: 600,
    // Hardware design: 2 to 3.8 s.
    resetMs: 2_500,
    // UART usable 2.5 s after PWRKEY; `APP RDY` seconds later, 33 s on the slowest board seen.
    bootMs: 40_000,
    // AT manual, AT+QPOWD: detaching takes up to 60 s.
    powerDownMs: 65_000,
  }),
  sockets: Object.freeze({
    // TCP/IP note: ids 0 to 11. A driver's documentation counts TCP and TLS together.
    count: 12,
    // TCP/IP note; for TLS the test command says the same.
    sendMax: 1_460,
    // TCP/IP note and SSL manual.
    receiveMax: 1_500,
    // Default 10 s; measured: all of it when the peer stays silent.
    closeTimeoutS: 3,
    openTimeoutMs: 150_000,
    // SSL manual: 10 to 300.
    handshakeTimeoutS: 120,
    // `\r\n+QSSLRECV: 1500\r\n` + `\r\n\r\nOK\r\n`, rounded up.
    receiveOverhead: 28,
    stockReceiveBurst: 128,
  }),
  // SSL manual: contexts 0 to 5.
  tlsContexts: 6,
  // TCP/IP note: restart when the SIM is not ready after 20 s; 60 s for registration, NB-IoT needs more.
  simMs: 20_000,
  registrationMs: 180_000,
  registrationPollMs: 15_000,
});
