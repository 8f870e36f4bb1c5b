import type { Application } from "../../hosts/firmware/application.js";
import { Reports } from "../../hosts/firmware/reports.js";

/** Gives a reading, volts. */
export type Sensor = () => number;

/** What `{"everyS": 300}` asks for; `undefined`: that is no such command. */
function everyS(text: string): number | undefined {
  try {
    const command: unknown = JSON.parse(text);
    const value: unknown =
      typeof command === "object" && command !== null ? Reflect.get(command, "everyS") : 0;
    return typeof value === "number" && value >= 10 ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A station with this sensor: reads it, publishes, takes a command that changes the interval, sleeps. */
export function stationOf(sensor: Sensor): typeof Application {
  return class Station extends Reports {
    protected override reading(n: number): string {
      return JSON.stringify({ n, volts: Math.round(sensor() * 1000) / 1000 });
    }

    protected override onCommand(topic: string, text: string): void {
      const seconds = everyS(text);
      if (seconds === undefined) this.host.report("unknown command", topic);
      else this.setEvery(seconds * 1_000);
    }
  };
}
