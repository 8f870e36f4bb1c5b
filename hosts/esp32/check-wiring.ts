import type { ModuleName } from "../firmware/config.js";
import { chips, type Chip } from "./chips.js";
import { lineNames, type Line, type WiredBoard } from "./wiring.js";

/** Something wrong with a wiring. */
export interface WiringFault {
  /** `wiring.powerKey`, `board`: a member of `config`. */
  readonly member: string;
  readonly value: number | string | undefined;
  /** One sentence. */
  readonly why: string;
  /** What to do. One sentence. */
  readonly fix: string;
  /** False: it works, with something to heed. */
  readonly fatal: boolean;
}

/** Rates that the module can be set to: AT+IPR in the BG95 AT manual V2.0 and the BC66 AT manual V2.1. */
const RATES: readonly number[] = Object.freeze([
  9_600, 19_200, 38_400, 57_600, 115_200, 230_400, 460_800, 921_600,
]);
/** Up to here a BC66 learns the rate from the first command; above it has to be set first. */
const LEARNED = 115_200;
/** What a BG95 speaks until it is told otherwise. */
const BG95_RATE = 115_200;

const FREE = "Choose another GPIO.";

class Check {
  readonly faults: WiringFault[] = [];
  private readonly chip: Chip;
  private readonly users: string[] = [];

  constructor(chip: Chip) {
    this.chip = chip;
  }

  fault(member: string, value: number | string | undefined, why: string, fix: string, fatal = true): void {
    this.faults.push(Object.freeze({ member, value, why, fix, fatal }));
  }

  pin(member: string, pin: number, output: boolean): void {
    const chip = this.chip;
    if (!Number.isInteger(pin) || pin < 0 || pin > chip.last || chip.missing.includes(pin)) {
      this.fault(member, pin, "The chip has no such GPIO.", "Give a GPIO number of the chip.");
      return;
    }
    const other = this.users[pin];
    if (other !== undefined)
      this.fault(member, pin, `GPIO ${pin} is ${other} already.`, "Give each line a GPIO of its own.");
    this.users[pin] = member;
    if (chip.flash.includes(pin))
      this.fault(member, pin, `The chip's flash is on GPIO ${pin}: the program would stop.`, FREE);
    else if (chip.console.includes(pin))
      this.fault(member, pin, `GPIO ${pin} is the console's: the device is flashed and logs there.`, FREE);
    else if (output && chip.inputOnly.includes(pin))
      this.fault(member, pin, `GPIO ${pin} can only be read.`, FREE);
    else if (chip.strapping.includes(pin))
      this.fault(
        member,
        pin,
        `GPIO ${pin} is a strapping pin: what pulls it at reset decides how the chip starts.`,
        "See that nothing on the line pulls it the wrong way, or choose another GPIO.",
        false,
      );
    else if (chip.psram.includes(pin))
      this.fault(
        member,
        pin,
        `On chip modules with PSRAM GPIO ${pin} is taken.`,
        "Use a chip module without PSRAM, or choose another GPIO.",
        false,
      );
    else if (chip.usb.includes(pin))
      this.fault(
        member,
        pin,
        `GPIO ${pin} is the chip's own USB.`,
        "Flash and debug over UART 0, or choose another GPIO.",
        false,
      );
  }

  line(member: string, line: Line, output: boolean): void {
    const active: unknown = line.active;
    this.pin(member, line.pin, output);
    if (active !== 0 && active !== 1)
      this.fault(member + ".active", String(active), "A pin is 0 or 1.", "Give active as 0 or 1.");
    if (line.openDrain && line.active === 1)
      this.fault(
        member,
        line.pin,
        "An open drain cannot drive high.",
        "Give active: 0, or leave openDrain out.",
      );
    if (line.pull !== undefined && this.chip.inputOnly.includes(line.pin))
      this.fault(
        member + ".pull",
        line.pull,
        `GPIO ${line.pin} has no pull resistor.`,
        "Put one on the board, and leave pull out.",
      );
  }

  rate(module: ModuleName, baud: number): void {
    const member = "wiring.uart.baud";
    if (!RATES.includes(baud))
      this.fault(member, baud, "The module has no such rate.", "Use one of: " + RATES.join(", ") + ".");
    else if (module === "bc66" && baud > LEARNED)
      this.fault(
        member,
        baud,
        `A BC66 learns rates up to ${LEARNED} only.`,
        `Use ${LEARNED}, or set the rate in the module first: AT+IPR=${baud}.`,
        false,
      );
    else if (module === "bg95" && baud !== BG95_RATE)
      this.fault(
        member,
        baud,
        `A BG95 speaks ${BG95_RATE} until it is told otherwise.`,
        `Use ${BG95_RATE}, or set and store the rate in the module first: AT+IPR=${baud};&W.`,
        false,
      );
  }
}

/**
 * What is wrong with a wiring; empty when all is well. Pins once only and such that the chip can use
 * them so, none of flash and console, rates that the module knows, flow control where it has that.
 */
export function checkWiring({ chip, module, wiring }: WiredBoard): readonly WiringFault[] {
  const check = new Check(chips[chip]);
  const uart = wiring.uart;
  const uarts = chips[chip].uarts;
  if (uart.port === 0)
    check.fault("wiring.uart.port", 0, "UART 0 is the console.", `Use UART 1 to ${uarts - 1}.`);
  else if (!Number.isInteger(uart.port) || uart.port < 0 || uart.port >= uarts)
    check.fault("wiring.uart.port", uart.port, "The chip has no such UART.", `Use UART 1 to ${uarts - 1}.`);
  check.pin("wiring.uart.receive", uart.receive, false);
  check.pin("wiring.uart.transmit", uart.transmit, true);
  if (uart.rts !== undefined) check.pin("wiring.uart.rts", uart.rts, true);
  if (uart.cts !== undefined) check.pin("wiring.uart.cts", uart.cts, false);
  if ((uart.rts === undefined) !== (uart.cts === undefined))
    check.fault("wiring.uart", undefined, "Flow control takes RTS and CTS.", "Give both, or neither.");
  else if (uart.rts !== undefined && module === "bc66")
    check.fault("wiring.uart.rts", uart.rts, "A BC66 has no flow control.", "Leave rts and cts out.");
  check.rate(module, uart.baud);
  for (const name of lineNames) {
    const line = wiring[name];
    if (line !== undefined) check.line("wiring." + name, line, name !== "status");
  }
  return check.faults;
}
