import type { Board } from "../../../hosts/esp32/boards/board.js";
import { lineNames, type Line } from "../../../hosts/esp32/wiring.js";

function line(wired: Line | undefined): string {
  if (wired === undefined) return "";
  return `${wired.pin}${wired.active === 0 ? " low" : ""}${wired.openDrain ? ", open drain" : ""}`;
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

/** What docs/boards.md says of the boards, between its marks. */
export function boardsText(boards: readonly Board[]): string {
  const head = ["`board`", "chip", "module", "UART", "RX", "TX", "baud", ...lineNames];
  const table = [
    row(head),
    row(head.map((_, index) => (index < 3 ? "---" : "---:"))),
    ...boards.map(({ name, chip, module, wiring }) => {
      const { port, receive, transmit, baud } = wiring.uart;
      const cells = [`\`${name}\``, chip, module, port, receive, transmit, baud];
      return row([...cells.map(String), ...lineNames.map(one => line(wiring[one]))]);
    }),
  ];
  const texts = boards.map(({ name, title, evidence, levels, notes, sources }) =>
    [
      `### ${name}`,
      "",
      `${title} (${evidence}).`,
      "",
      `- Levels: ${levels}`,
      ...notes.map(note => `- ${note}`),
      ...Object.entries(sources).map(([part, source]) => `- Source of ${part}: ${source}.`),
    ].join("\n"),
  );
  return [table.join("\n"), ...texts].join("\n\n");
}
