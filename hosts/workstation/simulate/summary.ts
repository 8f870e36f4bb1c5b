import type { RunResult } from "./result.js";

function bytes(count: number): string {
  return `${count.toLocaleString("en")} bytes`;
}

function row(name: string, text: string): string {
  return `  ${name.padEnd(10)} ${text}\n`;
}

/** What a person wants to read after a run that went well. */
export function summaryOf(result: RunResult): string {
  const { messages, broker, uart, memory, compute, engine } = result;
  let text = `\nOnline, ${String(messages.acknowledged)} of ${String(messages.published)} messages delivered, ${String(messages.received.length)} received.\n`;
  text += row("route", `${result.route.name}: ${result.route.reason}`);
  text += row("broker", broker.url);
  if (broker.tls !== null) {
    const { by, version, cipher, handshakeSent, handshakeReceived, handshakeCommands } = broker.tls;
    const commands =
      by === "module" ? "1 AT command (the module does it)" : `${handshakeCommands} AT commands`;
    text += row("TLS", `${version}, ${cipher}, by the ${by}`);
    text += row("handshake", `${bytes(handshakeSent)} up, ${bytes(handshakeReceived)} down, ${commands}`);
  }
  for (const message of messages.received) text += row("received", `${message.topic}: ${message.payload}`);
  text += row(
    "UART",
    `${String(uart.baud)} baud, ${uart.serial} serial class: ${bytes(uart.toModule)} to the module, ${bytes(uart.fromModule)} from it, ${String(uart.commands)} AT commands, ${String(uart.overruns)} bytes lost`,
  );
  text +=
    engine.name === "xs"
      ? row(
          "memory",
          `${engine.version}: heap peak ${bytes(memory.peakBytes)} of ${bytes(memory.budgetBytes)}, stack peak ${String(memory.stackPeakSlots)} slots, byte code of both modules and all routes ${bytes(memory.bytecodeBytes)} (in flash)`,
        )
      : row("memory", `not measured: ${engine.version} stands in for XS`);
  if (engine.name === "xs") {
    text += row(
      "engine",
      `${String(compute.turns)} turns, ${compute.steps.toLocaleString("en")} steps; estimated for an ESP32: busy ${compute.busyMs.toFixed(0)} ms, longest turn ${compute.longestTurnMs.toFixed(1)} ms`,
    );
  }
  const marks = result.buffers.map(
    ({ name, size, highWater }) => `${name} ${String(highWater)}/${String(size)}`,
  );
  text += row("buffers", `high-water marks: ${marks.join(", ")}`);
  text += row(
    "time",
    `${(result.durationMs / 1000).toFixed(1)} s here, ${(result.simulatedMs / 1000).toFixed(1)} s on the device`,
  );
  return text;
}
