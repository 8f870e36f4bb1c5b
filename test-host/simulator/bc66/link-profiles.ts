import { linkProfiles, type LinkName, type LinkProfile } from "../link.js";

/** `nb-iot` is coverage level 0; the levels 1 and 2 repeat every block and take longer. */
export type Bc66LinkName = LinkName | "nb-iot-ecl1" | "nb-iot-ecl2";

/** TCP downlink 2 KB/s at levels 0 and 1 (measured on a BC660K), round trip 0.7-1.6 s; the rest [estimate]. */
const level0: LinkProfile = {
  name: "nb-iot",
  accessTechnology: 9,
  rttMs: 800,
  jitterMs: 100,
  upBitsPerSecond: 9_600,
  downBitsPerSecond: 16_000,
  attachMs: 6_000,
  activateMs: 0,
  deactivateMs: 1_000,
  openMs: 500,
  sendMs: 50,
  handshakeMs: 800,
  contexts: 1,
  detachMs: 5_000,
  releaseMs: 20_000,
};

const profiles: Readonly<Record<Exclude<Bc66LinkName, "lte-m">, LinkProfile>> = {
  none: { ...linkProfiles.none, accessTechnology: 9, contexts: 1 },
  "nb-iot": level0,
  "nb-iot-ecl1": { ...level0, rttMs: 1_600, jitterMs: 400 },
  "nb-iot-ecl2": {
    ...level0,
    rttMs: 6_000,
    jitterMs: 1_000,
    upBitsPerSecond: 2_400,
    downBitsPerSecond: 4_000,
  },
};

/** Throws for `lte-m`, which this module has not. */
export function bc66LinkProfile(name: Bc66LinkName): LinkProfile {
  if (name === "lte-m") throw new RangeError("A BC66 has no LTE-M: none, nb-iot, nb-iot-ecl1 or nb-iot-ecl2");
  return profiles[name];
}
