/** What a SIM holds and whether it is there. */
export interface SimSettings {
  readonly state: "ready" | "pin" | "puk" | "absent";
  readonly pin: string;
  readonly puk: string;
  readonly iccid: string;
  readonly imsi: string;
}

export interface OperatorSettings {
  readonly longName: string;
  readonly shortName: string;
  readonly numeric: string;
}
