import { realpathSync } from "node:fs";
import { ImageTarget } from "../../../certs/factory/image-target.js";
import type { OpenTarget } from "../../../certs/factory/target.js";
import { readSecret } from "../../../certs/files/secret.js";
import type { Profile } from "../../../certs/profile/profile.js";
import { choice, CHOICE_OF } from "../choice.js";
import { refuse, shown } from "../simulate/check.js";
import type { NetworkOptions } from "./targets/modem/handshake.js";

/** Rates that modules and USB adapters share. */
const BAUD_RATES = ["9600", "19200", "38400", "57600", "115200", "230400", "460800", "921600"] as const;

/** Options of ports, for verbs that open some. */
export interface RawPorts {
  readonly baud?: string;
  readonly apn?: string;
}

/** The device behind a name; links to it are made anew by udev, and may not be there yet. */
function deviceOf(port: string): string {
  if (port.startsWith("tcp:")) return port.toLowerCase();
  try {
    return realpathSync(port);
  } catch {
    return port;
  }
}

/**
 * Names of ports, before any is opened.
 * @throws InputError for one that is none, or when two are one device.
 */
export function checkPorts(ports: readonly string[]): void {
  for (const port of ports) {
    if (port.trim() === "")
      refuse(
        "--port",
        "--port is empty",
        "A variable of a script that was never set looks like that.",
        "Give a path, such as /dev/ttyUSB0, or tcp:HOST:PORT.",
      );
    if (!port.startsWith("tcp:")) continue;
    const number = Number(/^tcp:.+:(\d{1,5})$/.exec(port)?.[1] ?? NaN);
    if (!(number >= 1 && number <= 65_535))
      refuse(
        "--port",
        `--port ${shown(port)} is no tcp:HOST:PORT`,
        "Behind tcp: stand a host and a port from 1 to 65535.",
        "For example: --port tcp:127.0.0.1:7001",
      );
  }
  const devices = ports.map(deviceOf);
  const again = devices.findIndex((one, index) => devices.indexOf(one) !== index);
  const twice = ports[again];
  if (twice === undefined) return;
  const first = ports[devices.indexOf(devices[again] ?? "")] ?? twice;
  const other = first === twice ? "" : `: it is the same device as ${first}`;
  refuse("--port", `--port ${twice} is there twice${other}`, "A port has one unit.", "Name each port once.");
}

/** What a profile says of the network, its secrets read from their files. */
function networkOf({ network }: Profile, raw: RawPorts): NetworkOptions {
  const secret = (
    file: string | undefined,
    member: string,
    kind: "passphrase" | "PIN",
  ): string | undefined =>
    file === undefined ? undefined : readSecret({ file }, { file: member, descriptor: "", kind });
  return {
    apn: raw.apn ?? network?.apn,
    apnUser: network?.apnUser,
    apnPassword: secret(network?.apnPasswordFile, "network.apnPasswordFile", "passphrase"),
    pin: secret(network?.simPinFile, "network.simPinFile", "PIN"),
    timeServer: network?.timeServer,
  };
}

/** How ports are opened: what the profile's target needs, by whoever it is made by. */
export function opener(
  profile: Profile,
  raw: RawPorts,
  onNotice: (port: string, code: string, text: string) => void,
): OpenTarget {
  const { target, module, route } = profile;
  const baud =
    raw.baud === undefined ? undefined : Number(choice("--baud", raw.baud, BAUD_RATES, CHOICE_OF.known));
  if (target !== "modem" && (raw.baud ?? raw.apn) !== undefined)
    return refuse(
      raw.baud === undefined ? "--apn" : "--baud",
      `${raw.baud === undefined ? "--apn" : "--baud"} is given, but the profile's target is "${target}"`,
      "The firmware's console has 115,200 baud, and its network is its own.",
      "Leave it out.",
    );
  switch (target) {
    case "device":
      return async port => {
        const { openDeviceTarget } = await import("./targets/device.js");
        return await openDeviceTarget(port, {
          onNotice: (code, text) => {
            onNotice(port, code, text);
          },
        });
      };
    case "modem": {
      const network = networkOf(profile, raw);
      return async port => {
        const { openModemTarget } = await import("./targets/modem/target.js");
        return await openModemTarget(port, {
          module,
          route,
          baud,
          network,
          onNotice: ({ code, text }) => {
            onNotice(port, code, text);
          },
        });
      };
    }
    case "image":
      return path => Promise.resolve(new ImageTarget({ path }));
  }
}
